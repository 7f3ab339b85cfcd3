// SPDX-License-Identifier: GPL-2.0-only
/* Processes that run CPython: where the BPF side finds frames and GILs in them. */
#include <string.h>
#include <sys/uio.h>

#include "base/num.h"
#include "model/note.h"
#include "model/python_word.h"
#include "source/live_python.h"
#include "source/python_code.h"
#include "source/python_merge.h"
#include "symbol/target_file.h"

_Static_assert(PYTHON_WORD_MARK == 0x4000000000000000 &&
		       CP_PYTHON_WORD_MARK == 0x4000000000000000 &&
		       PYTHON_WORD_ENTRY == 0x2000000000000000 &&
		       CP_PYTHON_WORD_ENTRY == 0x2000000000000000 &&
		       PYTHON_WORD_LEFT == 0x6000000000000000 &&
		       CP_PYTHON_WORD_LEFT == 0x6000000000000000 &&
		       PYTHON_WORD_CODE_MASK == 0xfffffffffff &&
		       CP_PYTHON_CODE_MASK == 0xfffffffffff && PYTHON_WORD_LASTI_MAX == 131071 &&
		       CP_PYTHON_LASTI_MAX == 131071,
	       "the ABI's words are the model's");
_Static_assert((int)CP_PYTHON_ENTRY_SHIM == (int)PYTHON_ENTRY_SHIM &&
		       CP_PYTHON_NONE == PYTHON_NO_FIELD && CP_PYTHON_GILS_MAX == PYTHON_GILS_MAX,
	       "the ABI's words for CPython are the runtime's");

#define SLOT_LOOKS_MAX 5 /* at a process's threads, for where they keep their states */

#define GILS_LOOKED_AT 64 /* of one process: those beyond PYTHON_GILS_MAX are counted */

/* Where struct pthread keeps the tid: 720 in glibc for x86_64 (nptl/descr.h, 2.17 to 2.41), 48 in
 * musl (src/internal/pthread_impl.h, 1.2).  Asked for to Python 3.10 alone. */
#define PTHREAD_TID_GLIBC 720
#define PTHREAD_TID_MUSL 48

bool live_python_read_memory(void *ctx, uint64_t addr, void *buf, size_t len)
{
	const pid_t *pid = ctx;
	struct iovec local = {buf, len};
	struct iovec remote = {(void *)(uintptr_t)addr, len};

	return process_vm_readv(*pid, &local, 1, &remote, 1, 0) == (ssize_t)len;
}

int live_python_open(struct live *live, struct err *err)
{
	live->python = calloc(1, sizeof(*live->python));
	if (!live->python)
		return err_set(err, -ENOMEM, "out of memory");
	hashmap_init(&live->python->by_pid, sizeof(uint32_t));
	hashmap_init(&live->python->names, sizeof(uint64_t));
	return 0;
}

void live_python_free(struct live *live)
{
	struct python *p;

	if (!live->python)
		return;
	VEC_FOREACH (&live->python->all, p)
		hashmap_free(&p->sent);
	vec_free(&live->python->all);
	vec_free(&live->python->unused);
	hashmap_free(&live->python->by_pid);
	live_python_names_free(live->python);
	free(live->python);
	live->python = NULL;
}

struct python *live_python_of(const struct live *live, uint32_t pid)
{
	const uint32_t *i = hashmap_get(&live->python->by_pid, &pid);
	struct python *p = i && *i != UINT32_MAX ? &live->python->all.at[*i] : NULL;

	return p && p->pid ? p : NULL;
}

static uint16_t relative(uint16_t field, uint16_t from)
{
	return field == PYTHON_NO_FIELD ? CP_PYTHON_NONE : (uint16_t)(field - from);
}

/* The part of a frame that holds all that is read of it; false where it is too long for one read.
 */
