// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/debug_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "symbol/elf_file.h"
#include "symbol/target_file.h"

#define PATH_BYTES 4096
#define LINK_BYTES_MAX 1024
#define COPY_BYTES 65536
/* What xz needs to unpack with its strongest preset; more is made to exhaust memory. */
#define XZ_MEMORY_MAX (128U << 20)

/* What a debug file must have to be the program's. */
struct wanted {
	struct elf_build_id id;
	bool by_crc; /* else by the build id */
	uint32_t crc;
};

static int check_build_id(int fd, const struct elf_build_id *want)
{
	struct elf_build_id id;
	struct elf_file file;
	int r = elf_file_open(fd, NULL, 0, &file, NULL);

	if (r < 0)
		return r;
	elf_file_build_id(&file, &id);
	elf_file_close(&file);
	return id.len == want->len && memcmp(id.bytes, want->bytes, id.len) == 0 ? 0 : -ESTALE;
}

/* The checksum of .gnu_debuglink is zlib's crc32() over the whole file. */
static int check_crc(int fd, uint32_t want)
{
	unsigned char bytes[COPY_BYTES];
	uLong crc = crc32(0, NULL, 0);
	uint64_t at = 0;
	ssize_t n;

	while ((n = pread(fd, bytes, sizeof(bytes), (off_t)at)) > 0) {
		crc = crc32(crc, bytes, (uInt)n);
		at += (uint64_t)n;
		if (at > DEBUG_LINK_BYTES_MAX)
			return -EFBIG;
	}
	if (n < 0)
		return -errno;
	return crc == want ? 0 : -ESTALE;
}

/* Open @path below @root_fd if it is what is wanted. */
static int open_wanted(int root_fd, const char *path, const struct wanted *want)
{
	int fd = target_path_open(root_fd, path, true);
	int r;

	if (fd < 0)
		return fd;
	r = want->by_crc ? check_crc(fd, want->crc) : check_build_id(fd, &want->id);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

/* -ENOENT is the weakest reason: anything else says that a file was there. */
static int better_reason(int a, int b)
{
	return a >= 0 || a == -ENOENT ? b : a;
}

static int by_build_id(int root_fd, const struct wanted *want)
{
	char path[64 + 2 * ELF_FILE_BUILD_ID_MAX];
	int len = snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%02x/", want->id.bytes[0]);

	if (want->id.len < 2)
		return -ENOENT;
	for (size_t i = 1; i < want->id.len; i++)
		len += snprintf(path + len, sizeof(path) - (size_t)len, "%02x", want->id.bytes[i]);
	snprintf(path + len, sizeof(path) - (size_t)len, ".debug");
	return open_wanted(root_fd, path, want);
}

static int by_link(int root_fd, const char *path, const char *link, const struct wanted *want)
{
	static const char *const places[] = {"%.*s/%s", "%.*s/.debug/%s", "/usr/lib/debug%.*s/%s"};
	const char *slash = strrchr(path, '/');
	int dir_len = slash ? (int)(slash - path) : 0;
	int reason = -ENOENT;

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		char try[PATH_BYTES];
		int len = snprintf(try, sizeof(try), places[i], dir_len, path, link);
		int fd;

		/* The program itself may bear the name that it links to. */
		if (len >= (int)sizeof(try) || strcmp(try, path) == 0)
			continue;
		fd = open_wanted(root_fd, try, want);
		if (fd >= 0)
			return fd;
		reason = better_reason(reason, fd);
	}
	return reason;
}

