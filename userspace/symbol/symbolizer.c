// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/symbolizer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/hashmap.h"
#include "base/num.h"
#include "base/vec.h"
#include "symbol/elf_syms.h"
#include "symbol/maps.h"
#include "symbol/modules.h"
#include "symbol/perf_map.h"
#include "symbol/stack_owner.h"

/* A .bss that reaches beyond the file lies in anonymous mappings close behind the module's own. */
#define BSS_LOOK_BACK_MAX 8
/* Mappings that one load of a file may be split into: protections change for parts of it. */
#define LOAD_LOOK_BACK_MAX 256
/* A larger inaccessible mapping is no guard page but the reserve of a malloc arena. */
#define GUARD_MAX_BYTES (UINT64_C(64) << 10)

/* What makes two mappings of one process be of the same file. */
struct mapped_key {
	uint64_t dev_major;
	uint64_t dev_minor;
	uint64_t inode;
	/* On btrfs the same inode number may be another file in another subvolume. */
	uint64_t path_hash;
};

struct process {
	pid_t pid;
	uint32_t root; /* of modules_root() */
	pid_t ns_pid;  /* as it calls itself, 0 = unknown */
	uid_t uid;     /* effective */
	bool perf_map_tried;
	bool perf_map_refused;
	struct perf_map *perf_map; /* of compiled code, NULL = none */
	struct maps maps;
	struct hashmap modules; /* struct mapped_key -> index of the module */
};

struct symbolizer {
	VEC(struct process) processes;
	struct hashmap processes_by_pid; /* pid_t */
	struct modules modules;
	uint64_t perf_maps_refused;
};

struct symbolizer *symbolizer_new(void)
{
	struct symbolizer *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	hashmap_init(&s->processes_by_pid, sizeof(pid_t));
	modules_init(&s->modules);
	return s;
}

void symbolizer_free(struct symbolizer *s)
{
	struct process *process;

	if (!s)
		return;
	VEC_FOREACH (&s->processes, process) {
		maps_free(&process->maps);
		hashmap_free(&process->modules);
		perf_map_free(process->perf_map);
	}
	vec_free(&s->processes);
	modules_free(&s->modules);
	hashmap_free(&s->processes_by_pid);
	free(s);
}

static struct process *find_process(const struct symbolizer *s, pid_t pid)
{
	const uint32_t *index = hashmap_get(&s->processes_by_pid, &pid);

	return index ? &s->processes.at[*index] : NULL;
}

/* The module that @m is a mapping of; MODULE_NONE at a bound. Opens the file the first time. */
static uint32_t module_of_mapping(struct symbolizer *s, struct process *process,
				  const struct mapping *m)
{
	const char *path = maps_path(&process->maps, m);
	struct mapped_key key = {
		.dev_major = m->dev_major,
		.dev_minor = m->dev_minor,
		.inode = m->inode,
		.path_hash = hash_bytes(path, strlen(path)),
	};
	const uint32_t *known = hashmap_get(&process->modules, &key);
	uint32_t index;

	if (known)
		return *known;
	/* Nobody loads code by a shared mapping, nor from what has no path: data, devices. */
	if (m->perms & MAPPING_SHARED || path[0] != '/')
		index = modules_add_absent(&s->modules, path);
	else
		index = modules_open(&s->modules, process->pid, process->root, m, path);
	(void)hashmap_put(&process->modules, &key, index, NULL);
	return index;
}

/* Find or add @pid. NULL with *ret_code and @err set when it cannot be added. */
static struct process *get_process(struct symbolizer *s, pid_t pid, int *ret_code, struct err *err)
{
	struct process *process = find_process(s, pid);
	uint32_t *index;

	if (process && process->pid == pid)
		return process;
	if (s->processes.len >= SYMBOLIZER_PROCESSES_MAX) {
		*ret_code = err_set(err, -ENOSPC,
				    "process %d: already naming %d others (profile fewer)",
				    (int)pid, SYMBOLIZER_PROCESSES_MAX);
		return NULL;
	}
	process = vec_add(&s->processes);
	index = process ? hashmap_put(&s->processes_by_pid, &pid, 0, NULL) : NULL;
	if (index) {
		*index = (uint32_t)(s->processes.len - 1); /* its own, where it stood for another */
		process->pid = pid;
		process->root = MODULE_NONE;
		hashmap_init(&process->modules, sizeof(struct mapped_key));
		return process;
	}
	s->processes.len -= process != NULL;
	*ret_code = err_set(err, -ENOMEM, "process %d: out of memory (free some)", (int)pid);
	return NULL;
}

