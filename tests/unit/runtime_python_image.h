/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a process that runs Python, made by hand: objects where a layout has them.  For
 * unit tests and for the fuzzer, so it checks nothing by a test's means.
 */
#ifndef TESTS_RUNTIME_PYTHON_IMAGE_H
#define TESTS_RUNTIME_PYTHON_IMAGE_H

#include <stdlib.h>
#include <string.h>

#include "runtime/python_find.h"

#define IMAGE_BASE 0x100000ULL
#define IMAGE_BYTES 65536
#define IMAGE_CODE_TYPE 0x7000000ULL
#define IMAGE_OWNER_THREAD 0
#define IMAGE_OWNER_GENERATOR 1

struct python_image {
	uint8_t bytes[IMAGE_BYTES];
	uint64_t next;
	struct python_process process;
	size_t reads;
};

/* The words of 3.13.0's debug offsets, by a debugger; free-threaded ones are shifted in the
 * beginning of objects. */
#define IMAGE_313_WORDS 73
/* clang-format off */
static const uint64_t image_313[IMAGE_313_WORDS] = {
	0x7970677562656478, 0x030d00f0, 0,
	283320, 608, 632,
	129432, 7272, 7264, 7344, 7400, 7656, 7640, 7648, 16, 7752, 0, 7768, 7760,
	304, 0, 8, 16, 72, 152, 160, 232, 32,
	80, 8, 0, 56, 72, 70,
	208, 112, 120, 128, 136, 68, 52, 96, 104, 200,
	16, 8,
	416, 24, 88, 168,
	32, 24, 16,
	40, 24, 16,
	48, 32, 40,
	24, 16,
	32, 16, 24,
	40, 16, 32,
	64, 32, 16, 40,
	240, 200,
};
/* clang-format on */

static inline bool image_read(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct python_image *image = ctx;
	uint64_t at = addr - IMAGE_BASE;

	image->reads++;
	if (at >= IMAGE_BYTES || len > IMAGE_BYTES - at)
		return false;
	memcpy(buf, image->bytes + at, len);
	return true;
}

static inline struct python_memory image_memory(struct python_image *image)
{
	return (struct python_memory){.read = image_read, .ctx = image};
}

/* Left out where it would lie outside: the fuzzer's addresses are not its own. */
static inline void image_put(struct python_image *image, uint64_t addr, uint64_t value, size_t size)
{
	uint64_t at = addr - IMAGE_BASE;

	if (at < IMAGE_BYTES && size <= IMAGE_BYTES - at)
		memcpy(image->bytes + at, &value, size);
}

static inline void image_put64(struct python_image *image, uint64_t addr, uint64_t value)
{
	image_put(image, addr, value, 8);
}

/* Zeroed; aligned as malloc() aligns. */
static inline uint64_t image_take(struct python_image *image, size_t size)
{
	uint64_t addr = image->next;

	image->next += (size + 15) / 16 * 16;
	if (image->next > IMAGE_BASE + IMAGE_BYTES)
		abort();
	return addr;
}

/* Begin a process of @version, whose _PyRuntime comes first. */
static inline void image_begin(struct python_image *image, uint16_t version)
{
	*image = (struct python_image){.next = IMAGE_BASE};
	image->process.runtime = image_take(image, 4096);
	image->process.code_type = IMAGE_CODE_TYPE;
	if (version >= PYTHON_VERSION(3, 13))
		memcpy(image->bytes, image_313, sizeof(image_313));
	image->process.known = python_layout_get(version, image->bytes, PYTHON_DEBUG_OFFSETS_BYTES,
						 &image->process.layout) == 0;
}

/* A str of @len characters of @kind bytes. */
static inline uint64_t image_str(struct python_image *image, unsigned int kind, bool ascii,
				 const void *data, size_t len)
{
	const struct python_layout *l = &image->process.layout;
	size_t head = ascii ? l->unicode_ascii : l->unicode_compact;
	uint64_t addr = image_take(image, head + len * kind);
	uint32_t state = (kind | 8 | (ascii ? 16 : 0)) << l->unicode_kind_bit;

	image_put64(image, addr + l->unicode_length, len);
	image_put(image, addr + l->unicode_state, state, 4);
	memcpy(image->bytes + (addr - IMAGE_BASE) + head, data, len * kind);
	return addr;
}

