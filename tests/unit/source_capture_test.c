// SPDX-License-Identifier: GPL-2.0-only
#include "source/capture.h"

#include "base/err.h"
#include "base/num.h"
#include "base/vec.h"
#include "model/record_schema.h"
#include "source/capture_codec.h"
#include "tests/unit/record_feed.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct kept {
	VEC(struct record) recs;
	size_t fail_after; /* 0 = never */
};

static int keep(void *ctx, const struct record *rec, struct err *err)
{
	struct kept *kept = ctx;
	struct record *place;

	if (kept->fail_after && kept->recs.len == kept->fail_after)
		return err_set(err, -ENOSPC, "sink: full");
	place = vec_add(&kept->recs);
	ck_assert_ptr_nonnull(place);
	*place = *rec;
	return 0;
}

static int file_of(const void *bytes, size_t len)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static int read_bytes(const void *bytes, size_t len, struct kept *kept, struct capture_info *info,
		      struct err *err)
{
	struct record_sink sink = {.put = keep, .ctx = kept};
	int fd = file_of(bytes, len);
	int r = capture_read(fd, &sink, info, err);

	close(fd);
	return r;
}

/* The bytes of a capture of these records; *ret_ends[i] = where record i ends. free() both. */
static uint8_t *write_bytes(const struct record *recs, size_t n, size_t *ret_len, size_t **ret_ends)
{
	struct capture_writer *w;
	int fd = memfd_create("capture", MFD_CLOEXEC);
	uint8_t *bytes;
	size_t *ends = calloc(n + 1, sizeof(*ends));

	ck_assert_int_eq(capture_writer_new(fd, &w, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(capture_writer_put(w, &recs[i], NULL), 0);
		ck_assert_int_eq(capture_writer_flush(w, NULL), 0);
		ends[i] = (size_t)lseek(fd, 0, SEEK_CUR);
	}
	capture_writer_free(w);
	*ret_len = (size_t)lseek(fd, 0, SEEK_CUR);
	bytes = malloc(*ret_len);
	ck_assert_int_eq(pread(fd, bytes, *ret_len, 0), (ssize_t)*ret_len);
	close(fd);
	if (ret_ends)
		*ret_ends = ends;
	else
		free(ends);
	return bytes;
}

/* A few short records of different types, the end record last. */
#define SMALL 6
static void small_capture(struct record recs[SMALL])
{
	const struct record made[SMALL] = {
		feed_run(77),
		{.type = RECORD_COUNTERS, .counters = {.pid = 1, .tid = 2, .name = "w"}},
		{.type = RECORD_STACK,
		 .stack = {.stack = 9, .pid = 1, .len = 3, .ips = {0x401000, 0x400f00, ~0ULL}}},
		{.type = RECORD_LOSS, .loss = {.cause = LOSS_RING_FULL, .count = 300}},
		{.type = RECORD_SLICE, .slice = {.end_ns = 1ULL << 40}},
		{.type = RECORD_END, .end = {.end_ns = 1ULL << 40, .exit_signal = -9}},
	};

	memcpy(recs, made, sizeof(made));
}

/*
 * A capture put together by hand after docs/CAPTURE.md, its checksums by Python's zlib.crc32:
 * the writer and the reader cannot agree on a wrong format.
 */
static const uint8_t by_hand[] = {
	0x89, 'C',  'P',  'R',	'O',  'F',  '\r', '\n', 1, 0, 3, 0, /* magic, version 1.3 */
	0x93, 0xac, 0x78, 0x9e,					    /* CRC of these 12 */
	3,    0,    0xfc, 0xff, 0x77, 0x40, 0xd2, 0x08,		    /* a payload of 3 bytes */
	20,   0xac, 0x02,					    /* slice, end_ns 300 */
	7,    0,    0xf8, 0xff, 0x11, 0xb9, 0x2f, 0x73,		    /* one of 7 */
	21,   0xac, 0x02, 1,	0,    0,    1, /* end: 300, interrupted; exit_code -1 */
};

START_TEST(format_is_the_documented_one)
{
	const struct record want[] = {
		{.type = RECORD_SLICE, .slice = {.end_ns = 300}},
		{.type = RECORD_END, .end = {.end_ns = 300, .interrupted = true, .exit_code = -1}},
	};
	struct kept kept = {0};
	struct capture_info info;
	struct err err = {0};
	size_t len;
	uint8_t *bytes = write_bytes(want, 2, &len, NULL);

	ck_assert_msg(read_bytes(by_hand, sizeof(by_hand), &kept, &info, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(kept.recs.len, 2);
	ck_assert_mem_eq(kept.recs.at, want, sizeof(want));
	ck_assert(!info.truncated);
	/* The writer puts the absent last field, too: one byte more, for exit_signal. */
	ck_assert_uint_eq(len, sizeof(by_hand) + 1);
	ck_assert_mem_eq(bytes, by_hand, 27);
	vec_free(&kept.recs);
	free(bytes);
}
END_TEST

START_TEST(every_type_survives_with_random_values)
{
	uint64_t state = 42 + (uint64_t)_i;
	struct record recs[50];
	struct kept kept = {0};
	struct capture_info info;
	struct err err = {0};
	uint8_t *bytes;
	size_t len;
	int r;

	for (size_t i = 0; i < ARRAY_LEN(recs); i++)
		recs[i] = feed_random_record((enum record_type)_i, &state);
	bytes = write_bytes(recs, ARRAY_LEN(recs), &len, NULL);
	r = read_bytes(bytes, len, &kept, &info, &err);
	ck_assert_msg(r == 0, "%s", err.msg);
	ck_assert_int_eq(info.truncated, _i != RECORD_END);
	ck_assert_uint_eq(info.records, ARRAY_LEN(recs));
	ck_assert_uint_ge(kept.recs.len, ARRAY_LEN(recs));
	for (size_t i = 0; i < ARRAY_LEN(recs); i++)
		ck_assert_mem_eq(&kept.recs.at[i], &recs[i], sizeof(recs[i]));
	vec_free(&kept.recs);
	free(bytes);
}
END_TEST

START_TEST(cut_anywhere_yields_the_records_before)
{
	struct record recs[SMALL];
	uint8_t *bytes;
	size_t *ends;
	size_t len;

	small_capture(recs);
	bytes = write_bytes(recs, SMALL, &len, &ends);
	for (size_t cut = 0; cut <= len; cut++) {
		struct kept kept = {0};
		struct capture_info info = {0};
		struct err err = {0};
		size_t whole = 0;
		int r = read_bytes(bytes, cut, &kept, &info, &err);

		while (whole < SMALL && ends[whole] <= cut)
			whole++;
		if (cut < CAPTURE_HEADER_BYTES) {
			ck_assert_int_eq(r, -EINVAL);
			ck_assert_ptr_nonnull(strstr(err.msg, "not a concprof capture"));
		} else {
			ck_assert_int_eq(r, 0);
			ck_assert_uint_eq(info.records, whole);
			ck_assert_int_eq(info.truncated, whole < SMALL);
		}
		for (size_t i = 0; i < whole; i++)
			ck_assert_mem_eq(&kept.recs.at[i], &recs[i], sizeof(recs[i]));
		/* A cut run says so in its losses, when there is a run at all. */
		if (whole && whole < SMALL) {
			ck_assert_uint_eq(kept.recs.len, whole + 1);
			ck_assert_int_eq(kept.recs.at[whole].type, RECORD_LOSS);
			ck_assert_uint_eq(kept.recs.at[whole].loss.cause, LOSS_SLICES);
		} else {
			ck_assert_uint_eq(kept.recs.len, whole);
		}
		vec_free(&kept.recs);
	}
	free(bytes);
	free(ends);
}
END_TEST

START_TEST(flipped_bit_is_always_noticed)
{
	struct record recs[SMALL];
	uint8_t *bytes;
	size_t *ends;
	size_t len;

	small_capture(recs);
	bytes = write_bytes(recs, SMALL, &len, &ends);
	for (size_t bit = 0; bit < len * 8; bit++) {
		struct kept kept = {0};
		struct capture_info info = {0};
		struct err err = {0};
		int r;

		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		r = read_bytes(bytes, len, &kept, &info, &err);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_msg(r == -EBADMSG || r == -EINVAL, "bit %zu: %d", bit, r);
		ck_assert_uint_ne(err.msg[0], '\0');
		if (r == -EBADMSG)
			ck_assert_ptr_nonnull(strstr(err.msg, "at byte "));
		/* What was delivered before is what was written. */
		ck_assert_uint_lt(kept.recs.len, SMALL);
		for (size_t i = 0; i < kept.recs.len; i++)
			ck_assert_mem_eq(&kept.recs.at[i], &recs[i], sizeof(recs[i]));
		vec_free(&kept.recs);
	}
	free(bytes);
	free(ends);
}
END_TEST

static void set_version(uint8_t *bytes, uint16_t major, uint16_t minor)
{
	capture_put_u16(bytes + 8, major);
	capture_put_u16(bytes + 10, minor);
	capture_put_u32(bytes + 12, capture_crc(bytes, 12));
}

static size_t put_frame(uint8_t *at, const uint8_t *payload, uint16_t len)
{
	capture_put_u16(at, len);
	capture_put_u16(at + 2, len ^ 0xffff);
	capture_put_u32(at + 4, capture_crc(payload, len));
	memcpy(at + CAPTURE_FRAME_BYTES, payload, len);
	return CAPTURE_FRAME_BYTES + (size_t)len;
}

START_TEST(newer_major_version_is_refused)
{
	uint8_t bytes[sizeof(by_hand)];
	struct kept kept = {0};
	struct capture_info info;
	struct err err = {0};

	memcpy(bytes, by_hand, sizeof(bytes));
	set_version(bytes, CAPTURE_MAJOR + 1, 0);
	ck_assert_int_eq(read_bytes(bytes, sizeof(bytes), &kept, &info, &err), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(err.msg, "format 2.0"));
	ck_assert_uint_eq(kept.recs.len, 0);
}
END_TEST

START_TEST(what_a_newer_minor_version_adds_is_skipped)
{
	const uint8_t unknown_type[] = {0xc8, 0x01, 1, 2, 3};	 /* type 200 */
	const uint8_t longer_slice[] = {RECORD_SLICE, 5, 99, 1}; /* two bytes of new fields */
	const uint8_t new_cause[] = {RECORD_LOSS, 100, 1};
	uint8_t bytes[256];
	struct kept kept = {0};
	struct capture_info info;
	struct err err = {0};
	size_t len = CAPTURE_HEADER_BYTES;

	memcpy(bytes, by_hand, len);
	set_version(bytes, CAPTURE_MAJOR, CAPTURE_MINOR + 1);
	len += put_frame(bytes + len, unknown_type, sizeof(unknown_type));
	len += put_frame(bytes + len, longer_slice, sizeof(longer_slice));
	ck_assert_int_eq(read_bytes(bytes, len, &kept, &info, &err), 0);
	ck_assert_uint_eq(info.records, 1);
	ck_assert_int_eq(kept.recs.at[0].type, RECORD_SLICE);
	ck_assert_uint_eq(kept.recs.at[0].slice.end_ns, 5);
	vec_free(&kept.recs);
	/* A value that cannot be skipped asks for the newer program .. */
	put_frame(bytes + CAPTURE_HEADER_BYTES, new_cause, sizeof(new_cause));
	len = CAPTURE_HEADER_BYTES + CAPTURE_FRAME_BYTES + sizeof(new_cause);
	ck_assert_int_eq(read_bytes(bytes, len, &kept, &info, &err), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(err.msg, "newer concprof"));
	/* .. and in a file of our own version each of the three is corruption. */
	set_version(bytes, CAPTURE_MAJOR, CAPTURE_MINOR);
	ck_assert_int_eq(read_bytes(bytes, len, &kept, &info, &err), -EBADMSG);
	len = CAPTURE_HEADER_BYTES +
	      put_frame(bytes + CAPTURE_HEADER_BYTES, unknown_type, sizeof(unknown_type));
	ck_assert_int_eq(read_bytes(bytes, len, &kept, &info, &err), -EBADMSG);
	len = CAPTURE_HEADER_BYTES +
	      put_frame(bytes + CAPTURE_HEADER_BYTES, longer_slice, sizeof(longer_slice));
	ck_assert_int_eq(read_bytes(bytes, len, &kept, &info, &err), -EBADMSG);
	vec_free(&kept.recs);
}
END_TEST

START_TEST(other_files_are_refused)
{
	static const char *const others[] = {"", "{\"schema\": \"concprof.report/1\"}",
					     "\x7f"
					     "ELF",
					     "\x89PNG\r\n\x1a\n",
					     "\x89"
					     "CPROF\n\n0123456789"};

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct kept kept = {0};
		struct capture_info info;
		struct err err = {0};

		ck_assert_int_eq(read_bytes(others[i], strlen(others[i]), &kept, &info, &err),
				 -EINVAL);
		ck_assert_ptr_nonnull(strstr(err.msg, "not a concprof capture ("));
	}
}
END_TEST

START_TEST(error_of_the_sink_stops_the_reading)
{
	struct record recs[SMALL];
	struct kept kept = {.fail_after = 2};
	struct capture_info info = {.records = 99};
	struct err err = {0};
	uint8_t *bytes;
	size_t len;

	small_capture(recs);
	bytes = write_bytes(recs, SMALL, &len, NULL);
	ck_assert_int_eq(read_bytes(bytes, len, &kept, &info, &err), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.msg, "sink: full"));
	ck_assert_uint_eq(kept.recs.len, 2);
	ck_assert_uint_eq(info.records, 99); /* untouched on failure */
	vec_free(&kept.recs);
	free(bytes);
}
END_TEST

START_TEST(unreadable_and_unwritable_files_are_errors)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct record_sink sink = {.put = keep};
	struct capture_writer *w = NULL;
	struct capture_info info;
	struct err err = {0};

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(capture_writer_new(fd, &w, &err), -EBADF);
	ck_assert_ptr_null(w);
	ck_assert_ptr_nonnull(strstr(err.msg, "cannot write"));
	close(fd);
	ck_assert_int_eq(capture_read(fd, &sink, &info, &err), -EBADF);
	ck_assert_ptr_nonnull(strstr(err.msg, "cannot read"));
}
END_TEST

