// SPDX-License-Identifier: GPL-2.0-only
#include "cli/env.h"

#include "base/num.h"
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

#define COLUMNS_DEFAULT 80 /* of a terminal that tells nothing */

unsigned cli_columns(int fd)
{
	struct winsize size = {0};
	uint64_t columns;

	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	/* A serial line does not know its width, but a user may. */
	if (num_parse_u64(getenv("COLUMNS"), 1, UINT16_MAX, &columns) == 0)
		return (unsigned)columns;
	return COLUMNS_DEFAULT;
}

struct cli_env cli_env_read(const struct options *opt)
{
	struct cli_env env = {.out_fd = STDOUT_FILENO};
	const char *no_color = getenv("NO_COLOR");

	setlocale(LC_CTYPE, "");
	env.ascii = opt->ascii || strcasecmp(nl_langinfo(CODESET), "UTF-8") != 0;
	env.progress = isatty(STDERR_FILENO) == 1;
	if (isatty(STDOUT_FILENO) != 1)
		return env;
	/* no-color.org: set and not empty */
	env.color = !opt->no_color && !(no_color && *no_color);
	env.columns = cli_columns(STDOUT_FILENO);
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