static inline uint64_t image_ascii(struct python_image *image, const char *text)
{
	return image_str(image, 1, true, text, strlen(text));
}

static inline uint64_t image_byte_string(struct python_image *image, const void *data, size_t len)
{
	const struct python_layout *l = &image->process.layout;
	uint64_t addr = image_take(image, l->bytes_data + len);

	image_put64(image, addr + l->bytes_size, len);
	memcpy(image->bytes + (addr - IMAGE_BASE) + l->bytes_data, data, len);
	return addr;
}

/* A code object; @name is its qualified name where it has one, and "plain" the other then. */
static inline uint64_t image_code(struct python_image *image, uint64_t name, uint64_t file,
				  uint32_t first, const void *table, size_t len)
{
	const struct python_layout *l = &image->process.layout;
	uint64_t addr = image_take(image, 512);

	image_put64(image, addr + l->object_type, image->process.code_type);
	image_put64(image, addr + l->code_filename, file);
	image_put(image, addr + l->code_firstlineno, first, 4);
	image_put64(image, addr + l->code_linetable, image_byte_string(image, table, len));
	if (l->code_qualname == PYTHON_NO_FIELD) {
		image_put64(image, addr + l->code_name, name);
		return addr;
	}
	image_put64(image, addr + l->code_qualname, name);
	image_put64(image, addr + l->code_name, image_ascii(image, "plain"));
	return addr;
}

/* A frame in @code at @lasti code units. */
static inline uint64_t image_frame(struct python_image *image, uint64_t code, int64_t lasti,
				   uint64_t back)
{
	const struct python_layout *l = &image->process.layout;
	uint64_t addr = image_take(image, 128);

	image_put64(image, addr + l->frame_code, code | (l->frame_pointer_tag ? 1 : 0));
	image_put64(image, addr + l->frame_back, back);
	if (l->frame_lasti_step)
		image_put(image, addr + l->frame_lasti,
			  (uint64_t)(lasti < 0 ? -1 : lasti * 2 / l->frame_lasti_step), 4);
	else
		image_put64(image, addr + l->frame_lasti,
			    code + l->code_adaptive + (uint64_t)lasti * 2);
	return addr;
}

/* One that the C stack owns, where the version has such; else its @back. */
static inline uint64_t image_shim(struct python_image *image, uint64_t back)
{
	const struct python_layout *l = &image->process.layout;
	uint64_t addr;

	if (l->entry != PYTHON_ENTRY_SHIM)
		return back;
	addr = image_frame(image, 0x123450, 0, back);
	image_put(image, addr + l->frame_owner, l->frame_owner_shim, 1);
	return addr;
}

/* Where a frame says that it is its C call's last (3.11). */
static inline uint64_t image_entry(struct python_image *image, uint64_t frame)
{
	const struct python_layout *l = &image->process.layout;

	if (l->frame_is_entry != PYTHON_NO_FIELD)
		image_put(image, frame + l->frame_is_entry, 1, 1);
	return frame;
}

static inline uint64_t image_thread(struct python_image *image, uint64_t interp, uint64_t next,
				    uint64_t id, uint64_t frame)
{
	const struct python_layout *l = &image->process.layout;
	uint64_t addr = image_take(image, 512), via;

	image_put64(image, addr + l->tstate_next, next);
	image_put64(image, addr + l->tstate_interp, interp);
	image_put64(image, addr + l->tstate_thread_id, id);
	if (l->tstate_native_id != PYTHON_NO_FIELD)
		image_put64(image, addr + l->tstate_native_id, id & 0xffff);
	if (l->frame_via == PYTHON_NO_FIELD) {
		image_put64(image, addr + l->tstate_frame, frame);
		return addr;
	}
	via = image_take(image, 64);
	image_put64(image, addr + l->tstate_frame, via);
	image_put64(image, via + l->frame_via, frame);
	return addr;
}

/* An interpreter, which becomes the list's head; its @threads and @gil come later. */
static inline uint64_t image_interp(struct python_image *image, uint64_t next)
{
	const struct python_layout *l = &image->process.layout;
	uint64_t addr = image_take(image, 8192);

	image_put64(image, addr + l->interp_next, next);
	image_put64(image, image->process.runtime + l->interpreters_head, addr);
	return addr;
}

#endif
