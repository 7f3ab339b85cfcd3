// SPDX-License-Identifier: GPL-2.0-only
/* Help, made from the table of keys, and what the signs of the bars mean. */
#include "tui/view.h"
#include "tui/widgets.h"

/* Returns the rows that it has; @pane NULL only counts. */
int help_draw(const struct app *app, const struct pane *pane)
{
	static const char *const meanings[GROUP_COUNT] = {
		[GROUP_RUN] = "on a CPU",
		[GROUP_LOCK] = "waits for a lock that somebody holds",
		[GROUP_GIL] = "waits for Python's interpreter lock",
		[GROUP_DISK] = "waits for the disk",
		[GROUP_NET] = "waits for a server that it called",
		[GROUP_PEER] = "waits for a thread of the target that has work in hand",
		[GROUP_RUNQ] = "could run, but has no CPU",
		[GROUP_OTHER] = "blocked, and nothing above fits",
		[GROUP_IDLE] = "nothing to do: waits for clients, for work, for a timer",
	};
	int y = 0;

	if (pane)
		widget_rule(pane, y, "KEYS", "any other key closes", ROLE_DIM);
	y++;
	for (const struct key_row *row = keys_table(); row->action != ACTION_NONE; row++) {
		if (!row->help || (row->live && !app->status.live))
			continue;
		if (pane) {
			pane_fit(pane, 2, y, 8, TEXT_RIGHT, ROLE_KEY, row->shown);
			pane_text(pane, 12, y, ROLE_PLAIN, row->help);
		}
		y++;
	}
	if (pane) {
		pane_fit(pane, 2, y, 8, TEXT_RIGHT, ROLE_KEY, "mouse");
		pane_text(pane, 12, y, ROLE_PLAIN,
			  "click on tabs, headings and rows; twice opens; the wheel moves");
		widget_rule(pane, y + 2, "TIME of a thread", NULL, ROLE_DIM);
	}
	y += 3;
	for (unsigned group = 0; group < GROUP_COUNT; group++, y++) {
		if (!pane)
			continue;
		pane_repeat(pane, 3, y, 3, role_of_group((enum time_group)group),
			    theme_group_sign((enum time_group)group, app->ascii));
		pane_fit(pane, 7, y, 10, TEXT_LEFT, ROLE_BOLD,
			 time_group_title((enum time_group)group));
		pane_text(pane, 18, y, ROLE_PLAIN, meanings[group]);
	}
	return y;
}
