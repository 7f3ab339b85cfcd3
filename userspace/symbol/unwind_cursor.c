// SPDX-License-Identifier: GPL-2.0-only
/* Reading encoded pointers within bounds. */
#include <dwarf.h>

#include "symbol/unwind_internal.h"

/* The first byte of a pointer's encoding: how wide it is, and what it counts from. */
#define ENCODING_FORMAT 0x0f
#define ENCODING_BASE 0x70

uint64_t cursor_encoded(struct cursor *c, uint8_t encoding, uint64_t vaddr)
{
	uint64_t value = 0;

	switch (encoding & ENCODING_FORMAT) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		value = cursor_uint(c, 8);
		break;
	case DW_EH_PE_udata4:
		value = cursor_uint(c, 4);
		break;
	case DW_EH_PE_sdata4:
		value = (uint64_t)(int32_t)cursor_uint(c, 4);
		break;
	case DW_EH_PE_udata2:
		value = cursor_uint(c, 2);
		break;
	case DW_EH_PE_sdata2:
		value = (uint64_t)(int16_t)cursor_uint(c, 2);
		break;
	case DW_EH_PE_uleb128:
		value = cursor_uleb(c);
		break;
	case DW_EH_PE_sleb128:
		value = (uint64_t)cursor_sleb(c);
		break;
	default:
		cursor_fail(c);
	}
	if ((encoding & ENCODING_BASE) == DW_EH_PE_pcrel)
		value += vaddr;
	else if (encoding & ENCODING_BASE)
		cursor_fail(c);
	if (encoding & DW_EH_PE_indirect)
		cursor_fail(c);
	return value;
}
