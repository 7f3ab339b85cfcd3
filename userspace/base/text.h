/* SPDX-License-Identifier: GPL-2.0-only */
/* Target-supplied text made harmless, and measured as a terminal would. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>

struct strbuf;

/*
 * Append @len bytes of target text: valid UTF-8 (Unicode 14.0, table 3-7: no overlong form, no
 * surrogate, nothing above U+10FFFF) is kept; invalid bytes, C0/C1 controls, DEL, and
 * bidirectional/format controls (U+061C, U+180E, U+200B-200F, U+2028-202E, U+2060-206F, U+FEFF,
 * U+FFF9-FFFB, tags U+E0000-E007F) appear byte by byte as \xNN, in lowercase; a backslash as it is.
 * The one form used in every output format.
 */
void text_escape(struct strbuf *sb, const char *bytes, size_t len);

/*
 * Columns that @utf8 (already escaped) takes on a terminal: wide characters 2, combining ones 0,
 * all others 1, each byte of an invalid sequence 1.  The same in every locale.
 */
size_t text_width(const char *utf8);

/*
 * The first character of @utf8, which is not empty: its length in bytes, and in *ret_width the
 * columns it takes, as text_width() measures.  A byte that starts no character is one by itself.
 */
size_t text_char(const char *utf8, unsigned *ret_width);

/* The last part of @path; all of it where it ends in a slash, so that a name is never empty. */
const char *text_base_name(const char *path);

/* Copy @text (NULL as "") into @to, of @size > 0 bytes, cut where it is longer. */
void text_copy_cut(char *to, size_t size, const char *text);

enum text_align { TEXT_LEFT, TEXT_RIGHT };

/*
 * Append @utf8 cut or padded with spaces to exactly @columns; where it is cut the last column is an
 * ellipsis ('~' when @ascii; the text itself stays as it is).  TEXT_RIGHT puts the padding first.
 */
void text_fit(struct strbuf *sb, const char *utf8, size_t columns, enum text_align align,
	      int ascii);

#endif