static bool frame_part(const struct python_layout *l, struct cp_python *abi)
{
	const uint16_t fields[] = {l->frame_code, l->frame_back, l->frame_lasti, l->frame_is_entry,
				   l->frame_owner};
	uint16_t from = UINT16_MAX, to = 0;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (fields[i] == PYTHON_NO_FIELD)
			continue;
		from = (uint16_t)num_min_u64(from, fields[i]);
		to = (uint16_t)num_max_u64(to, fields[i] + 8U);
	}
	if (to <= from || to - from > CP_PYTHON_FRAME_BYTES)
		return false;
	abi->frame_from = from;
	abi->frame_bytes = (uint16_t)(to - from);
	abi->frame_code = relative(l->frame_code, from);
	abi->frame_back = relative(l->frame_back, from);
	abi->frame_lasti = relative(l->frame_lasti, from);
	abi->frame_is_entry = relative(l->frame_is_entry, from);
	abi->frame_owner = relative(l->frame_owner, from);
	return true;
}

/* What the BPF side needs to know of @p; all zero where its layout is not known. */
static struct cp_python describe(const struct python_process *p, const char *libc)
{
	const struct python_layout *l = &p->layout;
	struct cp_python abi = {
		.interpreters_head = l->interpreters_head,
		.interp_next = l->interp_next,
		.interp_threads = l->interp_threads,
		.tstate_next = l->tstate_next,
		.tstate_thread_id = l->tstate_thread_id,
		.tstate_native_id = l->tstate_native_id,
		.pthread_tid = strncmp(libc, "musl", 4) ? PTHREAD_TID_GLIBC : PTHREAD_TID_MUSL,
		.tstate_frame = l->tstate_frame,
		.frame_via = l->frame_via,
		.frame_lasti_step = l->frame_lasti_step,
		.frame_shim = l->frame_owner_shim,
		.frame_tag = l->frame_pointer_tag,
		.entry = (uint16_t)l->entry,
		.code_adaptive = l->code_adaptive,
		.gil_last_holder = l->gil_last_holder,
		.gil_end = l->gil_end,
	};

	if (!p->known || !frame_part(l, &abi) || !python_code_part(l, &abi))
		return (struct cp_python){0};
	abi.runtime = p->runtime;
	abi.parking = l->version >= PYTHON_VERSION(3, 13);
	return abi;
}

/* The threads of @p, read again if they are another process's, or may have changed. */
static void read_threads(struct live_python *py, const struct python *p)
{
	pid_t pid = (pid_t)p->pid;
	const struct python_memory memory = {live_python_read_memory, &pid};

	if (py->threads_pid == p->pid)
		return;
	py->threads_len = python_threads(&p->found, &memory, py->threads, PYTHON_THREADS_MAX);
	py->threads_pid = p->pid;
}

uint64_t live_python_gils_beyond(const struct live *live)
{
	return live->python ? live->python->gils_beyond : 0;
}

/* What changes as interpreters come and go. */
static void read_state(struct live_python *py, struct python *p)
{
	pid_t pid = (pid_t)p->pid;
	const struct python_memory memory = {live_python_read_memory, &pid};
	uint64_t gils[GILS_LOOKED_AT];
	size_t len;

	if (!p->abi.runtime)
		return;
	len = python_gils(&p->found, &memory, gils, GILS_LOOKED_AT);
	if (len > PYTHON_GILS_MAX)
		py->gils_beyond = num_max_u64(py->gils_beyond, len - PYTHON_GILS_MAX);
	p->abi.gils_len = (uint32_t)num_min_u64(len, PYTHON_GILS_MAX);
	memset(p->abi.gil, 0, sizeof(p->abi.gil));
	memcpy(p->abi.gil, gils, p->abi.gils_len * sizeof(gils[0]));
	p->abi.several = python_interpreters(&p->found, &memory) > 1;
	if (p->abi.tss || p->slot_looks >= SLOT_LOOKS_MAX)
		return;
	py->threads_pid = 0;
	read_threads(py, p);
	p->abi.tss = python_thread_slot(&memory, py->threads, py->threads_len);
	p->slot_looks += py->threads_len > 0;
}

