// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unwind tables for the BPF side: made of each executable file once, shared by all processes that
 * map it, refreshed when a process's mappings change.  A process without tables is followed by
 * frame pointers, and that is counted.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "model/note.h"
#include "source/live_chunks.h"
#include "source/live_internal.h"
#include "symbol/libc_version.h"
#include "symbol/maps.h"
#include "symbol/target_file.h"
#include "symbol/unwind_part.h"
#include "symbol/unwind_table.h"

_Static_assert((int)CP_UNWIND_RSP == (int)UNWIND_RSP && (int)CP_UNWIND_PLT == (int)UNWIND_PLT &&
		       (int)CP_UNWIND_UNSUPPORTED == (int)UNWIND_UNSUPPORTED,
	       "the kinds of rows of the ABI are the tables'");

/* Processes whose mappings are read at once; then others have their turn. */
#define REFRESH_MAX 64
#define VDSO_BYTES_MAX 65536
/* A program maps its libraries, and makes its interpreter, after its exec: it is looked at again
 * after 5 ms, 10 ms and so on. */
#define YOUNG_FIRST_NS (5 * NS_PER_MS)
#define YOUNG_LOOKS 9
/* A forked child has what its parent had, whose tables serve it; most end before they do anything
 * about it. It is looked at after 40 ms for the first time. */
#define FORKED_LOOKS 3
/* Tables that a file's is split into: no more than there is room for. */
#define PARTS_MAX (2 * CP_UNWIND_CHUNKS)

/* What tells one file from another, and from its later self. */
struct file_key {
	uint64_t dev;
	uint64_t inode;
	uint64_t size;
	uint64_t mtime_ns;
};

/* A table of the BPF side. */
struct loaded_part {
	uint32_t id;
	uint32_t start; /* of its text, from the file's first executable byte */
};

struct loaded_table {
	struct loaded_part parts[PARTS_MAX]; /* by start, from 0 on without holes */
	uint32_t parts_len;
	uint64_t loaded_bytes;	   /* of text; less than all: .. */
	enum note why;		   /* .. for this reason */
	char *path;		   /* of such a file */
	struct unwind_table shape; /* without rows and index, which the kernel side has */
};

struct live_unwind {
	struct live_chunks rows, index;
	uint32_t next_id;
	uint64_t edition;	/* last given to a process */
	struct hashmap by_file; /* struct file_key -> index in tables */
	VEC(struct loaded_table) tables;
	struct hashmap signatures; /* pid -> hash of its executable mappings */
	uint32_t vdso;		   /* index in tables, UINT32_MAX = not tried */
};

int live_unwind_open(struct live *live, struct err *err)
{
	struct live_unwind *u;

	if (!live->skel->rodata->use_unwind)
		return 0;
	u = calloc(1, sizeof(*u));
	if (!u)
		return err_set(err, -ENOMEM, "out of memory");
	live->unwind = u;
	u->vdso = UINT32_MAX;
	hashmap_init(&u->by_file, sizeof(struct file_key));
	hashmap_init(&u->signatures, sizeof(uint32_t));
	u->rows = (struct live_chunks){
		.outer_fd = bpf_map__fd(live->skel->maps.unwind_rows),
		.name = "unwind_rows",
		.entry_bytes = sizeof(uint64_t),
		.entries = CP_UNWIND_CHUNK_ROWS,
	};
	u->index = (struct live_chunks){
		.outer_fd = bpf_map__fd(live->skel->maps.unwind_index),
		.name = "unwind_index",
		.entry_bytes = sizeof(uint32_t),
		.entries = CP_UNWIND_INDEX_LEN,
	};
	return 0;
}

void live_unwind_free(struct live *live)
{
	struct live_unwind *u = live->unwind;

	if (!u)
		return;
	live_chunks_free(&u->rows);
	live_chunks_free(&u->index);
	hashmap_free(&u->by_file);
	hashmap_free(&u->signatures);
	for (size_t i = 0; i < u->tables.len; i++) {
		free(u->tables.at[i].shape.segments);
		free(u->tables.at[i].path);
	}
	vec_free(&u->tables);
	free(u);
	live->unwind = NULL;
}

/* Hand @part of @table to the BPF side; 0, or -ENOSPC and the like. */
static int upload_part(struct live *live, const struct unwind_table *table,
		       const struct unwind_part *part)
{
	struct live_unwind *u = live->unwind;
	struct cp_unwind_table entry = {.text_bytes = part->text_bytes};
	uint32_t id = u->next_id;
	int r = id < CP_UNWIND_TABLES_MAX ? 0 : -ENOSPC;

	if (r == 0)
		r = live_chunks_find(&u->rows, part->rows_len, &entry.first_row);
	if (r == 0)
		r = live_chunks_find(&u->index, part->index_len, &entry.first_index);
	if (r < 0)
		return r;
	unwind_part_copy(table, part, live_chunks_at(&u->rows, entry.first_row),
			 live_chunks_at(&u->index, entry.first_index));
	if (bpf_map_update_elem(bpf_map__fd(live->skel->maps.unwind_tables), &id, &entry, BPF_ANY))
		return -errno;
	live_chunks_take(&u->rows, entry.first_row, part->rows_len);
	live_chunks_take(&u->index, entry.first_index, part->index_len);
	u->next_id++;
	return 0;
}

