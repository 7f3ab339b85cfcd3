/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of the system calls in which threads block. */
#ifndef MODEL_SYSCALLS_H
#define MODEL_SYSCALLS_H

#include <stdint.h>

/* "fsync" for its number, "page fault" for -1, NULL for a number that the table does not hold. */
const char *syscall_name(int32_t nr);

#endif
