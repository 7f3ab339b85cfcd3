/* SPDX-License-Identifier: GPL-2.0-only */
/* Why a thread blocks, read from the registers of the system call in which it does so (verdict.md,
 * section 1). */
#ifndef CONCPROF_CLASSIFY_BPF_H
#define CONCPROF_CLASSIFY_BPF_H

#include "filter.bpf.h"

#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define S_IFBLK 0060000
#define S_IFDIR 0040000
#define S_IFCHR 0020000
#define S_IFIFO 0010000
#define ANON_INODE_FS_MAGIC 0x09041934
#define PIPEFS_MAGIC 0x50495045
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define TCP_ESTABLISHED 1
#define TCP_LISTEN 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

/* Direct access where the type is known: a load each, where a helper call takes ten times as long.
 */
static __always_inline struct file *file_of(struct task_struct *task, u64 fd)
{
	struct files_struct *files = task->files;
	struct file *file = NULL;
	struct fdtable *fdt;

	if (!files)
		return NULL;
	fdt = files->fdt;
	if (!fdt || (u32)fd >= fdt->max_fds)
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), &fdt->fd[(u32)fd]);
	return file;
}

/* A named unix socket is a server's (bound, or accepted from one); whose peer is named, called a
 * server; else socketpair. */
static __always_inline u32 unix_class(struct sock *sk)
{
	struct unix_sock *u = (struct unix_sock *)sk;
	struct sock *peer;

	if (BPF_CORE_READ(u, addr))
		return CP_CLIENT_IDLE;
	peer = BPF_CORE_READ(u, peer);
	if (peer && BPF_CORE_READ((struct unix_sock *)peer, addr))
		return CP_NET;
	return CP_IPC;
}

static __always_inline u32 socket_kind(struct sock *sk, u16 family, u32 cls)
{
	if (family == AF_UNIX)
		return cls == CP_IPC ? CP_EDGE_SOCKETPAIR : CP_EDGE_UNIX;
	if (family != AF_INET && family != AF_INET6)
		return CP_EDGE_SOCKET;
	return BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP ? CP_EDGE_TCP : CP_EDGE_SOCKET;
}

static __always_inline u32 family_class(struct sock *sk, u16 family)
{
	u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
	u16 port;

	if (state == TCP_LISTEN || family == AF_NETLINK)
		return CP_CLIENT_IDLE;
	if (family == AF_UNIX)
		return unix_class(sk);
	if (family != AF_INET && family != AF_INET6)
		return CP_NET;
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_UDP && state != TCP_ESTABLISHED)
		return CP_CLIENT_IDLE;
	port = BPF_CORE_READ(sk, __sk_common.skc_num);
	/* An accepted socket keeps its listener's port; no client ever gets that one. */
	if (use_listen_ports && bpf_map_lookup_elem(&listen_ports, &port))
		return CP_CLIENT_IDLE;
	return CP_NET;
}

static __always_inline u32 socket_class(struct file *file, u32 *kind)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = socket ? BPF_CORE_READ(socket, sk) : NULL;
	u16 family;
	u32 cls;

	*kind = CP_EDGE_SOCKET;
	if (!sk)
		return CP_OTHER;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	cls = family_class(sk, family);
	*kind = socket_kind(sk, family, cls);
	return cls;
}

static __always_inline u32 fd_mode(struct file *file)
{
	/* From 6.15 on anonymous inodes (eventfd, timerfd) have a regular file's mode. */
	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) == ANON_INODE_FS_MAGIC)
		return 0;
	return BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
}

static __always_inline u32 file_class(struct file *file, u32 *kind)
{
	switch (fd_mode(file)) {
	case S_IFSOCK:
		return socket_class(file, kind);
	case S_IFREG:
	case S_IFBLK:
	case S_IFDIR:
		return CP_DISK;
	case S_IFCHR:
		return CP_CLIENT_IDLE;
	case S_IFIFO:
		*kind = BPF_CORE_READ(file, f_inode, i_sb, s_magic) == PIPEFS_MAGIC ? CP_EDGE_PIPE
										    : CP_EDGE_FIFO;
		return CP_IPC;
	default: /* eventfd and kin */
		*kind = CP_EDGE_EVENTFD;
		return CP_IPC;
	}
}

/* What waiting for @fd means; a thread mostly waits for the file for which it waited last. */
static __noinline u32 fd_class(struct task_struct *task, u64 fd, struct cp_thread *t)
{
	struct file *file = file_of(task, fd);
	u32 kind = CP_EDGE_PEER;
	u64 inode;

	if (!file)
		return CP_OTHER;
	inode = (u64)BPF_CORE_READ(file, f_inode);
	if (t->file != (u64)file || t->inode != inode) {
		t->file_cls = file_class(file, &kind);
		t->file_kind = kind;
		t->file = (u64)file;
		t->inode = inode;
	}
	t->why_kind = t->file_kind;
	return t->file_cls;
}