/* Hand as much of @table to the BPF side as there is room for: whole, unless no chunk holds it. */
static void upload(struct live *live, const struct unwind_table *table, struct loaded_table *t)
{
	struct unwind_part part, *before = NULL;

	while (t->parts_len < PARTS_MAX &&
	       unwind_part_next(table, before, CP_UNWIND_CHUNK_ROWS, CP_UNWIND_INDEX_LEN, &part)) {
		uint32_t id = live->unwind->next_id;

		if (upload_part(live, table, &part))
			return;
		t->parts[t->parts_len++] = (struct loaded_part){id, part.start};
		t->loaded_bytes = (uint64_t)part.start + part.text_bytes;
		before = &part;
	}
}

/* Keep what became of the file at @path, where @table is NULL because of @why; the index of its
 * entry, UINT32_MAX when memory is short. */
static uint32_t keep(struct live *live, struct unwind_table *table, enum note why, const char *path)
{
	struct live_unwind *u = live->unwind;
	struct loaded_table *t = vec_add(&u->tables);

	if (!t)
		return UINT32_MAX;
	if (table) {
		upload(live, table, t);
		t->shape = *table;
		t->shape.rows = NULL;
		t->shape.index = NULL;
		table->segments = NULL; /* handed over */
		why = NOTE_UNWIND_NO_ROOM;
	}
	t->why = why;
	t->path = !table || t->loaded_bytes < table->text_bytes ? strdup(path) : NULL;
	return u->tables.len - 1;
}

static uint32_t table_of_file(struct live *live, pid_t pid, const struct target_root *root,
			      const struct mapping *m, const char *path)
{
	struct live_unwind *u = live->unwind;
	struct unwind_table *table = NULL;
	struct target_file file;
	struct file_key key = {0};
	const uint32_t *known;
	uint32_t index;
	int r;

	if (target_file_open(pid, root, m, path, &file))
		return UINT32_MAX;
	key.dev = file.dev;
	key.inode = file.inode;
	key.size = (uint64_t)file.size;
	key.mtime_ns = (uint64_t)file.mtime.tv_sec * NS_PER_S + (uint64_t)file.mtime.tv_nsec;
	known = hashmap_get(&u->by_file, &key);
	if (known) {
		close(file.fd);
		return *known;
	}
	r = unwind_table_build(file.fd, &table, NULL);
	if (r)
		table = NULL;
	close(file.fd);
	index = keep(live, table, r == -ENODATA ? NOTE_NO_UNWIND_TABLE : NOTE_UNWIND_UNREADABLE,
		     path);
	unwind_table_free(table);
	if (index != UINT32_MAX)
		hashmap_put(&u->by_file, &key, index, NULL);
	return index;
}

/* The kernel maps the same vdso into every process: our own will do. */
static uint32_t table_of_vdso(struct live *live)
{
	struct live_unwind *u = live->unwind;
	const void *image = (const void *)getauxval(AT_SYSINFO_EHDR);
	struct unwind_table *table = NULL;
	struct maps maps;

	if (u->vdso != UINT32_MAX || !image || maps_read(getpid(), &maps, NULL))
		return u->vdso;
	const struct mapping *m = maps_find(&maps, (uintptr_t)image);

	if (m && unwind_table_build_memory(image, num_min_u64(m->end - m->start, VDSO_BYTES_MAX),
					   &table, NULL))
		table = NULL;
	u->vdso = keep(live, table, NOTE_NO_UNWIND_TABLE, "[vdso]");
	unwind_table_free(table);
	maps_free(&maps);
	return u->vdso;
}

/* Code from @start up to @end, which lies in the table @id from @delta on. */
static void add_code(struct cp_unwind_process *p, uint64_t start, uint64_t end, uint32_t id,
		     uint64_t delta)
{
	/* [vsyscall] lies among the kernel's addresses, whose order the BPF side's search, of
	 * signed differences, does not know. */
	if (p->len == CP_UNWIND_MAPPINGS_MAX || start >= end || end > INT64_MAX)
		return;
	p->at[p->len++] = (struct cp_unwind_mapping){
		.start = start,
		.len = (uint32_t)num_min_u64(end - start, UINT32_MAX),
		.table = id,
		.delta = delta,
	};
}

