/* SPDX-License-Identifier: GPL-2.0-only */
/* Part of concprof_abi.h: threads that poll. */
#ifndef CONCPROF_ABI_LOOP_H
#define CONCPROF_ABI_LOOP_H

/* What the time of a turn goes to: enum loop_part of the model. */
enum cp_loop_part {
	CP_PART_RUN,
	CP_PART_RUNQ,
	CP_PART_GIL,
	CP_PART_LOCK,
	CP_PART_BLOCKING,
	CP_PART_SLEEP,
	CP_PART_COUNT
};

/* Of time in class @cls (enum cp_class). */
static inline __u32 cp_part_of(__u32 cls)
{
	switch (cls) {
	case CP_RUN:
		return CP_PART_RUN;
	case CP_RUNQ_PREEMPT:
	case CP_RUNQ_WAKE:
		return CP_PART_RUNQ;
	case CP_GIL:
		return CP_PART_GIL;
	case CP_LOCK:
	case CP_FUTEX:
		return CP_PART_LOCK;
	case CP_SLEEP:
		return CP_PART_SLEEP;
	}
	return CP_PART_BLOCKING;
}

/*
 * One thread as an event loop, by slot: a turn is what it does between two polls of the same
 * descriptors.  Written by the thread itself alone, inside its slot's sequence counter.
 */
struct cp_loop {
	__u64 file;    /* polled: struct file of the epoll or ring; 0 = a list of descriptors */
	__u64 poll_sp; /* user stack pointer in that poll: one from deeper down is another's */
	__u64 polled_ns;
	__u64 turn_ns; /* since when it works on what its poll returned; 0 = asleep there, or not
			  known */
	__u64 base_ns[CP_PART_COUNT]; /* the thread's own times at turn_ns, where it is `based` */
	__u64 since_ns;		      /* known for a loop */
	/* all of the following: sums over the turns that have ended */
	__u64 turns;
	__u64 busy_ns;
	__u64 idle_ns;	 /* asleep in its poll */
	__u64 square_us; /* turns squared */
	__u64 late_ns;	 /* above CP_LATE_NS */
	__u64 max_ns;
	__u64 stalls;
	__u64 part_ns[CP_PART_COUNT];
	__u64 stall_part_ns[CP_PART_COUNT];
	__u32 hist[CP_HIST_BUCKETS];
	/* the longest block of the present turn */
	__u64 block_ns;
	__u64 block_stack;
	__u32 block_cls;
	__s32 block_syscall;
	__s32 syscall; /* by which it polls */
	__u32 fd;
	__u32 rank; /* of the way it polls; one of a higher rank takes its place */
	__u32 fds;  /* watched, the most seen; of an epoll at most 7 are counted */
	__u32 polls;
	__u32 based; /* the thread was off the CPU in this turn; else all of it is running */
};
#define CP_LATE_NS 100000000ULL

#endif