/* The entry of @process, its own of before or a new one; NULL when memory is short. */
static struct python *entry_of(struct live_python *py, const struct live_process *process)
{
	uint32_t *index = hashmap_put(&py->by_pid, &process->pid, UINT32_MAX, NULL);
	struct python *p;

	if (!index)
		return NULL;
	if (*index == UINT32_MAX && py->unused.len)
		*index = py->unused.at[--py->unused.len];
	if (*index != UINT32_MAX) {
		p = &py->all.at[*index];
		hashmap_free(&p->sent);
	} else {
		p = vec_add(&py->all);
		if (!p)
			return NULL;
		*index = (uint32_t)py->all.len - 1;
	}
	memset(p, 0, sizeof(*p));
	hashmap_init(&p->sent, sizeof(uint64_t));
	return p;
}

static bool same_program(const struct python *p, const struct live_process *process)
{
	return p->pid == process->pid && p->execs == process->execs && p->found.known;
}

static void note_version(struct live_process *process, const struct python *p)
{
	snprintf(process->runtime, sizeof(process->runtime), "cpython");
	snprintf(process->runtime_version, sizeof(process->runtime_version), "%s",
		 p->found.version);
	process->dirty = true;
}

void live_python_look(struct live *live, struct live_process *process, const struct maps *maps,
		      const struct target_root *root, struct cp_python *ret)
{
	pid_t pid = (pid_t)process->pid;
	const struct python_memory memory = {live_python_read_memory, &pid};
	struct python *p = live_python_of(live, process->pid);
	struct python_process found;

	memset(ret, 0, sizeof(*ret));
	if (!p || !same_program(p, process)) {
		live_python_drop(live, process->pid);
		if (python_find(pid, root, maps, &memory, &found))
			return;
		p = entry_of(live->python, process);
		if (!p)
			return;
		p->found = found;
		p->looked = true;
		p->pid = process->pid;
		p->execs = process->execs;
		note_version(process, p);
		p->abi = describe(&p->found, process->libc);
	}
	read_state(live->python, p);
	*ret = p->abi;
	if (ret->runtime)
		live->skel->bss->use_python = true;
}

/* Interpreters come (during start-up, as sub-interpreters) and go, and with them GILs. */
static void refresh(struct live *live, struct python *p)
{
	const struct cp_python before = p->abi;
	const struct live_process *process = live_process_get(live, p->pid, 0);
	int fd = bpf_map__fd(live->skel->maps.unwind_processes);
	struct cp_unwind_process *tables;

	read_state(live->python, p);
	if (!process || !memcmp(&before, &p->abi, sizeof(before)))
		return;
	tables = malloc(sizeof(*tables));
	if (tables && !bpf_map_lookup_elem(fd, &process->tgid, tables)) {
		tables->python = p->abi;
		bpf_map_update_elem(fd, &process->tgid, tables, BPF_EXIST);
	}
	free(tables);
}

void live_python_refresh_process(struct live *live, uint32_t pid)
{
	struct python *p = live_python_of(live, pid);

	if (p)
		refresh(live, p);
}

void live_python_refresh(struct live *live)
{
	struct python *p;

	VEC_FOREACH (&live->python->all, p) {
		if (p->pid)
			refresh(live, p);
	}
}

static bool is_worth_a_note(const struct python *p)
{
	return p->looked &&
	       (!p->abi.runtime || (p->found.layout.free_threaded && !p->abi.gils_len));
}

void live_python_drop(struct live *live, uint32_t pid)
{
	struct live_python *py = live->python;
	struct python *p = live_python_of(live, pid);
	uint32_t *index, *unused;

	if (!p)
		return;
	p->pid = 0;
	hashmap_free(&p->sent);
	if (is_worth_a_note(p))
		return;
	index = hashmap_get(&py->by_pid, &pid);
	unused = vec_add(&py->unused);
	if (unused) {
		*unused = *index;
		*index = UINT32_MAX;
	}
	p->looked = false;
}