/* Code without a table, such as what the program compiled by itself: frame pointers are followed.
 */
static void add_plain(struct cp_unwind_process *p, const struct mapping *m)
{
	add_code(p, m->start, m->end, UINT32_MAX, 0);
}

/* An offset in a table's text as one in a mapping of @len bytes, which begins at @delta in it. */
static uint64_t in_mapping(uint64_t offset, uint64_t delta, uint64_t len)
{
	/* Both are modulo 2^64: a mapping begins before the text, at a page's start. */
	const int64_t at = (int64_t)(offset - delta);

	return at > 0 ? num_min_u64((uint64_t)at, len) : 0;
}

static void add_mapping(struct live *live, struct cp_unwind_process *p, const struct mapping *m,
			uint32_t index)
{
	const struct loaded_table *t = index == UINT32_MAX ? NULL : &live->unwind->tables.at[index];
	const uint64_t len = m->end - m->start;
	uint64_t delta, covered = 0;

	if (!t || unwind_table_delta(&t->shape, m->offset, &delta)) {
		add_plain(p, m);
		return;
	}
	for (uint32_t i = 0; i < t->parts_len; i++) {
		const struct loaded_part *part = &t->parts[i];
		const uint64_t from = in_mapping(part->start, delta, len);
		const uint64_t to = in_mapping(
			i + 1 < t->parts_len ? part[1].start : t->loaded_bytes, delta, len);

		add_code(p, m->start + covered, m->start + from, UINT32_MAX, 0);
		add_code(p, m->start + from, m->start + to, part->id, from + delta - part->start);
		covered = to;
	}
	add_code(p, m->start + covered, m->end, UINT32_MAX, 0);
}

static uint64_t signature_of(const struct maps *maps)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < maps->len; i++) {
		const struct mapping *m = &maps->at[i];
		const uint64_t words[] = {hash, m->start, m->end, m->inode, m->offset};

		if (m->perms & MAPPING_EXEC)
			hash = hash_bytes(words, sizeof(words));
	}
	return hash;
}

/* Whether @process maps what its parent does: then *ret is a copy of the parent's, whose edition is
 * right for it, too. */
static bool copy_parent(const struct live *live, const struct live_process *process,
			struct cp_unwind_process *ret)
{
	const uint32_t *index = hashmap_get(&live->process_by_pid, &process->ppid);
	const uint32_t *own = hashmap_get(&live->unwind->signatures, &process->pid);
	const uint32_t *other = hashmap_get(&live->unwind->signatures, &process->ppid);
	const struct live_process *parent = index ? &live->processes.at[*index] : NULL;

	return parent && own && other && *own == *other && !parent->end_ns && !process->execs &&
	       !parent->tables_due &&
	       !bpf_map_lookup_elem(bpf_map__fd(live->skel->maps.unwind_processes), &parent->tgid,
				    ret);
}

static void add_mappings(struct live *live, struct cp_unwind_process *p, pid_t pid,
			 const struct target_root *root, const struct maps *maps)
{
	for (size_t i = 0; i < maps->len; i++) {
		const struct mapping *m = &maps->at[i];

		if (!(m->perms & MAPPING_EXEC))
			continue;
		if (m->kind == MAPPING_FILE)
			add_mapping(live, p, m,
				    table_of_file(live, pid, root, m, maps_path(maps, m)));
		else if (m->kind == MAPPING_SPECIAL && !strcmp(maps_path(maps, m), "[vdso]"))
			add_mapping(live, p, m, table_of_vdso(live));
		else
			add_plain(p, m);
	}
	p->edition = ++live->unwind->edition;
}

static void load_process(struct live *live, struct live_process *process, const struct maps *maps)
{
	_cleanup_free_ struct cp_unwind_process *p = calloc(1, sizeof(*p));
	struct target_root root = {.fd = -1};
	const struct target_root *have;

	if (!p)
		return;
	have = target_root_open((pid_t)process->pid, &root, NULL) == 0 ? &root : NULL;
	if (!copy_parent(live, process, p))
		add_mappings(live, p, (pid_t)process->pid, have, maps);
	live_python_look(live, process, maps, have, &p->python);
	if (have)
		target_root_close(&root);
	bpf_map_update_elem(bpf_map__fd(live->skel->maps.unwind_processes), &process->tgid, p,
			    BPF_ANY);
}

void live_unwind_forked(const struct live *live, struct live_process *p, uint64_t now_ns)
{
	const uint32_t *index = hashmap_get(&live->process_by_pid, &p->ppid);
	uint32_t *last;

	if (!live->unwind || !index || !hashmap_get(&live->unwind->signatures, &p->ppid))
		return;
	/* What another process of this pid mapped before is no matter. */
	last = hashmap_put(&live->unwind->signatures, &p->pid, 0, NULL);
	if (!last)
		return;
	*last = 0;
	memcpy(p->libc, live->processes.at[*index].libc, sizeof(p->libc));
	p->tables_due = false;
	p->looks = FORKED_LOOKS;
	p->look_ns = now_ns + (YOUNG_FIRST_NS << FORKED_LOOKS);
}

