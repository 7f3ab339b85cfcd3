// SPDX-License-Identifier: GPL-2.0-only
/*
 * python_walk PID: what userspace/runtime reads of a process that runs Python, for
 * check_python_walk.py.  Lines: `python VERSION KNOWN GILS`, then for each thread
 * `thread PTHREAD NATIVE COMPLETE` and its frames, innermost first: `frame ENTRY LINE
 * NAME<tab>FILE`.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/err.h"
#include "model/python_word.h"
#include "runtime/python_frames.h"
#include "symbol/maps.h"
#include "symbol/target_file.h"

#define FRAMES_MAX 4096

static bool read_target(void *ctx, uint64_t addr, void *buf, size_t len)
{
	const struct iovec local = {buf, len}, remote = {(void *)addr, len};

	return process_vm_readv(*(pid_t *)ctx, &local, 1, &remote, 1, 0) == (ssize_t)len;
}

static void show_thread(const struct python_process *p, const struct python_memory *memory,
			const struct python_thread *thread)
{
	static uint64_t words[FRAMES_MAX];
	bool complete;
	size_t len = python_walk(p, memory, thread->tstate, words, FRAMES_MAX, &complete);

	printf("thread %#" PRIx64 " %u %d\n", thread->thread_id, thread->native_id, complete);
	for (size_t i = 0; i < len; i++) {
		struct python_place place;
		int r = python_place_of(p, memory, words[i], &place);

		if (words[i] == PYTHON_WORD_LEFT)
			continue;
		if (r < 0)
			printf("frame error %s\n", strerror(-r));
		else
			printf("frame %d %u %s\t%s\n", python_word_entry(words[i]), place.line,
			       place.name, place.file);
	}
}

static int show(pid_t pid, const struct target_root *root, const struct maps *maps)
{
	static struct python_thread threads[PYTHON_THREADS_MAX];
	const struct python_memory memory = {.read = read_target, .ctx = &pid};
	uint64_t gils[PYTHON_GILS_MAX];
	struct python_process p;
	size_t len;
	int r = python_find(pid, root, maps, &memory, &p);

	if (r < 0) {
		fprintf(stderr, "python_walk: %s\n", strerror(-r));
		return 1;
	}
	printf("python %s %d %zu\n", *p.version ? p.version : "?", p.known,
	       python_gils(&p, &memory, gils, PYTHON_GILS_MAX));
	len = python_threads(&p, &memory, threads, PYTHON_THREADS_MAX);
	for (size_t i = 0; i < len; i++)
		show_thread(&p, &memory, &threads[i]);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid = argc == 2 ? atoi(argv[1]) : 0;
	struct target_root root;
	struct err err = {0};
	struct maps maps;
	int status = 1;

	if (pid <= 0) {
		fprintf(stderr, "usage: python_walk PID\n");
		return 2;
	}
	if (target_root_open(pid, &root, &err) == 0) {
		if (maps_read(pid, &maps, &err) == 0) {
			status = show(pid, &root, &maps);
			maps_free(&maps);
		}
		target_root_close(&root);
	}
	if (err.code)
		fprintf(stderr, "%s\n", err.msg);
	return status;
}
