// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers as the machine has them for which concprof is built.  A capture from another architecture
 * carries that one's numbers: this file is the one place to teach.
 */
#include "model/syscalls.h"

#include "base/num.h"

#include <sys/syscall.h>

struct syscall_row {
	long nr;
	const char *name;
};

#define ROW(name)                  \
	{                          \
		__NR_##name, #name \
	}

/* The calls in which threads are met off the CPU.  Those that newer architectures never had are
 * there under #ifdef. */
static const struct syscall_row syscall_table[] = {
	ROW(read),
	ROW(write),
	ROW(readv),
	ROW(writev),
	ROW(pread64),
	ROW(pwrite64),
	ROW(preadv),
	ROW(pwritev),
	ROW(preadv2),
	ROW(pwritev2),
	ROW(openat),
	ROW(close),
	ROW(fstat),
	ROW(statx),
	ROW(lseek),
	ROW(fsync),
	ROW(fdatasync),
	ROW(sync),
	ROW(syncfs),
	ROW(sync_file_range),
	ROW(msync),
	ROW(truncate),
	ROW(ftruncate),
	ROW(fallocate),
	ROW(getdents64),
	ROW(unlinkat),
	ROW(mkdirat),
	ROW(renameat2),
	ROW(flock),
	ROW(fcntl),
	ROW(ioctl),
	ROW(sendfile),
	ROW(splice),
	ROW(tee),
	ROW(vmsplice),
	ROW(copy_file_range),
	ROW(socket),
	ROW(connect),
	ROW(accept),
	ROW(accept4),
	ROW(sendto),
	ROW(recvfrom),
	ROW(sendmsg),
	ROW(recvmsg),
	ROW(sendmmsg),
	ROW(recvmmsg),
	ROW(shutdown),
	ROW(epoll_pwait),
#ifdef __NR_epoll_pwait2
	ROW(epoll_pwait2),
#endif
	ROW(pselect6),
	ROW(ppoll),
	ROW(nanosleep),
	ROW(clock_nanosleep),
	ROW(restart_syscall),
	ROW(futex),
#ifdef __NR_futex_waitv
	ROW(futex_waitv),
#endif
#ifdef __NR_futex_wait
	ROW(futex_wait),
#endif
	ROW(wait4),
	ROW(waitid),
	ROW(rt_sigsuspend),
	ROW(rt_sigtimedwait),
	ROW(sched_yield),
	ROW(mmap),
	ROW(munmap),
	ROW(mprotect),
	ROW(mremap),
	ROW(madvise),
	ROW(brk),
	ROW(clone),
#ifdef __NR_clone3
	ROW(clone3),
#endif
	ROW(execve),
	ROW(execveat),
	ROW(exit),
	ROW(exit_group),
	ROW(kill),
	ROW(tgkill),
	ROW(ptrace),
	ROW(semop),
	ROW(semtimedop),
	ROW(msgsnd),
	ROW(msgrcv),
	ROW(mq_timedsend),
	ROW(mq_timedreceive),
	ROW(io_getevents),
	ROW(io_submit),
#ifdef __NR_io_uring_enter
	ROW(io_uring_enter),
#endif
	ROW(inotify_add_watch),
	ROW(getrandom),
	ROW(membarrier),
	ROW(userfaultfd),
	ROW(process_vm_readv),
	ROW(bpf),
#ifdef __NR_open
	ROW(open),
	ROW(stat),
	ROW(lstat),
	ROW(poll),
	ROW(select),
	ROW(epoll_wait),
	ROW(pause),
	ROW(fork),
	ROW(vfork),
	ROW(unlink),
	ROW(rename),
	ROW(mkdir),
	ROW(rmdir),
#endif
};

const char *syscall_name(int32_t nr)
{
	if (nr == -1)
		return "page fault";
	for (size_t i = 0; i < ARRAY_LEN(syscall_table); i++)
		if (syscall_table[i].nr == nr)
			return syscall_table[i].name;
	return NULL;
}