/* Open what holds code now, for the process may have ended when names are asked for. */
static void open_executables(struct symbolizer *s, struct process *process)
{
	for (size_t i = 0; i < process->maps.len; i++) {
		const struct mapping *m = &process->maps.at[i];

		if (s->modules.open >= SYMBOLIZER_EAGER_MAX)
			break;
		if (m->kind == MAPPING_FILE && m->perms & MAPPING_EXEC)
			(void)module_of_mapping(s, process, m);
	}
}

/* Who the process is to itself: its files in /tmp are named after it, and must be its user's. */
static void read_identity(struct process *process)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[64], line[512];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)process->pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		unsigned int uid;

		if (sscanf(line, "Uid: %*u %u", &uid) == 1)
			process->uid = uid;
		if (strncmp(line, "NSpid:", 6) == 0 && strrchr(line, '\t'))
			process->ns_pid = (pid_t)strtol(strrchr(line, '\t'), NULL, 10);
	}
}

int symbolizer_add_process(struct symbolizer *s, pid_t pid, struct err *err)
{
	struct process *process;
	struct maps maps;
	uint32_t root;
	int r;

	r = maps_read(pid, &maps, err);
	if (r < 0)
		return r;
	process = get_process(s, pid, &r, err);
	if (!process) {
		maps_free(&maps);
		return r;
	}
	maps_free(&process->maps);
	process->maps = maps;
	root = modules_root(&s->modules, pid);
	if (root != MODULE_NONE)
		process->root = root;
	read_identity(process);
	open_executables(s, process);
	return 0;
}

void symbolizer_inherit(struct symbolizer *s, pid_t pid, pid_t parent)
{
	const uint32_t *index = hashmap_get(&s->processes_by_pid, &parent);

	if (index)
		hashmap_put(&s->processes_by_pid, &pid, *index, NULL);
}

static bool same_file(const struct maps *maps, const struct mapping *a, const struct mapping *b)
{
	return a->inode == b->inode && a->dev_major == b->dev_major &&
	       a->dev_minor == b->dev_minor && a->kind == b->kind &&
	       strcmp(maps_path(maps, a), maps_path(maps, b)) == 0;
}

/*
 * The ELF virtual address of @addr, in or behind the mapping @m of a file.  The load that @m is a
 * part of begins at the lowest mapping of the file's beginning that reaches so far: small files
 * have their first page mapped several times, and a process may also have mapped it to read it.
 */
static int find_vaddr(const struct elf_syms *es, const struct maps *maps, const struct mapping *m,
		      uint64_t addr, uint64_t *ret_vaddr)
{
	const struct elf_mapping mapping = {
		.start = m->start,
		.end = m->end,
		.offset = m->offset,
		.writable = m->perms & MAPPING_WRITE,
	};
	const struct mapping *low = m;
	uint64_t first, span;

	if (elf_syms_extent(es, &first, &span) < 0)
		return -ENOENT;
	while (low > maps->at && m - low < LOAD_LOOK_BACK_MAX && m->start - low[-1].start < span)
		low--;
	for (; low <= m; low++) {
		if (low->offset == first && same_file(maps, low, m) &&
		    elf_syms_vaddr(es, &mapping, low->start, addr, ret_vaddr) == 0)
			return 0;
	}
	return -ENOENT;
}

/* Whether a thread's stack: private memory right above a guard page, as pthread_create() lays it.
 */
static bool is_thread_stack(const struct maps *maps, const struct mapping *m)
{
	const struct mapping *guard = m - 1;

	return m > maps->at && m->perms == (MAPPING_READ | MAPPING_WRITE) &&
	       guard->kind == MAPPING_ANON && guard->end == m->start &&
	       !(guard->perms & (MAPPING_READ | MAPPING_WRITE | MAPPING_EXEC)) &&
	       guard->end - guard->start <= GUARD_MAX_BYTES;
}

/* The kernel's names are few; others are not repeated, for their text would have to be kept. */
static const char *special_name(const char *path)
{
	static const char *const known[] = {"[vdso]", "[vsyscall]", "[vvar]", "[uprobes]"};

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(path, known[i]) == 0)
			return known[i];
	}
	return "[kernel mapping]";
}

/* Fill in what can be said of @addr without symbols. */
static void describe(const struct maps *maps, const struct mapping *m, uint64_t addr,
		     struct symbol *ret)
{
	const char *path = maps_path(maps, m);

