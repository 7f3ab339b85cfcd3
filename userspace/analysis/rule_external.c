// SPDX-License-Identifier: GPL-2.0-only
/* external: at least half of the time in which the program had work is waiting for a server that it
 * calls. */
#include "analysis/io_wait.h"
#include "analysis/rules.h"

void external_find(const struct load *load, struct finding *f)
{
	io_wait_find(load, f, CLASS_NET, load->net_ns);
}

bool external_explained(const struct load *load, const struct finding *f,
			const struct findings *all)
{
	(void)f;
	return loop_explains_io(load, all, load->net_ns);
}

void external_tell(const struct load *load, struct finding *f)
{
	io_wait_tell(load, f, CLASS_NET, load->net_ns,
		     "Threads wait for a server that the program calls",
		     "a server that answers at once");
	strbuf_puts(&f->next_step,
		    "look at that server first; else ask it less often (cache its answers), ask "
		    "for several things at once, or have more calls under way at a time (more "
		    "threads and connections, asynchronous calls)");
}
