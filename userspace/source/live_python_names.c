// SPDX-License-Identifier: GPL-2.0-only
/*
 * The names of frames of Python.  A word says which code object and where in it (python_code.h), so
 * what one stands for it stands for in every process and as long as the run lasts: it is read once,
 * from any process that has it, while the code object lives.
 */
#include <string.h>

#include "model/python_word.h"
#include "source/live_python.h"
#include "source/python_code.h"

#define NAMES_MAX 262144 /* distinct frames named in one run */

static const struct python_name *name_of(const struct live_python *py, uint64_t word)
{
	const uint32_t *index = hashmap_get(&py->names, &word);

	return index ? &py->name.at[*index] : NULL;
}

static void keep_name(struct live_python *py, uint64_t word, const struct python_place *place)
{
	struct python_name *n;
	struct python_name made = {strdup(place->name), strdup(place->file), place->line};

	if (made.name && made.file &&
	    hashmap_put(&py->names, &word, (uint32_t)py->name.len, NULL)) {
		n = vec_add(&py->name);
		if (n) {
			*n = made;
			return;
		}
	}
	free(made.name);
	free(made.file);
}

static bool is_still(const struct python *p, const struct python_memory *memory, uint64_t code,
		     uint64_t word)
{
	struct python_code_ids ids;
	const uint64_t id = word & CP_PYTHON_CODE_MASK;

	return python_code_ids(&p->abi, memory, code, &ids) &&
	       (ids.content == id || ids.place == id);
}

void live_python_learn(struct live *live, const struct python *p, uint64_t word, uint64_t code)
{
	struct live_python *py = live->python;
	pid_t pid = (pid_t)p->pid;
	const struct python_memory memory = {live_python_read_memory, &pid};
	const uint64_t here =
		(word & ~(uint64_t)CP_PYTHON_CODE_MASK) | ((code >> 3) & PYTHON_WORD_CODE_MASK);
	struct python_place place;

	if (name_of(py, word) || py->name.len >= NAMES_MAX)
		return;
	/* Before and after: it may be thrown away while it is read. */
	if (is_still(p, &memory, code, word) &&
	    python_place_of(&p->found, &memory, here, &place) == 0 &&
	    is_still(p, &memory, code, word) && place.name[0])
		keep_name(py, word, &place);
}

void live_python_names_free(struct live_python *py)
{
	struct python_name *n;

	VEC_FOREACH (&py->name, n) {
		free(n->name);
		free(n->file);
	}
	vec_free(&py->name);
	vec_free(&py->unnamed);
	hashmap_free(&py->names);
}

static int send_name(struct live *live, uint32_t pid, uint64_t word, const struct python_name *name,
		     struct err *err)
{
	struct record_frame *frame = &live->rec.frame;

	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_FRAME;
	frame->pid = pid;
	frame->ip = word;
	if (name) {
		snprintf(frame->name, sizeof(frame->name), "%s", name->name);
		snprintf(frame->file, sizeof(frame->file), "%s", name->file);
		frame->line = name->line;
	}
	return live_emit(live, err);
}

static int note_unnamed(struct live *live, uint32_t pid, uint64_t word, struct err *err)
{
	struct python_unnamed *u = vec_add(&live->python->unnamed);

	if (!u)
		return err_set(err, -ENOMEM, "out of memory");
	*u = (struct python_unnamed){.word = word, .pid = pid};
	return send_name(live, pid, word, NULL, err);
}

int live_python_names(struct live *live, uint32_t pid, const uint64_t *ips, uint32_t len,
		      struct err *err)
{
	struct python *p = live_python_of(live, pid);
	const struct python_name *name;
	int rc = 0;

	for (uint32_t i = 0; i < len && !rc; i++) {
		const uint64_t word = ips[i];
		bool added = true;

		if (!python_word(word) || word == PYTHON_WORD_LEFT)
			continue;
		/* One that has ended has no more stacks than it had. */
		if (p && !hashmap_put(&p->sent, &word, 0, &added))
			return err_set(err, -ENOMEM, "out of memory");
		if (!added)
			continue;
		name = name_of(live->python, word);
		rc = name ? send_name(live, pid, word, name, err)
			  : note_unnamed(live, pid, word, err);
	}
	return rc;
}

int live_python_late_names(struct live *live, struct err *err)
{
	struct live_python *py = live->python;
	size_t left = 0;
	int rc = 0;

	for (size_t i = 0; i < py->unnamed.len; i++) {
		const struct python_unnamed u = py->unnamed.at[i];
		const struct python_name *name = name_of(py, u.word);

		if (name && !rc)
			rc = send_name(live, u.pid, u.word, name, err);
		else
			py->unnamed.at[left++] = u;
	}
	py->unnamed.len = left;
	live->python_unnamed = left;
	return rc;
}

/* Have it told again: the next code object that is there alike may live long enough to be read. */
static void want_again(const struct live *live, uint64_t id, struct cp_stack *stack)
{
	stack->flags |= CP_STACK_WANTED;
	bpf_map_update_elem(bpf_map__fd(live->skel->maps.stacks), &id, stack, BPF_EXIST);
}

int live_python_told(struct live *live, const struct cp_ring_stack *told, struct err *err)
{
	struct cp_stack stack;
	const struct python *p;
	bool lacks = false;

	if (bpf_map_lookup_elem(bpf_map__fd(live->skel->maps.stacks), &told->stack, &stack))
		return 0;
	p = live_python_of(live, stack.view_tgid);
	for (uint32_t i = 0; i < told->len && stack.native + i < stack.len && p; i++) {
		const uint64_t word = stack.ips[stack.native + i];

		if (word == PYTHON_WORD_LEFT)
			continue;
		live_python_learn(live, p, word, told->codes[i]);
		lacks |= !name_of(live->python, word);
	}
	if (lacks)
		want_again(live, told->stack, &stack);
	return live_send_stack(live, told->stack, err);
}
