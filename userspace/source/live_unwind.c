// SPDX-License-Identifier: GPL-2.0-only
#include "source/live_internal.h"

int live_unwind_open(struct live *live, struct err *err)
{
	(void)live, (void)err;
	return 0;
}

void live_unwind_free(struct live *live)
{
	(void)live;
}

void live_unwind_drop(struct live *live, const struct live_process *p)
{
	(void)live, (void)p;
}

void live_unwind_refresh(struct live *live, bool all)
{
	(void)live, (void)all;
}