	ret->kind = SYMBOL_ANON;
	ret->module_offset = addr - m->start;
	switch ((enum mapping_kind)m->kind) {
	case MAPPING_HEAP:
		ret->module = "[heap]";
		break;
	case MAPPING_STACK:
		ret->module = "[stack]";
		break;
	case MAPPING_ANON:
		ret->module = is_thread_stack(maps, m) ? "[thread stack]" : "[anon]";
		break;
	case MAPPING_SPECIAL:
		ret->kind = SYMBOL_MODULE_ONLY;
		ret->module = special_name(path);
		break;
	case MAPPING_FILE:
		ret->module_offset = num_sat_add(addr - m->start, m->offset);
		/* So the kernel calls the memory of mmap(MAP_SHARED | MAP_ANONYMOUS). */
		if (m->perms & MAPPING_SHARED && m->deleted && strcmp(path, "/dev/zero") == 0) {
			ret->module = "[shared memory]";
		} else {
			ret->kind = SYMBOL_MODULE_ONLY;
			ret->module = "[file]"; /* until its module is known */
		}
		break;
	}
}

/* Say what is known of the ELF virtual address @vaddr of module @index. */
static void name_vaddr(struct symbolizer *s, uint32_t index, uint64_t vaddr, bool function,
		       struct symbol *ret)
{
	ret->kind = SYMBOL_MODULE_ONLY;
	ret->module = s->modules.all.at[index].path;
	ret->module_offset = vaddr;
	ret->in_elf = index;
	if (modules_find(&s->modules, index, function, vaddr, &ret->name, &ret->offset) == 0)
		ret->kind = SYMBOL_NAMED;
}

/* Name @addr by the module of @m, behind which it may lie. False: it is not that module's. */
static bool name_in_module(struct symbolizer *s, struct process *process, const struct mapping *m,
			   uint64_t addr, bool function, struct symbol *ret)
{
	uint32_t index = module_of_mapping(s, process, m);
	bool inside = addr >= m->start && addr < m->end;
	struct elf_syms *es;
	uint64_t vaddr;

	if (index == MODULE_NONE)
		return false;
	if (inside)
		ret->module = s->modules.all.at[index].path;
	es = modules_syms(&s->modules, index);
	if (!es || find_vaddr(es, &process->maps, m, addr, &vaddr) < 0)
		return false;
	name_vaddr(s, index, vaddr, function, ret);
	return true;
}

/* Code that the process compiled itself. */
static void name_compiled(struct symbolizer *s, struct process *process, uint64_t addr,
			  struct symbol *ret)
{
	const char *name;
	int r;

	if (!process->perf_map_tried && process->root != MODULE_NONE && process->ns_pid > 0) {
		process->perf_map_tried = true;
		r = perf_map_load(s->modules.roots.at[process->root].fd, process->ns_pid,
				  process->uid, &process->perf_map);
		process->perf_map_refused = r < 0 && r != -ENOENT;
		s->perf_maps_refused += process->perf_map_refused;
	}
	name = process->perf_map ? perf_map_find(process->perf_map, addr, &ret->offset) : NULL;
	if (!name)
		return;
	ret->kind = SYMBOL_NAMED;
	ret->name = name;
	ret->module = "[jit]";
}

/* The kernel links its image at 0 and maps it whole. */
static void name_in_vdso(struct symbolizer *s, const struct mapping *m, uint64_t addr,
			 struct symbol *ret)
{
	uint32_t index = modules_vdso(&s->modules);

	if (index != MODULE_NONE && modules_syms(&s->modules, index))
		name_vaddr(s, index, addr - m->start, true, ret);
}

/* Find the mapping of @addr and describe it. NULL: nothing there, *ret says so. */
static const struct mapping *begin(const struct process *process, uint64_t addr, struct symbol *ret)
{
	const struct mapping *m = process ? maps_find(&process->maps, addr) : NULL;

	*ret = (struct symbol){.kind = SYMBOL_NONE, .in_elf = MODULE_NONE};
	if (m)
		describe(&process->maps, m, addr, ret);
	return m;
}

void symbolizer_function(struct symbolizer *s, pid_t pid, uint64_t addr, struct symbol *ret)
{
	struct process *process = find_process(s, pid);
	const struct mapping *m = begin(process, addr, ret);

	if (m && m->kind == MAPPING_FILE && ret->kind == SYMBOL_MODULE_ONLY)
		(void)name_in_module(s, process, m, addr, true, ret);
	else if (m && m->kind == MAPPING_SPECIAL && !strcmp(maps_path(&process->maps, m), "[vdso]"))
		name_in_vdso(s, m, addr, ret);
	else if (m && ret->kind == SYMBOL_ANON && m->perms & MAPPING_EXEC)
		name_compiled(s, process, addr, ret);
}

