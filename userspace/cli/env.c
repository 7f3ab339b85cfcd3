// SPDX-License-Identifier: GPL-2.0-only
#include "cli/env.h"

#include "base/strbuf.h"
#include "base/text.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct cli_env cli_env_read(const struct options *opt)
{
	struct cli_env env = {.out_fd = STDOUT_FILENO};
	const char *no_color = getenv("NO_COLOR");
	struct winsize size;

	setlocale(LC_CTYPE, "");
	env.ascii = opt->ascii || strcasecmp(nl_langinfo(CODESET), "UTF-8") != 0;
	env.progress = isatty(STDERR_FILENO) == 1;
	if (isatty(STDOUT_FILENO) != 1)
		return env;
	/* no-color.org: set and not empty */
	env.color = !opt->no_color && !(no_color && *no_color);
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		env.columns = size.ws_col;
	return env;
}

void cli_message(const char *fmt, ...)
{
	struct strbuf raw = {0};
	struct strbuf line = {0};
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&raw, fmt, ap);
	va_end(ap);
	strbuf_puts(&line, "concprof: ");
	text_escape(&line, strbuf_str(&raw), raw.len);
	strbuf_putc(&line, '\n');
	/* There is no further place to report to if this fails. */
	if (write(STDERR_FILENO, strbuf_str(&line), line.len) < 0)
		line.failed = true;
	strbuf_free(&raw);
	strbuf_free(&line);
}
