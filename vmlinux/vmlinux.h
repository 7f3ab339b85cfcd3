/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel types that the BPF side reads, by hand and only the fields used: CO-RE finds the real
 * offsets at load time (README.md).  A field that some kernel lacks is asked for with
 * bpf_core_field_exists() in bpf/compat.bpf.h.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#include <linux/bpf.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef int pid_t;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
#if defined(__TARGET_ARCH_x86)
	unsigned long bp;
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long ax;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long cs;
	unsigned long sp;
#elif defined(__TARGET_ARCH_arm64)
	u64 regs[31];
	u64 sp;
	u64 pc;
	u64 pstate;
	u64 orig_x0;
	s32 syscallno;
#endif
};

struct pid_namespace;

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

typedef struct {
	s64 counter;
} atomic_long_t;

struct rw_semaphore {
	atomic_long_t owner;
};

struct mm_struct {
	struct rw_semaphore mmap_lock;
};

struct super_block {
	unsigned long s_magic;
};

struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
};

struct file {
	void *private_data;
	struct inode *f_inode;
	const struct file_operations *f_op;
};

struct rb_node {
	struct rb_node *rb_right;
	struct rb_node *rb_left;
};

struct rb_root {
	struct rb_node *rb_node;
};

struct rb_root_cached {
	struct rb_root rb_root;
};

/* fs/eventpoll.c */
struct eventpoll {
	struct rb_root_cached rbr;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct sock_common {
	unsigned short skc_family;
	volatile unsigned char skc_state;
	u16 skc_num;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_protocol;
};

struct unix_address;

struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct sock *peer;
};

struct socket {
	struct sock *sk;
};

struct thread_struct {
	unsigned long fsbase; /* x86_64 */
};

struct sched_entity {
	u64 nr_migrations;
};

struct task_struct {
	struct thread_struct thread;
	struct sched_entity se;
	int nr_cpus_allowed;
	unsigned long min_flt;
	unsigned long maj_flt;
	unsigned int __state;
	unsigned int flags;
	int on_cpu;
	int on_rq;
	int exit_state;
	unsigned int in_iowait : 1;
	pid_t pid;
	pid_t tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct mm_struct *mm;
	struct files_struct *files;
	char comm[16];
};

struct linux_binprm;
struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_perf_event_data_kern;

#pragma clang attribute pop

#endif