uint64_t live_unwind_row(const struct live *live, const struct cp_unwind_process *p, uint64_t ip)
{
	const struct live_unwind *u = live->unwind;
	struct cp_unwind_table table;
	const struct cp_unwind_mapping *m = NULL;
	const uint64_t *rows;
	const uint32_t *index;
	uint32_t lo, hi;
	uint64_t off;

	for (uint32_t i = 0; i < p->len && !m; i++)
		if (ip >= p->at[i].start && ip - p->at[i].start < p->at[i].len)
			m = &p->at[i];
	if (!m ||
	    bpf_map_lookup_elem(bpf_map__fd(live->skel->maps.unwind_tables), &m->table, &table))
		return 0;
	off = ip - m->start + m->delta;
	if (off >= table.text_bytes)
		return 0;
	rows = live_chunks_at(&u->rows, table.first_row);
	index = live_chunks_at(&u->index, table.first_index + (uint32_t)(off / UNWIND_INDEX_BYTES));
	lo = index[0];
	hi = index[1];
	while (lo < hi && unwind_row_pc(rows[lo + 1]) <= off)
		lo++;
	return rows[lo];
}

/* Which libc the process has mapped, looked up once. */
static void note_libc(struct live_process *p, const struct maps *maps)
{
	for (size_t i = 0; i < maps->len && !p->libc[0]; i++) {
		const struct mapping *m = &maps->at[i];
		const char *path = maps_path(maps, m);
		struct target_file file;

		if (m->kind != MAPPING_FILE || !libc_version_is_libc(path) ||
		    target_file_open((pid_t)p->pid, NULL, m, path, &file))
			continue;
		p->dirty = libc_version_read(file.fd, path, p->libc, sizeof(p->libc));
		close(file.fd);
		return;
	}
}

static void refresh_process(struct live *live, struct live_process *p)
{
	bool due = p->tables_due; /* new, or after an exec: the kernel side has none */
	bool young;
	uint32_t signature, *last;
	struct maps maps;
	bool added;

	p->looks = due ? 0 : p->looks + 1;
	young = p->looks < YOUNG_LOOKS;
	p->look_ns = young ? live_clock_ns() + (YOUNG_FIRST_NS << p->looks) : 0;
	p->tables_due = false;
	if (maps_read((pid_t)p->pid, &maps, NULL))
		return;
	note_libc(p, &maps);
	signature = (uint32_t)signature_of(&maps);
	last = hashmap_put(&live->unwind->signatures, &p->pid, signature, &added);
	if (last && (added || due || *last != signature)) {
		*last = signature;
		load_process(live, p, &maps);
	} else if (young) {
		live_python_refresh_process(live, p->pid);
	}
	maps_free(&maps);
}

uint64_t live_unwind_bytes(const struct live *live)
{
	const struct live_unwind *u = live->unwind;

	return u ? live_chunks_bytes(&u->rows) + live_chunks_bytes(&u->index) : 0;
}

int live_unwind_emit_notes(struct live *live, struct err *err)
{
	const struct loaded_table *t;
	int rc = 0;

	if (!live->unwind)
		return 0;
	VEC_FOREACH (&live->unwind->tables, t) {
		if (rc || !t->path)
			continue;
		memset(&live->rec, 0, sizeof(live->rec));
		live->rec.type = RECORD_NOTE;
		live->rec.note.note = t->why;
		snprintf(live->rec.note.module, sizeof(live->rec.note.module), "%s", t->path);
		rc = live_emit(live, err);
	}
	return rc;
}

void live_unwind_drop(struct live *live, const struct live_process *p)
{
	if (live->unwind && p->tgid)
		bpf_map_delete_elem(bpf_map__fd(live->skel->maps.unwind_processes), &p->tgid);
}

void live_unwind_refresh(struct live *live, bool all)
{
	const uint64_t now_ns = live_clock_ns();
	const uint32_t len = (uint32_t)live->processes.len;
	size_t left = REFRESH_MAX;
	uint32_t i;

	if (!live->unwind)
		return;
	for (i = 0; i < len && left; i++) {
		struct live_process *p = &live->processes.at[(live->unwind_turn + i) % len];
		bool young = p->look_ns && p->look_ns <= now_ns;

		if (p->end_ns || !p->tgid || (!all && !p->tables_due && !young))
			continue;
		left--;
		refresh_process(live, p);
	}
	if (len)
		live->unwind_turn = (live->unwind_turn + i) % len;
}
