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
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "model/note.h"
#include "source/live_internal.h"
#include "symbol/libc_version.h"
#include "symbol/maps.h"
#include "symbol/target_file.h"
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

/* What tells one file from another, and from its later self. */
struct file_key {
	uint64_t dev;
	uint64_t inode;
	uint64_t size;
	uint64_t mtime_ns;
};

struct loaded_table {
	uint32_t id;		   /* UINT32_MAX: none could be made .. */
	enum note why;		   /* .. for this reason */
	char *path;		   /* of a file without one */
	struct unwind_table shape; /* without rows and index, which the kernel side has */
};

struct live_unwind {
	uint64_t *rows;
	uint32_t *index;
	size_t rows_bytes, index_bytes;
	uint32_t next_row, next_index, next_id;
	uint64_t edition;	/* last given to a process */
	struct hashmap by_file; /* struct file_key -> index in tables */
	VEC(struct loaded_table) tables;
	struct hashmap signatures; /* pid -> hash of its executable mappings */
	uint32_t vdso;		   /* index in tables, UINT32_MAX = not tried */
};

static void *map_values(const struct bpf_map *map, size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return at == MAP_FAILED ? NULL : at;
}

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
	u->rows_bytes = (size_t)CP_UNWIND_CHUNKS * CP_UNWIND_CHUNK_ROWS * sizeof(uint64_t);
	u->index_bytes = (size_t)CP_UNWIND_INDEX_LEN * sizeof(uint32_t);
	u->rows = map_values(live->skel->maps.unwind_rows, u->rows_bytes);
	u->index = map_values(live->skel->maps.unwind_index, u->index_bytes);
	if (!u->rows || !u->index)
		return err_set(err, -errno, "cannot map the unwind tables: %s", strerror(errno));
	return 0;
}

