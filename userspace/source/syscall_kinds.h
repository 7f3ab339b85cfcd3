/* SPDX-License-Identifier: GPL-2.0-only */
/* THE table of what blocking in a system call means, for the architecture this was built on. */
#ifndef SOURCE_SYSCALL_KINDS_H
#define SOURCE_SYSCALL_KINDS_H

#include <stddef.h>
#include <stdint.h>

/* Fill @kinds (indexed by system call number, values of enum cp_syscall_kind); others stay
 * CP_SYS_OTHER. */
void syscall_kinds_fill(uint8_t *kinds, size_t len);

#endif