/* @name as the report's module of a note on @p. */
static int emit_note(struct live *live, enum note note, const struct python *p, struct err *err)
{
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_NOTE;
	live->rec.note.note = note;
	snprintf(live->rec.note.module, sizeof(live->rec.note.module), "Python %s",
		 p->found.version);
	return live_emit(live, err);
}

int live_python_emit_notes(struct live *live, struct err *err)
{
	const struct python *p;
	int rc = 0;

	VEC_FOREACH (&live->python->all, p) {
		if (rc || !is_worth_a_note(p))
			continue;
		if (!p->abi.runtime)
			rc = emit_note(live, NOTE_PYTHON_UNKNOWN, p, err);
		else
			rc = emit_note(live, NOTE_PYTHON_NO_GIL, p, err);
	}
	return rc;
}

void live_python_inherit(struct live *live, struct live_process *process)
{
	const struct python *parent = live_python_of(live, process->ppid);
	struct python copy, *p;

	if (!parent)
		return;
	copy = *parent;
	p = entry_of(live->python, process);
	if (!p)
		return;
	copy.sent = p->sent;
	*p = copy;
	p->pid = process->pid;
	p->execs = process->execs;
	note_version(process, p);
}

uint32_t live_python_merge(const struct live *live, const struct cp_stack *stack, uint64_t *ret,
			   uint32_t max)
{
	const struct python *p = live_python_of(live, stack->view_tgid);
	struct python_eval eval = {0};

	if (p)
		eval = (struct python_eval){p->found.eval_start, p->found.eval_end};
	return python_merge(&eval, (const uint64_t *)stack->ips, stack->native, stack->len, ret,
			    max);
}

/* The thread state of the thread whose pthread_self() is @thread_id, 0 = it has none, or several
 * and it is not known which one runs. To 3.11 one that has not been started yet has its creator's
 * id, and comes before it. */
static uint64_t tstate_of(struct live_python *py, const struct python *p, uint64_t thread_id)
{
	pid_t pid = (pid_t)p->pid;
	const struct python_memory memory = {live_python_read_memory, &pid};
	const bool follows = p->abi.tss && p->found.layout.entry == PYTHON_ENTRY_SHIM;
	const uint64_t now = follows ? python_read_u64(&memory, thread_id, p->abi.tss) : 0;
	uint64_t found = 0;

	read_threads(py, p);
	for (size_t i = 0; i < py->threads_len; i++) {
		const struct python_thread *t = &py->threads[i];

		if (t->tstate == now) /* it may have been made in another thread */
			return now;
		if (t->thread_id != thread_id)
			continue;
		if (found && p->abi.several)
			return 0;
		found = t->tstate;
	}
	return found;
}

void live_python_threads_changed(struct live *live)
{
	live->python->threads_pid = 0;
}

void live_python_add(struct live *live, uint64_t thread_id, struct cp_stack *stack)
{
	const struct python *p = live_python_of(live, stack->view_tgid);
	pid_t pid = (pid_t)stack->view_tgid;
	const struct python_memory memory = {live_python_read_memory, &pid};
	uint64_t tstate, words[CP_STACK_MAX];
	bool complete = true;
	size_t len;

	tstate = p && p->abi.runtime ? tstate_of(live->python, p, thread_id) : 0;
	if (!tstate)
		return;
	if (stack->native > CP_STACK_NATIVE_MAX) {
		stack->native = CP_STACK_NATIVE_MAX;
		stack->flags |= CP_STACK_TRUNCATED;
	}
	len = python_walk(&p->found, &memory, tstate, words, CP_STACK_MAX - stack->native,
			  &complete);
	for (size_t i = 0; i < len; i++) {
		const uint64_t word = python_code_word(&p->abi, &memory, words[i]);

		stack->ips[stack->native + i] = word;
		if (word != PYTHON_WORD_LEFT)
			live_python_learn(live, p, word, python_word_code(words[i]));
	}
	stack->len = (uint16_t)(stack->native + len);
	if (!complete)
		stack->flags |= CP_STACK_PYTHON_CUT;
}