START_TEST(full_disk_is_named_and_stays_an_error)
{
	struct record rec = feed_run(1);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int fd = memfd_create("capture", MFD_CLOEXEC);
	struct capture_writer *w;
	struct err err = {0};

	ck_assert_int_ge(full, 0);
	ck_assert_int_eq(capture_writer_new(full, &w, &err), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.msg, "no space left ("));
	ck_assert_int_eq(capture_writer_new(fd, &w, &err), 0);
	ck_assert_int_eq(capture_writer_put(w, &rec, &err), 0);
	/* The disk fills up while the capture is written, and is emptied again. */
	ck_assert_int_eq(dup3(full, fd, O_CLOEXEC), fd);
	ck_assert_int_eq(capture_writer_flush(w, &err), -ENOSPC);
	close(fd);
	ck_assert_int_eq(memfd_create("capture", MFD_CLOEXEC), fd);
	ck_assert_int_eq(capture_writer_put(w, &rec, &err), -ENOSPC);
	ck_assert_int_eq(capture_writer_flush(w, &err), -ENOSPC);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), 0);
	capture_writer_free(w);
	close(fd);
	close(full);
}
END_TEST

START_TEST(invalid_record_is_not_written)
{
	struct record rec = {.type = RECORD_LOSS, .loss = {.cause = LOSS_COUNT}};
	int fd = memfd_create("capture", MFD_CLOEXEC);
	struct capture_writer *w;
	struct err err = {0};

	ck_assert_int_eq(capture_writer_new(fd, &w, &err), 0);
	ck_assert_int_eq(capture_writer_put(w, &rec, &err), -EPROTO);
	ck_assert_int_eq(capture_writer_flush(w, &err), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), CAPTURE_HEADER_BYTES);
	capture_writer_free(w);
	close(fd);
}
END_TEST

