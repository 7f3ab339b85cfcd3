// SPDX-License-Identifier: GPL-2.0-only
#include "base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64

void strbuf_free(struct strbuf *sb)
{
	if (!sb)
		return;
	free(sb->str);
	*sb = (struct strbuf){0};
}

void strbuf_reset(struct strbuf *sb)
{
	sb->len = 0;
	sb->failed = false;
	if (sb->str)
		sb->str[0] = '\0';
}

/* Room for @extra more bytes and the NUL; false, for good, when memory is short. */
static bool reserve(struct strbuf *sb, size_t extra)
{
	size_t need;
	size_t new_cap = sb->cap ? sb->cap : FIRST_CAP;
	char *grown;

	if (sb->failed)
		return false;
	if (__builtin_add_overflow(sb->len, extra, &need) || __builtin_add_overflow(need, 1, &need))
		goto fail;
	if (need <= sb->cap)
		return true;
	while (new_cap < need) {
		if (__builtin_mul_overflow(new_cap, 2, &new_cap))
			new_cap = need;
	}
	grown = realloc(sb->str, new_cap);
	if (!grown)
		goto fail;
	sb->str = grown;
	sb->cap = new_cap;
	return true;
fail:
	sb->failed = true;
	return false;
}

void strbuf_add(struct strbuf *sb, const char *data, size_t len)
{
	if (!len || !reserve(sb, len))
		return;
	memcpy(sb->str + sb->len, data, len);
	sb->len += len;
	sb->str[sb->len] = '\0';
}

void strbuf_puts(struct strbuf *sb, const char *str)
{
	strbuf_add(sb, str, strlen(str));
}

void strbuf_putc(struct strbuf *sb, char c)
{
	strbuf_add(sb, &c, 1);
}

void strbuf_printf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(sb, fmt, ap);
	va_end(ap);
}

void strbuf_vprintf(struct strbuf *sb, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0) {
		sb->failed = true;
	} else if (n > 0 && reserve(sb, (size_t)n)) {
		vsnprintf(sb->str + sb->len, (size_t)n + 1, fmt, again);
		sb->len += (size_t)n;
	}
	va_end(again);
}

const char *strbuf_str(const struct strbuf *sb)
{
	return sb->str ? sb->str : "";
}

char *strbuf_steal(struct strbuf *sb)
{
	char *text = NULL;

	/* An empty buffer has no text yet, but the caller is owed "". */
	if (reserve(sb, 0)) {
		text = sb->str;
		text[sb->len] = '\0';
		sb->str = NULL;
	}
	strbuf_free(sb);
	return text;
}
