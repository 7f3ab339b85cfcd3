// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/modules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/num.h"
#include "symbol/debug_file.h"
#include "symbol/dwarf_info.h"
#include "symbol/elf_syms.h"

#define VDSO_BYTES_MAX 65536

/* What makes a file the same file with the same contents. */
struct module_key {
	uint64_t dev;
	uint64_t inode;
	uint64_t size;
	uint64_t mtime_s;
	uint64_t mtime_ns;
};

void modules_init(struct modules *ms)
{
	*ms = (struct modules){0};
	hashmap_init(&ms->by_key, sizeof(struct module_key));
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void modules_free(struct modules *ms)
{
	struct module *module;
	struct target_root *root;

	VEC_FOREACH (&ms->all, module) {
		elf_syms_free(module->syms);
		elf_syms_free(module->debug.syms);
		elf_syms_free(module->mini.syms);
		close_fd(module->fd);
		close_fd(module->debug.fd);
		close_fd(module->mini.fd);
		free(module->path);
	}
	VEC_FOREACH (&ms->roots, root)
		target_root_close(root);
	vec_free(&ms->all);
	vec_free(&ms->roots);
	hashmap_free(&ms->by_key);
}

uint32_t modules_root(struct modules *ms, pid_t pid)
{
	struct target_root root, *kept;

	if (target_root_open(pid, &root, NULL) < 0)
		return MODULE_NONE;
	for (size_t i = 0; i < ms->roots.len; i++) {
		if (target_root_same(&ms->roots.at[i], &root)) {
			target_root_close(&root);
			return (uint32_t)i;
		}
	}
	kept = ms->roots.len < MODULES_ROOTS_MAX ? vec_add(&ms->roots) : NULL;
	if (!kept) {
		target_root_close(&root);
		return MODULE_NONE;
	}
	*kept = root;
	return (uint32_t)(ms->roots.len - 1);
}

static const struct target_root *root_at(const struct modules *ms, uint32_t root)
{
	return root == MODULE_NONE ? NULL : &ms->roots.at[root];
}

uint32_t modules_add_absent(struct modules *ms, const char *path)
{
	struct module *module;
	char *copy;

	if (ms->all.len >= MODULES_FILES_MAX) {
		ms->stats.over_limit++;
		return MODULE_NONE;
	}
	copy = strdup(path);
	module = copy ? vec_add(&ms->all) : NULL;
	if (!module) {
		free(copy);
		ms->stats.unreadable++;
		return MODULE_NONE;
	}
	*module = (struct module){.state = MODULE_BAD,
				  .fd = -1,
				  .root = MODULE_NONE,
				  .path = copy,
				  .debug.fd = -1,
				  .mini.fd = -1,
				  .dwarf_fd = -1};
	return (uint32_t)(ms->all.len - 1);
}

/* Add a module that takes over @fd. */
static uint32_t add_open(struct modules *ms, const char *path, int fd)
{
	uint32_t index = modules_add_absent(ms, path);

	if (index == MODULE_NONE) {
		close(fd);
		return index;
	}
	ms->all.at[index].fd = fd;
	ms->all.at[index].state = MODULE_UNREAD;
	ms->open++;
	return index;
}

/* The module of an opened file: the one known already, or a new one that takes over file->fd. */
static uint32_t module_of_file(struct modules *ms, struct target_file *file, const char *path)
{
	struct module_key key = {
		.dev = file->dev,
		.inode = file->inode,
		.size = (uint64_t)file->size,
		.mtime_s = (uint64_t)file->mtime.tv_sec,
		.mtime_ns = (uint64_t)file->mtime.tv_nsec,
	};
	const uint32_t *known = hashmap_get(&ms->by_key, &key);
	uint32_t index;

	if (known) {
		close(file->fd);
		return *known;
	}
	index = add_open(ms, path, file->fd);
	if (index == MODULE_NONE)
		return index;
	ms->stats.unverified += file->unverified;
	/* Without its entry the file would be opened again for another process: no harm. */
	(void)hashmap_put(&ms->by_key, &key, index, NULL);
	return index;
}

static void note_down(struct module *module, enum note note)
{
	module->notes |= 1U << note;
}

uint32_t modules_open(struct modules *ms, pid_t pid, uint32_t root, const struct mapping *m,
		      const char *path)
{
	struct target_file file;
	uint32_t index;
	int r;

	if (ms->open >= MODULES_OPEN_MAX) {
		ms->stats.over_limit++;
		return modules_add_absent(ms, path);
	}
	r = target_file_open(pid, root_at(ms, root), m, path, &file);
	if (r == 0) {
		index = module_of_file(ms, &file, path);
		if (index != MODULE_NONE && ms->all.at[index].root == MODULE_NONE)
			ms->all.at[index].root = root;
		return index;
	}
	if (r == -ESTALE)
		ms->stats.mismatched++;
	else if (r != -ENOTSUP)
		ms->stats.unreadable++;
	index = modules_add_absent(ms, path);
	if (index != MODULE_NONE && r != -ENOTSUP)
		note_down(&ms->all.at[index],
			  r == -ESTALE ? NOTE_FILE_REPLACED : NOTE_FILE_UNREADABLE);
	return index;
}

uint32_t modules_vdso(struct modules *ms)
{
	const void *image = (const void *)getauxval(AT_SYSINFO_EHDR);
	struct maps maps;
	size_t len = 0;
	int fd;

	if (ms->vdso_tried)
		return ms->vdso;
	ms->vdso_tried = true;
	ms->vdso = MODULE_NONE;
	if (image && maps_read(getpid(), &maps, NULL) == 0) {
		const struct mapping *m = maps_find(&maps, (uintptr_t)image);

		len = m ? num_min_u64(m->end - m->start, VDSO_BYTES_MAX) : 0;
		maps_free(&maps);
	}
	fd = len ? memfd_create("vdso", MFD_CLOEXEC) : -1;
	if (fd < 0)
		return MODULE_NONE;
	if (write(fd, image, len) != (ssize_t)len) {
		close(fd);
		return MODULE_NONE;
	}
	ms->vdso = add_open(ms, "[vdso]", fd);
	return ms->vdso;
}

/* Count why a file cannot be read; what is no ELF file at all is no loss. */
static void count_failure(struct modules *ms, struct module *module, int r)
{
	if (r == -EBADMSG) {
		ms->stats.corrupt++;
		note_down(module, NOTE_FILE_CORRUPT);
	} else if (r == -ESTALE) {
		ms->stats.mismatched++;
		note_down(module, NOTE_DEBUG_OTHER_BUILD);
	} else if (r == -EFBIG) {
		ms->stats.over_limit++;
	} else if (r < 0 && r != -ENOEXEC && r != -ENOENT && r != -ENODATA && r != -ENOTSUP &&
		   r != -ENOTDIR) { /* what is no regular file is no debug file */
		ms->stats.unreadable++;
		note_down(module, NOTE_FILE_UNREADABLE);
	}
}

static struct elf_syms *load_syms(struct modules *ms, struct module *module, int fd)
{
	struct elf_syms_info info;
	struct elf_syms *syms = NULL;
	int r;

	if (ms->symbols >= MODULES_SYMBOLS_MAX) {
		ms->stats.over_limit++;
		return NULL;
	}
	r = elf_syms_load(fd, &syms, NULL);
	if (r == 0) {
		elf_syms_info(syms, &info);
		ms->symbols += info.functions + info.objects;
		if (info.dropped)
			note_down(module, NOTE_SYMBOLS_DROPPED);
	}
	count_failure(ms, module, r);
	return syms;
}

struct elf_syms *modules_syms(struct modules *ms, uint32_t index)
{
	struct module *module = &ms->all.at[index];

	if (module->state != MODULE_UNREAD)
		return module->syms;
	module->syms = load_syms(ms, module, module->fd);
	module->state = module->syms ? MODULE_READY : MODULE_BAD;
	return module->syms;
}

/* Open the debug file, once. */
static struct module_extra *debug_of(struct modules *ms, struct module *module)
{
	struct module_extra *debug = &module->debug;

	if (debug->tried || module->fd < 0)
		return debug;
	debug->tried = true;
	if (ms->open >= MODULES_OPEN_MAX) {
		ms->stats.over_limit++;
		return debug;
	}
	debug->fd = debug_file_open(module->fd, module->path, root_at(ms, module->root));
	ms->open += debug->fd >= 0;
	count_failure(ms, module, debug->fd);
	return debug;
}

/* Open what is packed inside, once. */
static struct module_extra *mini_of(struct modules *ms, struct module *module)
{
	struct module_extra *mini = &module->mini;

	if (mini->tried || module->fd < 0)
		return mini;
	mini->tried = true;
	mini->fd = debug_file_open_mini(module->fd);
	ms->open += mini->fd >= 0;
	count_failure(ms, module, mini->fd);
	return mini;
}

static struct elf_syms *syms_of_extra(struct modules *ms, struct module *module,
				      struct module_extra *extra)
{
	if (!extra->syms && extra->fd >= 0) {
		extra->syms = load_syms(ms, module, extra->fd);
		if (!extra->syms) {
			close(extra->fd);
			ms->open--;
			extra->fd = -1;
		}
	}
	return extra->syms;
}

static bool has_symtab(const struct elf_syms *syms)
{
	struct elf_syms_info info;

	if (!syms)
		return false;
	elf_syms_info(syms, &info);
	return info.has_symtab;
}

/* The symbols beside the module's own, where these are but the exported ones. */
static struct elf_syms *further_syms(struct modules *ms, struct module *module)
{
	struct elf_syms *further;

	if (has_symtab(module->syms))
		return NULL;
	further = syms_of_extra(ms, module, debug_of(ms, module));
	return has_symtab(further) ? further : syms_of_extra(ms, module, mini_of(ms, module));
}

static int find(struct elf_syms *syms, bool function, uint64_t vaddr, const char **ret_name,
		uint64_t *ret_offset)
{
	if (!syms)
		return -ENOENT;
	return function ? elf_syms_find_func(syms, vaddr, ret_name, ret_offset)
			: elf_syms_find_object(syms, vaddr, ret_name, ret_offset);
}

int modules_find(struct modules *ms, uint32_t index, bool function, uint64_t vaddr,
		 const char **ret_name, uint64_t *ret_offset)
{
	struct module *module = &ms->all.at[index];
	int r = find(modules_syms(ms, index), function, vaddr, ret_name, ret_offset);

	if (r == 0)
		return 0;
	return find(further_syms(ms, module), function, vaddr, ret_name, ret_offset);
}

int modules_dwarf(struct modules *ms, uint32_t index)
{
	struct module *module = &ms->all.at[index];
	struct module_extra *debug;

	if (module->dwarf_tried || module->fd < 0)
		return module->dwarf_fd;
	module->dwarf_tried = true;
	if (dwarf_info_present(module->fd)) {
		module->dwarf_fd = module->fd;
		return module->dwarf_fd;
	}
	debug = debug_of(ms, module);
	if (debug->fd >= 0 && dwarf_info_present(debug->fd))
		module->dwarf_fd = debug->fd;
	return module->dwarf_fd;
}
