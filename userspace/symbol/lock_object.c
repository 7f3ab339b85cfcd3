// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/lock_object.h"

#include <string.h>

#include "base/text.h"
#include "model/lock_kind.h"
#include "model/site.h"
#include "symbol/demangle.h"
#include "symbol/libc_version.h"

#define NAME_MAX_BYTES 256

static enum dwarf_primitive primitive_of(enum lock_kind kind)
{
	switch (kind) {
	case LOCK_MUTEX:
		return DWARF_MUTEX;
	case LOCK_RWLOCK:
		return DWARF_RWLOCK;
	case LOCK_CONDVAR:
		return DWARF_CONDVAR;
	case LOCK_SEMAPHORE:
		return DWARF_SEMAPHORE;
	case LOCK_BARRIER:
		return DWARF_BARRIER;
	default:
		return DWARF_NO_PRIMITIVE;
	}
}

size_t lock_object_sites(struct symbolizer *symbolizer, uint32_t pid, const struct lock_code *code,
			 enum dwarf_primitive *ret_primitive,
			 struct symbol sites[LOCK_OBJECT_SITES])
{
	char text[MODEL_LOCK_CODE_MAX][NAME_MAX_BYTES];
	const char *names[MODEL_LOCK_CODE_MAX] = {NULL};
	size_t len = 0;

	for (uint32_t i = 0; i < code->len; i++) {
		struct symbol symbol;

		symbolizer_function(symbolizer, (pid_t)pid, code->at[i], &symbol);
		text[i][0] = '\0';
		if (symbol.kind == SYMBOL_NAMED)
			demangle(symbol.name, text[i], sizeof(text[i]));
		names[i] = text[i];
		if (i == 0 && (!symbol.module || !libc_version_is_libc(symbol.module) ||
			       !strcmp(text[i], "syscall")))
			return 0;
		if (len < LOCK_OBJECT_SITES && symbol.module &&
		    !site_in_runtime(symbol.module, text[i]))
			sites[len++] = symbol;
	}
	*ret_primitive = primitive_of(lock_kind_of_site(names, code->len));
	return *ret_primitive == DWARF_NO_PRIMITIVE ? 0 : len;
}