/* The name and checksum in .gnu_debuglink; false where there is none. */
static bool read_link(const struct elf_file *file, char link[LINK_BYTES_MAX], uint32_t *ret_crc)
{
	struct elf_section s;
	size_t name_len, crc_at;
	uint32_t crc;

	if (elf_file_section(file, ".gnu_debuglink", LINK_BYTES_MAX, &s) < 0)
		return false;
	name_len = strnlen((const char *)s.data, s.len);
	crc_at = (name_len + 4) & ~(size_t)3; /* the NUL, then up to the next multiple of four */
	if (name_len == 0 || name_len >= LINK_BYTES_MAX || crc_at + sizeof(crc) > s.len ||
	    memchr(s.data, '/', name_len))
		return false;
	memcpy(link, s.data, name_len);
	link[name_len] = '\0';
	memcpy(&crc, s.data + crc_at, sizeof(crc));
	*ret_crc = crc; /* in the file's byte order, which is this machine's */
	return true;
}

static int search_below(int root_fd, const char *path, const char *link, const struct wanted *want)
{
	int reason = -ENOENT, fd;

	if (want->id.len) {
		struct wanted by_id = *want;

		by_id.by_crc = false;
		fd = by_build_id(root_fd, &by_id);
		if (fd >= 0)
			return fd;
		reason = better_reason(reason, fd);
	}
	if (!*link || !path)
		return reason;
	fd = by_link(root_fd, path, link, want);
	return fd >= 0 ? fd : better_reason(reason, fd);
}

int debug_file_open(int fd, const char *path, const struct target_root *root)
{
	_cleanup_close_ int own_root = -1;
	char link[LINK_BYTES_MAX] = "";
	struct wanted want = {.by_crc = true};
	struct elf_file file;
	int r = elf_file_open(fd, NULL, 0, &file, NULL), found;

	if (r < 0)
		return r;
	elf_file_build_id(&file, &want.id);
	if (!read_link(&file, link, &want.crc))
		link[0] = '\0';
	elf_file_close(&file);
	if (!want.id.len && !link[0])
		return -ENOENT;
	r = root ? search_below(root->fd, target_path_inside(root, path), link, &want) : -ENOENT;
	if (r >= 0)
		return r;
	own_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (own_root < 0)
		return -errno;
	found = search_below(own_root, path, link, &want);
	return found >= 0 ? found : better_reason(r, found);
}

/* Unpack @packed into the file @to. */
static int unpack(const struct elf_section *packed, int to)
{
	uint8_t bytes[COPY_BYTES];
	lzma_stream xz = LZMA_STREAM_INIT;
	uint64_t written = 0;
	lzma_ret code = lzma_stream_decoder(&xz, XZ_MEMORY_MAX, 0);
	int r = code == LZMA_OK ? 0 : -ENOMEM;

	xz.next_in = packed->data;
	xz.avail_in = packed->len;
	while (r == 0 && code == LZMA_OK) {
		size_t len;

		xz.next_out = bytes;
		xz.avail_out = sizeof(bytes);
		code = lzma_code(&xz, LZMA_FINISH);
		len = sizeof(bytes) - xz.avail_out;
		written += len;
		if (written > DEBUG_MINI_BYTES_MAX)
			r = -EFBIG;
		else if (code != LZMA_OK && code != LZMA_STREAM_END)
			r = code == LZMA_MEM_ERROR || code == LZMA_MEMLIMIT_ERROR ? -EFBIG
										  : -EBADMSG;
		else if (write(to, bytes, len) != (ssize_t)len)
			r = -ENOMEM;
	}
	lzma_end(&xz);
	return r;
}

int debug_file_open_mini(int fd)
{
	struct elf_section packed;
	struct elf_file file;
	int to = -1;
	int r = elf_file_open(fd, NULL, 0, &file, NULL);

	if (r < 0)
		return r;
	r = elf_file_section(&file, ".gnu_debugdata", DEBUG_MINI_PACKED_MAX, &packed);
	if (r == 0) {
		to = memfd_create("debugdata", MFD_CLOEXEC);
		r = to < 0 ? -errno : unpack(&packed, to);
	} else {
		r = -ENOENT;
	}
	elf_file_close(&file);
	if (r < 0 && to >= 0)
		close(to);
	return r < 0 ? r : to;
}
