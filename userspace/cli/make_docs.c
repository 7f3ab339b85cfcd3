// SPDX-License-Identifier: GPL-2.0-only
/* make_docs man|bash|zsh|fish: what the build makes of the table of options; not installed. */
#include "base/num.h"
#include "base/strbuf.h"
#include "cli/options_docs.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*make)(struct strbuf *sb);
	} docs[] = {{"man", options_man},
		    {"bash", options_bash},
		    {"zsh", options_zsh},
		    {"fish", options_fish}};

	for (size_t i = 0; argc == 2 && i < ARRAY_LEN(docs); i++) {
		struct strbuf sb = {0};
		int status;

		if (strcmp(docs[i].name, argv[1]) != 0)
			continue;
		docs[i].make(&sb);
		status = sb.failed || fputs(strbuf_str(&sb), stdout) < 0 || fflush(stdout) != 0;
		strbuf_free(&sb);
		return status;
	}
	return 2;
}
