/* SPDX-License-Identifier: GPL-2.0-only */
/* A growable, always NUL-terminated string. Running out of memory is sticky: check `failed` once,
 * at the end. */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *str; /* NULL while empty; use strbuf_str() */
	size_t len;
	size_t cap;
	bool failed;
};

void strbuf_free(struct strbuf *sb);
/* Empty it for reuse: memory is kept, `failed` cleared. */
void strbuf_reset(struct strbuf *sb);
/* None of the additions may take its text from @sb itself. */
void strbuf_add(struct strbuf *sb, const char *data, size_t len);
void strbuf_puts(struct strbuf *sb, const char *str);
void strbuf_putc(struct strbuf *sb, char c);
void strbuf_printf(struct strbuf *sb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *sb, const char *fmt, va_list ap);
/* The text, "" while empty; owned by @sb. */
const char *strbuf_str(const struct strbuf *sb);
/* Hand the text ("" when empty) over to the caller, who frees it; NULL when memory was short. @sb
 * is empty afterwards either way. */
char *strbuf_steal(struct strbuf *sb);

#endif
