/* SPDX-License-Identifier: GPL-2.0-only */
/* Man page and shell completions, made by the build from the tables of options.c.  All append. */
#ifndef CLI_OPTIONS_DOCS_H
#define CLI_OPTIONS_DOCS_H

struct strbuf;

/* concprof(1), in man(7)'s macros. */
void options_man(struct strbuf *sb);
void options_bash(struct strbuf *sb);
void options_zsh(struct strbuf *sb);
void options_fish(struct strbuf *sb);

#endif