void live_unwind_free(struct live *live)
{
	struct live_unwind *u = live->unwind;

	if (!u)
		return;
	if (u->rows)
		munmap(u->rows, u->rows_bytes);
	if (u->index)
		munmap(u->index, u->index_bytes);
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

/* Room for @table: it lies in one chunk; 0 or -ENOSPC. */
static int place(const struct live_unwind *u, const struct unwind_table *table, uint32_t *ret_row)
{
	uint32_t row = u->next_row;
	uint32_t left = CP_UNWIND_CHUNK_ROWS - row % CP_UNWIND_CHUNK_ROWS;

	if (table->rows_len > left)
		row += left;
	if ((uint64_t)row + table->rows_len > (uint64_t)CP_UNWIND_CHUNKS * CP_UNWIND_CHUNK_ROWS ||
	    table->rows_len > CP_UNWIND_CHUNK_ROWS || table->text_bytes > UINT32_MAX ||
	    (uint64_t)u->next_index + table->index_len > CP_UNWIND_INDEX_LEN ||
	    u->next_id >= CP_UNWIND_TABLES_MAX)
		return -ENOSPC;
	*ret_row = row;
	return 0;
}

/* Hand @table to the BPF side; its number, or UINT32_MAX when there is no room. */
static uint32_t upload(struct live *live, const struct unwind_table *table)
{
	struct live_unwind *u = live->unwind;
	struct cp_unwind_table entry = {0};
	uint32_t id = u->next_id;

	if (!table->rows_len || place(u, table, &entry.first_row))
		return UINT32_MAX;
	entry.first_index = u->next_index;
	entry.text_bytes = (uint32_t)table->text_bytes;
	memcpy(u->rows + entry.first_row, table->rows, table->rows_len * sizeof(uint64_t));
	memcpy(u->index + entry.first_index, table->index, table->index_len * sizeof(uint32_t));
	if (bpf_map_update_elem(bpf_map__fd(live->skel->maps.unwind_tables), &id, &entry, BPF_ANY))
		return UINT32_MAX;
	u->next_row = entry.first_row + table->rows_len;
	u->next_index = entry.first_index + table->index_len;
	u->next_id++;
	return id;
}

/* Keep what became of the file at @path, where @table is NULL because of @why; the index of its
 * entry, UINT32_MAX when memory is short. */
static uint32_t keep(struct live *live, struct unwind_table *table, enum note why, const char *path)
{
	struct live_unwind *u = live->unwind;
	struct loaded_table *t = vec_add(&u->tables);

	if (!t)
		return UINT32_MAX;
	t->id = UINT32_MAX;
	if (table) {
		t->id = upload(live, table);
		t->shape = *table;
		t->shape.rows = NULL;
		t->shape.index = NULL;
		table->segments = NULL; /* handed over */
		why = NOTE_UNWIND_NO_ROOM;
	}
	t->why = why;
	t->path = t->id == UINT32_MAX ? strdup(path) : NULL;
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

/* Code without a file: compiled by the program itself. It has no table; frame pointers are
 * followed. */
static void add_plain(struct cp_unwind_process *p, const struct mapping *m)
{
	struct cp_unwind_mapping *out = &p->at[p->len];

	/* [vsyscall] lies among the kernel's addresses, whose order the BPF side's search, of
	 * signed differences, does not know. */
	if (p->len == CP_UNWIND_MAPPINGS_MAX || m->end > INT64_MAX)
		return;
	*out = (struct cp_unwind_mapping){
		.start = m->start,
		.len = (uint32_t)num_min_u64(m->end - m->start, UINT32_MAX),
		.table = UINT32_MAX,
	};
	p->len++;
}

static void add_mapping(struct live *live, struct cp_unwind_process *p, const struct mapping *m,
			uint32_t index)
{
	struct cp_unwind_mapping *out = &p->at[p->len];
	const struct loaded_table *t;
	uint64_t delta;

	if (p->len == CP_UNWIND_MAPPINGS_MAX)
		return;
	t = index == UINT32_MAX ? NULL : &live->unwind->tables.at[index];
	if (!t || t->id == UINT32_MAX || unwind_table_delta(&t->shape, m->offset, &delta)) {
		add_plain(p, m);
		return;
	}
	out->delta = delta;
	out->start = m->start;
	out->len = (uint32_t)num_min_u64(m->end - m->start, UINT32_MAX);
	out->table = t->id;
	p->len++;
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

static void load_process(struct live *live, struct live_process *process, const struct maps *maps)
{
	const uint32_t pid = process->pid, tgid = process->tgid;
	_cleanup_free_ struct cp_unwind_process *p = calloc(1, sizeof(*p));
	struct target_root root = {.fd = -1};
	bool have_root = target_root_open((pid_t)pid, &root, NULL) == 0;

	for (size_t i = 0; p && i < maps->len; i++) {
		const struct mapping *m = &maps->at[i];

		if (!(m->perms & MAPPING_EXEC))
			continue;
		if (m->kind == MAPPING_FILE)
			add_mapping(live, p, m,
				    table_of_file(live, (pid_t)pid, have_root ? &root : NULL, m,
						  maps_path(maps, m)));
		else if (m->kind == MAPPING_SPECIAL && !strcmp(maps_path(maps, m), "[vdso]"))
			add_mapping(live, p, m, table_of_vdso(live));
		else
			add_plain(p, m);
	}
	if (p)
		live_python_look(live, process, maps, have_root ? &root : NULL, &p->python);
	if (have_root)
		target_root_close(&root);
	if (p)
		p->edition = ++live->unwind->edition;
	if (p)
		bpf_map_update_elem(bpf_map__fd(live->skel->maps.unwind_processes), &tgid, p,
				    BPF_ANY);
}

uint64_t live_unwind_row(const struct live *live, const struct cp_unwind_process *p, uint64_t ip)
{
	const struct live_unwind *u = live->unwind;
	struct cp_unwind_table table;
	const struct cp_unwind_mapping *m = NULL;
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
	lo = table.first_row + u->index[table.first_index + off / UNWIND_INDEX_BYTES];
	hi = table.first_row + u->index[table.first_index + off / UNWIND_INDEX_BYTES + 1];
	while (lo < hi && unwind_row_pc(u->rows[lo + 1]) <= off)
		lo++;
	return u->rows[lo];
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
