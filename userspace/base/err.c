// SPDX-License-Identifier: GPL-2.0-only
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Replace the sentence; a cut never leaves half a UTF-8 sequence behind. */
static void store(struct err *err, const char *text)
{
	size_t len = strnlen(text, ERR_MSG_MAX);

	if (len == ERR_MSG_MAX) {
		len--;
		for (int i = 0; i < 3 && ((unsigned char)text[len] & 0xc0) == 0x80; i++)
			len--;
	}
	memcpy(err->msg, text, len);
	err->msg[len] = '\0';
}

/* The arguments may point into err->msg, so both functions format into a buffer of their own. */
int err_set(struct err *err, int code, const char *fmt, ...)
{
	char text[ERR_MSG_MAX + 1];
	va_list ap;
	int n;

	if (!err)
		return code;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err->code = code;
	store(err, n < 0 ? fmt : text);
	return code;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	char text[2 * ERR_MSG_MAX + 2];
	va_list ap;
	int n;

	if (!err || !err->code)
		return 0;
	va_start(ap, fmt);
	n = vsnprintf(text, ERR_MSG_MAX + 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err->code;
	n = (int)strlen(text);
	snprintf(text + n, sizeof(text) - (size_t)n, ": %s", err->msg);
	store(err, text);
	return err->code;
}
