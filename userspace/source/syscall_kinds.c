// SPDX-License-Identifier: GPL-2.0-only
#include "source/syscall_kinds.h"

#include <sys/syscall.h>

#include "base/num.h"
#include "bpf/concprof_abi.h"

struct syscall_row {
	uint16_t nr;
	uint8_t kind;
};

/* Numbers that Debian 12's headers lack but newer kernels have, the same on x86_64 and arm64. */
enum { NR_FUTEX_WAKE = 454, NR_FUTEX_WAIT = 455 };

static const struct syscall_row rows[] = {
	{SYS_futex, CP_SYS_FUTEX},
	{NR_FUTEX_WAIT, CP_SYS_FUTEX_WAIT},
	{NR_FUTEX_WAKE, CP_SYS_FUTEX_WAKE},
	{SYS_futex_waitv, CP_SYS_FUTEX_WAITV},
	{SYS_ppoll, CP_SYS_POLL},
	{SYS_pselect6, CP_SYS_SELECT},
	{SYS_epoll_pwait, CP_SYS_EPOLL},
	{SYS_epoll_pwait2, CP_SYS_EPOLL},
	{SYS_io_uring_enter, CP_SYS_URING},
	{SYS_io_getevents, CP_SYS_AIO},
	{SYS_io_pgetevents, CP_SYS_AIO},
	{SYS_nanosleep, CP_SYS_SLEEP},
	{SYS_clock_nanosleep, CP_SYS_SLEEP},
	{SYS_rt_sigsuspend, CP_SYS_SIGNAL},
	{SYS_rt_sigtimedwait, CP_SYS_SIGNAL},
	{SYS_kill, CP_SYS_KILL},
	{SYS_tkill, CP_SYS_KILL},
	{SYS_tgkill, CP_SYS_KILL},
	{SYS_rt_sigqueueinfo, CP_SYS_KILL},
	{SYS_rt_tgsigqueueinfo, CP_SYS_KILL},
	{SYS_pidfd_send_signal, CP_SYS_KILL},
	{SYS_wait4, CP_SYS_CHILD},
	{SYS_waitid, CP_SYS_CHILD},
	{SYS_read, CP_SYS_FD},
	{SYS_readv, CP_SYS_FD},
	{SYS_pread64, CP_SYS_FD},
	{SYS_preadv, CP_SYS_FD},
	{SYS_preadv2, CP_SYS_FD},
	{SYS_recvfrom, CP_SYS_FD},
	{SYS_recvmsg, CP_SYS_FD},
	{SYS_recvmmsg, CP_SYS_FD},
	{SYS_write, CP_SYS_FD_WRITE},
	{SYS_writev, CP_SYS_FD_WRITE},
	{SYS_pwrite64, CP_SYS_FD_WRITE},
	{SYS_pwritev, CP_SYS_FD_WRITE},
	{SYS_pwritev2, CP_SYS_FD_WRITE},
	{SYS_sendto, CP_SYS_FD_WRITE},
	{SYS_sendmsg, CP_SYS_FD_WRITE},
	{SYS_sendmmsg, CP_SYS_FD_WRITE},
	{SYS_shutdown, CP_SYS_FD_WRITE},
	{SYS_close, CP_SYS_FD_WRITE},
	{SYS_sendfile, CP_SYS_FD_WRITE},
	{SYS_splice, CP_SYS_FD2},
	{SYS_tee, CP_SYS_FD2},
	{SYS_vmsplice, CP_SYS_FD_WRITE},
	{SYS_copy_file_range, CP_SYS_DISK},
	{SYS_accept, CP_SYS_ACCEPT},
	{SYS_accept4, CP_SYS_ACCEPT},
	{SYS_connect, CP_SYS_CONNECT},
	{SYS_fsync, CP_SYS_DISK},
	{SYS_fdatasync, CP_SYS_DISK},
	{SYS_sync, CP_SYS_DISK},
	{SYS_syncfs, CP_SYS_DISK},
	{SYS_msync, CP_SYS_DISK},
	{SYS_sync_file_range, CP_SYS_DISK},
	{SYS_fallocate, CP_SYS_DISK},
	{SYS_truncate, CP_SYS_DISK},
	{SYS_ftruncate, CP_SYS_DISK},
	{SYS_openat, CP_SYS_DISK},
	{SYS_openat2, CP_SYS_DISK},
	{SYS_newfstatat, CP_SYS_DISK},
	{SYS_statx, CP_SYS_DISK},
	{SYS_fstat, CP_SYS_DISK},
	{SYS_faccessat, CP_SYS_DISK},
	{SYS_readlinkat, CP_SYS_DISK},
	{SYS_getdents64, CP_SYS_DISK},
	{SYS_unlinkat, CP_SYS_DISK},
	{SYS_renameat, CP_SYS_DISK},
	{SYS_renameat2, CP_SYS_DISK},
	{SYS_mkdirat, CP_SYS_DISK},
	{SYS_linkat, CP_SYS_DISK},
	{SYS_symlinkat, CP_SYS_DISK},
	{SYS_readahead, CP_SYS_DISK},
	{SYS_io_submit, CP_SYS_DISK},
	{SYS_execve, CP_SYS_EXEC},
	{SYS_execveat, CP_SYS_EXEC},
	{SYS_mmap, CP_SYS_MM},
	{SYS_munmap, CP_SYS_MM},
	{SYS_mprotect, CP_SYS_MM},
	{SYS_mremap, CP_SYS_MM},
	{SYS_madvise, CP_SYS_MM},
	{SYS_brk, CP_SYS_MM},
	{SYS_mlock, CP_SYS_MM},
	{SYS_munlock, CP_SYS_MM},
	{SYS_semop, CP_SYS_IPC},
	{SYS_semtimedop, CP_SYS_IPC},
	{SYS_msgrcv, CP_SYS_IPC},
	{SYS_msgsnd, CP_SYS_IPC},
	{SYS_mq_timedreceive, CP_SYS_IPC},
	{SYS_mq_timedsend, CP_SYS_IPC},
	{SYS_flock, CP_SYS_FLOCK},
	{SYS_fcntl, CP_SYS_FLOCK},
	{SYS_clone, CP_SYS_CLONE}, /* vfork: until the child's exec */
	{SYS_clone3, CP_SYS_CLONE},
	{SYS_exit, CP_SYS_EXIT},
	{SYS_exit_group, CP_SYS_EXIT},
	{SYS_restart_syscall, CP_SYS_RESTART},
#ifdef __x86_64__ /* calls that newer architectures do without */
	{SYS_poll, CP_SYS_POLL},
	{SYS_select, CP_SYS_SELECT},
	{SYS_epoll_wait, CP_SYS_EPOLL},
	{SYS_pause, CP_SYS_SIGNAL},
	{SYS_vfork, CP_SYS_FORK},
	{SYS_fork, CP_SYS_FORK},
	{SYS_open, CP_SYS_DISK},
	{SYS_creat, CP_SYS_DISK},
	{SYS_stat, CP_SYS_DISK},
	{SYS_lstat, CP_SYS_DISK},
	{SYS_access, CP_SYS_DISK},
	{SYS_unlink, CP_SYS_DISK},
	{SYS_rename, CP_SYS_DISK},
	{SYS_mkdir, CP_SYS_DISK},
	{SYS_rmdir, CP_SYS_DISK},
	{SYS_link, CP_SYS_DISK},
	{SYS_symlink, CP_SYS_DISK},
	{SYS_readlink, CP_SYS_DISK},
	{SYS_getdents, CP_SYS_DISK},
#endif
};

void syscall_kinds_fill(uint8_t *kinds, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].nr < len)
			kinds[rows[i].nr] = rows[i].kind;
}
