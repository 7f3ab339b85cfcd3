/* SPDX-License-Identifier: GPL-2.0-only */
/* The form of a table of unwind rows, for those who make its parts and those who read it. */
#ifndef SYMBOL_UNWIND_FORMAT_H
#define SYMBOL_UNWIND_FORMAT_H

#include <stdint.h>

/* Bounds of one file; what is beyond is dropped and counted. */
#define UNWIND_ROWS_MAX (4U << 20)
#define UNWIND_FDES_MAX (2U << 20)
#define UNWIND_CIES_MAX 65536
#define UNWIND_SECTION_MAX (64U << 20) /* bytes of .eh_frame or .debug_frame, uncompressed */
#define UNWIND_TEXT_MAX (1U << 30)     /* bytes from the first executable one on */
#define UNWIND_SEGMENTS_MAX 256	       /* executable PT_LOADs */

/* Bytes of text for each entry of the index. */
#define UNWIND_INDEX_BYTES 256
/* Fewer uncovered bytes than this between two functions are padding, and no gap. */
#define UNWIND_GAP_BYTES_MIN 16

/*
 * A row holds from its pc to the next row's.  CFA is the value of rsp in the caller, the return
 * address lies at CFA - 8 (but for UNWIND_SIGNAL), and rbp is unchanged unless a place is told.
 */
enum unwind_kind {
	UNWIND_GAP,	  /* nothing is known here */
	UNWIND_RSP,	  /* CFA = rsp + cfa_offset */
	UNWIND_RBP,	  /* CFA = rbp + cfa_offset */
	UNWIND_DEREF_RBP, /* CFA = *(rbp + cfa_offset), and the caller's rbp is at *rbp: a frame
			     that gcc has realigned */
	UNWIND_PLT,	  /* CFA = rsp + 8 + ((rip & 15) >= the cfa field) * 8 */
	UNWIND_SIGNAL, /* at __restore_rt: rbp at rsp + 120, rsp at rsp + 160, rip at rsp + 168 */
	UNWIND_END,    /* the outermost frame: its return address is undefined */
	UNWIND_UNSUPPORTED, /* told, but not in a form that a row can hold */
};

/*
 * One row, a u64:
 *   bits  0-31  pc, from the table's base_vaddr
 *   bits 32-47  cfa_offset / 8, signed; UNWIND_PLT: the threshold
 *   bits 48-55  where rbp is saved, from the CFA, / 8, signed; 0 = unchanged
 *   bits 56-63  enum unwind_kind
 * Only UNWIND_RSP, _RBP and _DEREF_RBP have a cfa_offset, only the first two an rbp_offset.
 */
static inline uint32_t unwind_row_pc(uint64_t row)
{
	return (uint32_t)row;
}

static inline int unwind_row_cfa_field(uint64_t row)
{
	return (int16_t)(row >> 32);
}

static inline int unwind_row_rbp_field(uint64_t row)
{
	return (int8_t)(row >> 48);
}

static inline enum unwind_kind unwind_row_kind(uint64_t row)
{
	return (enum unwind_kind)(row >> 56);
}

struct unwind_segment {
	uint64_t offset; /* in the file */
	uint64_t vaddr;
	uint64_t filesz;
};

/* An FDE describes one contiguous piece of code, a CIE what several FDEs have in common. */
struct unwind_stats {
	uint32_t fdes;		   /* that made rows */
	uint32_t fdes_outside;	   /* dropped: not in executable bytes, as of discarded functions */
	uint32_t fdes_overlapping; /* cut, or dropped, where the next one starts */
	uint32_t fdes_malformed;   /* dropped: they make no sense, or their CIE does not */
	uint32_t fdes_beyond_limit; /* dropped: too many FDEs or rows */
	uint32_t entries_malformed; /* CIEs of no use or beyond the limit; a length that ends
				       reading */
	uint32_t rows_unsupported;
	uint32_t rows_gap;
	uint32_t rows_merged; /* left out, being equal to the one before */
};

struct unwind_table {
	uint64_t base_vaddr; /* of the lowest executable PT_LOAD */
	uint64_t text_bytes; /* from there to the end of the highest, <= UNWIND_TEXT_MAX */
	uint64_t *rows;	     /* by pc, no two alike; the first has pc 0 */
	uint32_t rows_len;   /* > 0 */
	/*
	 * For each UNWIND_INDEX_BYTES of text the last row at or before their start, then one entry
	 * more that is the last row: the row of pc is between index[pc / 256] and index[pc / 256 +
	 * 1].
	 */
	uint32_t *index;
	uint32_t index_len;
	uint64_t build_id; /* hash of NT_GNU_BUILD_ID, 0 = the file has none */
	struct unwind_segment *segments;
	uint32_t segments_len;
	struct unwind_stats stats;
};

#endif