#define PIPED 20000

static void *write_piped(void *arg)
{
	int fd = *(int *)arg;
	struct capture_writer *w;
	struct record rec = feed_run(1);

	ck_assert_int_eq(capture_writer_new(fd, &w, NULL), 0);
	for (uint32_t i = 1; i <= PIPED; i++) {
		ck_assert_int_eq(capture_writer_put(w, &rec, NULL), 0);
		rec = (struct record){.type = RECORD_FRAME, .frame = {.pid = i, .name = "f"}};
	}
	ck_assert_int_eq(capture_writer_flush(w, NULL), 0);
	capture_writer_free(w);
	close(fd);
	return NULL;
}

/* A pipe that takes one page at a time and never blocks: short writes, EAGAIN, short reads. */
START_TEST(pipe_is_written_and_read_piece_by_piece)
{
	struct kept kept = {0};
	struct record_sink sink = {.put = keep, .ctx = &kept};
	struct capture_info info;
	pthread_t writer;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_ge(fcntl(fds[1], F_SETPIPE_SZ, 4096), 4096);
	ck_assert_int_eq(pthread_create(&writer, NULL, write_piped, &fds[1]), 0);
	ck_assert_int_eq(capture_read(fds[0], &sink, &info, NULL), 0);
	ck_assert_int_eq(pthread_join(writer, NULL), 0);
	ck_assert_uint_eq(info.records, PIPED);
	ck_assert(info.truncated);
	for (uint32_t i = 1; i < PIPED; i++)
		ck_assert_uint_eq(kept.recs.at[i].frame.pid, i);
	vec_free(&kept.recs);
	close(fds[0]);
}
END_TEST

Suite *source_capture_suite(void)
{
	Suite *s = suite_create("source_capture");
	TCase *tc = tcase_create("format");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, format_is_the_documented_one);
	tcase_add_loop_test(tc, every_type_survives_with_random_values, RECORD_RUN,
			    RECORD_TYPE_COUNT);
	tcase_add_test(tc, cut_anywhere_yields_the_records_before);
	tcase_add_test(tc, flipped_bit_is_always_noticed);
	tcase_add_test(tc, newer_major_version_is_refused);
	tcase_add_test(tc, what_a_newer_minor_version_adds_is_skipped);
	tcase_add_test(tc, other_files_are_refused);
	suite_add_tcase(s, tc);
	tc = tcase_create("files");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, error_of_the_sink_stops_the_reading);
	tcase_add_test(tc, unreadable_and_unwritable_files_are_errors);
	tcase_add_test(tc, full_disk_is_named_and_stays_an_error);
	tcase_add_test(tc, invalid_record_is_not_written);
	tcase_add_test(tc, pipe_is_written_and_read_piece_by_piece);
	suite_add_tcase(s, tc);
	return s;
}
