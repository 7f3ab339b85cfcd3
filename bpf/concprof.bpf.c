// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole BPF side as one object: a new probe is one file and one line here.  (Linking objects
 * with shared maps depends on their order in libbpf 1.1, so they are compiled as one.)
 */
#include "maps.bpf.h"

#include "futex_calls.bpf.c"
#include "loop.bpf.c"
#include "sched.bpf.c"

/* Behind the switches, which it makes good. */
#include "sample.bpf.c"
#include "task.bpf.c"

char LICENSE[] SEC("license") = "GPL";
