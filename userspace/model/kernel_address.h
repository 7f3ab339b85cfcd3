/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_KERNEL_ADDRESS_H
#define MODEL_KERNEL_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Upper half of the address space: the kernel's on every 64-bit Linux (x86_64, arm64, ..). */
static inline bool kernel_address(uint64_t ip)
{
	return ip >> 63;
}

#endif