/* A thread that polls a single socket waits for that one: a client's request or a backend's answer.
 */
static __always_inline u32 poll_class(struct task_struct *task, const struct syscall_regs *r,
				      struct cp_thread *t)
{
	s32 fd = -1;
	u32 cls;

	if (r->arg1 == 0)
		return CP_SLEEP;
	if (r->arg1 != 1 || bpf_probe_read_user(&fd, sizeof(fd), (void *)r->arg0))
		return CP_LOOP_IDLE;
	cls = fd_class(task, fd, t);
	return cls == CP_NET || cls == CP_CLIENT_IDLE ? cls : CP_LOOP_IDLE;
}

/*
 * Kinds of system calls that mean one class, whatever they wait for.  0 (run) = look closer.
 */
static const u8 plain_class[CP_SYS_COUNT] = {
	[CP_SYS_FUTEX] = CP_FUTEX,	  [CP_SYS_FUTEX_WAIT] = CP_FUTEX,
	[CP_SYS_FUTEX_WAITV] = CP_FUTEX,  [CP_SYS_EPOLL] = CP_LOOP_IDLE,
	[CP_SYS_URING] = CP_LOOP_IDLE,	  [CP_SYS_AIO] = CP_LOOP_IDLE,
	[CP_SYS_SLEEP] = CP_SLEEP,	  [CP_SYS_CHILD] = CP_CHILD,
	[CP_SYS_ACCEPT] = CP_CLIENT_IDLE, [CP_SYS_CONNECT] = CP_NET,
	[CP_SYS_DISK] = CP_DISK,	  [CP_SYS_IPC] = CP_IPC,
	[CP_SYS_FLOCK] = CP_LOCK,	  [CP_SYS_FORK] = CP_CHILD,
	[CP_SYS_CLONE] = CP_CHILD,	  [CP_SYS_EXEC] = CP_DISK,
	[CP_SYS_SIGNAL] = CP_SLEEP,	  [CP_SYS_KILL] = CP_OTHER,
};

/* Page fault, or a 32-bit call. */
static __always_inline u32 no_syscall_class(struct task_struct *task, u32 state)
{
	if (compat_in_iowait(task))
		return CP_DISK;
	/* A page fault that sleeps without I/O waits for mmap_lock. */
	return state & TASK_UNINTERRUPTIBLE ? CP_LOCK : CP_OTHER;
}

/* The class of a call whose arguments or state decide. */
static __always_inline u32 looked_at_class(struct task_struct *task, const struct syscall_regs *r,
					   u32 sys, u32 state, struct cp_thread *t)
{
	u32 cls;

	switch (sys) {
	case CP_SYS_FD:
	case CP_SYS_FD_WRITE:
		return fd_class(task, r->arg0, t);
	case CP_SYS_FD2:
		cls = fd_class(task, r->arg0, t);
		return cls == CP_DISK ? fd_class(task, r->arg2, t) : cls;
	case CP_SYS_MM:
		return state & TASK_UNINTERRUPTIBLE ? CP_LOCK : CP_OTHER;
	case CP_SYS_OTHER:
		count_loss(CP_LOST_SYSCALL);
	}
	return CP_OTHER;
}

/* Fill in t->why_*: @task is about to sleep in @state (or sleeps already, at the seed). */
static __noinline void classify_block(struct task_struct *task, const struct syscall_regs *r,
				      u32 state, struct cp_thread *t)
{
	u32 sys = syscall_kind_of(r->nr);
	u32 cls = sys < CP_SYS_COUNT ? plain_class[sys] : 0;

	t->why_sys = sys;
	t->why_kind = sys == CP_SYS_IPC ? CP_EDGE_QUEUE : CP_EDGE_PEER;
	if (state & (TASK_STOPPED | TASK_TRACED | TASK_FROZEN))
		cls = CP_STOPPED;
	else if (r->nr < 0)
		cls = no_syscall_class(task, state);
	else if (sys == CP_SYS_POLL)
		cls = poll_class(task, r, t);
	else if (sys == CP_SYS_SELECT)
		cls = r->arg0 ? CP_LOOP_IDLE : CP_SLEEP;
	else if (cls == CP_FUTEX || cls == CP_LOOP_IDLE)
		; /* waits for events, though io_uring counts as waiting for I/O */
	else if (compat_in_iowait(task))
		cls = CP_DISK;
	else if (!cls)
		cls = looked_at_class(task, r, sys, state, t);
	t->why_cls = cls;
}

#endif
