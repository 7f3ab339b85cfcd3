/* SPDX-License-Identifier: GPL-2.0-only */
/* A program of Python that its GIL binds, for the tests of the verdict and of reports. */
#ifndef TESTS_GIL_FIXTURE_H
#define TESTS_GIL_FIXTURE_H

#include "tests/unit/snap_builder.h"

#define GIL_LIBRARY "/usr/lib/python3.11"
#define GIL_COUNT_27 "/srv/app.py!count:27 < /srv/app.py!work:34 < threading.py!Thread.run:975"
#define GIL_COUNT_28 "/srv/app.py!count:28 < /srv/app.py!work:36 < threading.py!Thread.run:975"
#define GIL_PARSE "/srv/parse.py!parse:9 < threading.py!Thread.run:975"

/* 4 threads that compute in Python, 10 s on 2 CPUs: each has the GIL, which is lock 0, for 2.5 s.
 * The second has it the longest while others wait. */
struct snap_builder *gil_fixture(void);

/* 20 s of the 30 s of waiting are seen: 12 s in count (8 of them in line 27), 8 s in parse. */
void gil_fixture_seen(struct snap_builder *b);

#endif
