// SPDX-License-Identifier: GPL-2.0-only
#include "source/listeners.h"

#include <stdio.h>

#include "base/cleanup.h"

#define STATE_LISTEN 0x0a /* include/net/tcp_states.h */

static size_t read_table(pid_t pid, const char *name, uint16_t *ports, size_t max)
{
	char path[64], line[512];
	_cleanup_fclose_ FILE *f = NULL;
	unsigned port, state;
	size_t len = 0;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, name);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f)) /* heading */
		return 0;
	while (len < max && fgets(line, sizeof(line), f)) {
		/* "  0: 0100007F:0CEA 00000000:0000 0A .." */
		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x", &port, &state) != 2 ||
		    state != STATE_LISTEN)
			break;
		ports[len++] = (uint16_t)port;
	}
	return len;
}

size_t listeners_read(pid_t pid, uint16_t *ports, size_t max)
{
	size_t len = read_table(pid, "tcp", ports, max);

	return len + read_table(pid, "tcp6", ports + len, max - len);
}
