/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory of a process that runs Python: all of it is read through here, none of it trusted. */
#ifndef RUNTIME_PYTHON_MEMORY_H
#define RUNTIME_PYTHON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Reads @len bytes at @addr of the target; false when they are not all to be had. */
struct python_memory {
	bool (*read)(void *ctx, uint64_t addr, void *buf, size_t len);
	void *ctx;
};

/* No user address lies beyond, and none of interest in the first page. */
#define PYTHON_ADDRESS_MIN 4096
#define PYTHON_ADDRESS_END (1ULL << 47)

/* @offset is one of a layout: small, so that the sum cannot wrap for an address in the bounds. */
static inline bool python_read(const struct python_memory *memory, uint64_t addr, uint64_t offset,
			       void *buf, size_t len)
{
	return addr >= PYTHON_ADDRESS_MIN && addr < PYTHON_ADDRESS_END &&
	       memory->read(memory->ctx, addr + offset, buf, len);
}

/* The eight bytes there, 0 where they cannot be read. */
static inline uint64_t python_read_u64(const struct python_memory *memory, uint64_t addr,
				       uint64_t offset)
{
	uint64_t value;

	return python_read(memory, addr, offset, &value, sizeof(value)) ? value : 0;
}

/* A field of a struct whose bytes are at @from. */
static inline uint64_t python_field_u64(const uint8_t *from, size_t offset)
{
	uint64_t value;

	memcpy(&value, from + offset, sizeof(value));
	return value;
}

static inline int32_t python_field_s32(const uint8_t *from, size_t offset)
{
	int32_t value;

	memcpy(&value, from + offset, sizeof(value));
	return value;
}

#endif
