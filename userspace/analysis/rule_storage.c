// SPDX-License-Identifier: GPL-2.0-only
/* storage: at least half of the time in which the program had work is waiting for the disk. */
#include "analysis/io_wait.h"
#include "analysis/rules.h"

void storage_find(const struct load *load, struct finding *f)
{
	io_wait_find(load, f, CLASS_DISK, load->disk_ns);
}

bool storage_explained(const struct load *load, const struct finding *f, const struct findings *all)
{
	(void)f;
	return loop_explains_io(load, all, load->disk_ns);
}

void storage_tell(const struct load *load, struct finding *f)
{
	io_wait_tell(load, f, CLASS_DISK, load->disk_ns, "Threads wait for the disk",
		     "a disk without delay");
	strbuf_puts(&f->next_step,
		    "wait for the disk less often: larger or grouped writes, one flush for "
		    "several changes, a cache, reading ahead; or use a faster disk");
}
