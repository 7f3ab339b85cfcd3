// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process that runs Python, put together for a version of CPython, and then changed: the first
 * byte of the input is the version, every 12 that follow are where, how many bytes and what.
 */
#include "runtime/python_frames.h"

#include "tests/fuzz/fuzz.h"

#include "model/python_word.h"
#include "tests/unit/runtime_python_image.h"

#define CODES 3
#define WORDS_MAX 64
#define THREADS_MAX 32
#define PATCH_BYTES 12

static struct python_image image;

/* Lines that no harm is done to: entries for each of the three tables. */
static const uint8_t tables[3][8] = {
	[PYTHON_LNOTAB] = {0, 1, 8, 1, 255, 0, 9, 0x80},
	[PYTHON_LINETABLE] = {8, 1, 2, 0x80, 6, 3, 254, 0xf0},
	[PYTHON_LOCATIONS] = {0xeb, 2, 0xf4, 0x43, 4, 1, 1, 0x80},
};

static uint64_t make_code(const char *name)
{
	static const uint16_t file[] = {'d', 0x438, 'r', '/', 0x444, '.', 'p', 'y'};

	return image_code(&image, image_ascii(&image, name), image_str(&image, 2, false, file, 8),
			  10, tables[image.process.layout.lines], sizeof(tables[0]));
}

static void make_process(uint16_t version)
{
	uint64_t interp, thread = 0;

	image_begin(&image, version);
	FUZZ_CHECK(image.process.known);
	interp = image_interp(&image, image_interp(&image, 0));
	for (int t = 0; t < 3; t++) {
		uint64_t frame = image_shim(&image, 0);

		for (int i = 0; i < CODES; i++) {
			frame = image_frame(&image, make_code("Some.name"), i * 3, frame);
			if (i != 1)
				image_entry(&image, frame);
			if (i == 1)
				frame = image_shim(&image, frame);
		}
		thread = image_thread(&image, interp, thread, 0x7000 + (uint64_t)t, frame);
	}
	image_put64(&image, interp + image.process.layout.interp_threads, thread);
	if (image.process.layout.interp_gil != UINT32_MAX)
		image_put64(&image, interp + image.process.layout.interp_gil,
			    image_take(&image, 256));
}

static void check_utf8(const char *text, size_t size)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t len = strnlen(text, size);

	FUZZ_CHECK(len < size);
	for (const uint8_t *end = at + len; at < end;) {
		int more = *at < 0x80 ? 0 : *at < 0xe0 ? 1 : *at < 0xf0 ? 2 : 3;

		FUZZ_CHECK(*at < 0x80 || (*at >= 0xc2 && *at <= 0xf4));
		for (at++; more > 0; more--, at++)
			FUZZ_CHECK(at < end && (*at & 0xc0) == 0x80);
	}
}

static size_t check_thread(const struct python_memory *memory, uint64_t tstate)
{
	uint64_t words[WORDS_MAX + 1] = {[WORDS_MAX] = 0x5a};
	struct python_place place;
	bool complete;
	size_t len = python_walk(&image.process, memory, tstate, words, WORDS_MAX, &complete),
	       good = 0;

	FUZZ_CHECK(len <= WORDS_MAX && words[WORDS_MAX] == 0x5a);
	for (size_t i = 0; i < len; i++) {
		FUZZ_CHECK(python_word(words[i]));
		if (python_place_of(&image.process, memory, words[i], &place) < 0)
			continue;
		check_utf8(place.name, sizeof(place.name));
		check_utf8(place.file, sizeof(place.file));
		FUZZ_CHECK(place.line <= INT32_MAX);
		good += place.line > 0;
	}
	return good;
}

/* The threads of the process, and what a hostile one may be by its address alone. */
static void check_process(void)
{
	const struct python_memory memory = image_memory(&image);
	struct python_thread threads[THREADS_MAX + 1];
	uint64_t gils[PYTHON_GILS_MAX];
	size_t len, good = 0;

	FUZZ_CHECK(python_gils(&image.process, &memory, gils, PYTHON_GILS_MAX) <= PYTHON_GILS_MAX);
	threads[THREADS_MAX].tstate = 0x5a;
	len = python_threads(&image.process, &memory, threads, THREADS_MAX);
	FUZZ_CHECK(len <= THREADS_MAX && threads[THREADS_MAX].tstate == 0x5a);
	for (size_t i = 0; i < len; i++)
		for (size_t j = 0; j < i; j++)
			FUZZ_CHECK(threads[i].tstate != threads[j].tstate);
	for (size_t i = 0; i < len; i++)
		good += check_thread(&memory, threads[i].tstate);
	FUZZ_CHECK_SEED(good == 3 * CODES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes in = {data, size};
	unsigned int selected = (unsigned int)fuzz_take(&in, 1);
	struct python_layout changed;

	make_process((uint16_t)(PYTHON_VERSION(3, 8) + selected % 6));
	if (selected & 0x80)
		image.process.code_type = 0;
	while (in.left >= PATCH_BYTES) {
		uint64_t at = fuzz_take(&in, 2), bytes = fuzz_take(&in, 2),
			 value = fuzz_take(&in, 8);

		/* Most of what is harmful is an address that is one. */
		if (bytes & 0x100)
			value = IMAGE_BASE + value % (image.next - IMAGE_BASE);
		image_put(&image, IMAGE_BASE + at % (image.next - IMAGE_BASE), value,
			  1 + bytes % 8);
	}
	/* From 3.13 on the offsets are the process's own word. */
	if (image.process.layout.version >= PYTHON_VERSION(3, 13) &&
	    python_layout_get(image.process.layout.version, image.bytes, PYTHON_DEBUG_OFFSETS_BYTES,
			      &changed) == 0)
		image.process.layout = changed;
	check_process();
	return 0;
}