void symbolizer_data(struct symbolizer *s, pid_t pid, uint64_t addr, struct symbol *ret)
{
	struct process *process = find_process(s, pid);
	const struct mapping *m = begin(process, addr, ret);

	if (!m || m->kind == MAPPING_SPECIAL || m->kind == MAPPING_STACK)
		return;
	if (m->kind == MAPPING_FILE) {
		if (ret->kind == SYMBOL_MODULE_ONLY)
			(void)name_in_module(s, process, m, addr, false, ret);
		return;
	}
	/*
	 * Memory without a file, the heap included (it may be one mapping with the .bss before it):
	 * does the module before it reach as far?
	 */
	for (int i = 1; i <= BSS_LOOK_BACK_MAX && m - i >= process->maps.at; i++) {
		const struct mapping *before = m - i;

		if (before->kind != MAPPING_FILE)
			continue;
		if (!(before->perms & MAPPING_SHARED))
			(void)name_in_module(s, process, before, addr, false, ret);
		break;
	}
}

pid_t symbolizer_stack_owner(const struct symbolizer *s, pid_t pid, uint64_t addr)
{
	const struct process *process = find_process(s, pid);
	const struct mapping *m = process ? maps_find(&process->maps, addr) : NULL;

	if (m && m->kind == MAPPING_STACK)
		return pid;
	return m && m->kind == MAPPING_ANON && is_thread_stack(&process->maps, m)
		       ? stack_owner(pid, m->start, m->end)
		       : 0;
}

int symbolizer_mapping(const struct symbolizer *s, pid_t pid, uint64_t addr,
		       struct symbol_mapping *ret)
{
	const struct process *process = find_process(s, pid);
	const struct mapping *m = process ? maps_find(&process->maps, addr) : NULL;
	bool file = m && m->kind == MAPPING_FILE;

	if (!m)
		return -ENOENT;
	*ret = (struct symbol_mapping){
		.dev = file ? makedev(m->dev_major, m->dev_minor) : 0,
		.inode = file ? m->inode : 0,
		.file_offset = file ? num_sat_add(addr - m->start, m->offset) : 0,
		.path = maps_path(&process->maps, m),
		.shared = m->perms & MAPPING_SHARED,
		.anonymous = !file,
	};
	return 0;
}

int symbolizer_dwarf(struct symbolizer *s, const struct symbol *symbol)
{
	return symbol->in_elf == MODULE_NONE ? -1 : modules_dwarf(&s->modules, symbol->in_elf);
}

void symbolizer_notes(const struct symbolizer *s,
		      void (*take)(void *ctx, enum note note, const char *path), void *ctx)
{
	const struct module *module;
	const struct process *process;

	VEC_FOREACH (&s->modules.all, module) {
		for (unsigned note = 0; note < NOTE_COUNT; note++)
			if (module->notes & (1U << note))
				take(ctx, (enum note)note, module->path);
	}
	VEC_FOREACH (&s->processes, process) {
		char path[64];

		snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)process->ns_pid);
		if (process->perf_map_refused)
			take(ctx, NOTE_PERF_MAP_REFUSED, path);
	}
}

static void count_syms(const struct elf_syms *syms, struct symbolizer_stats *stats)
{
	struct elf_syms_info info;

	if (!syms)
		return;
	elf_syms_info(syms, &info);
	stats->symbols_dropped += info.dropped;
	stats->names_unreadable += info.names_failed;
}

void symbolizer_get_stats(const struct symbolizer *s, struct symbolizer_stats *ret)
{
	const struct process *process;
	const struct module *module;

	*ret = (struct symbolizer_stats){
		.files = s->modules.stats,
		.perf_maps_refused = s->perf_maps_refused,
	};
	VEC_FOREACH (&s->processes, process) {
		struct perf_map_stats map = {0};

		ret->mappings_dropped += process->maps.dropped;
		if (process->perf_map)
			perf_map_get_stats(process->perf_map, &map);
		ret->perf_map_lines_left_out += map.malformed + map.dropped;
	}
	VEC_FOREACH (&s->modules.all, module) {
		count_syms(module->syms, ret);
		count_syms(module->debug.syms, ret);
		count_syms(module->mini.syms, ret);
	}
}
