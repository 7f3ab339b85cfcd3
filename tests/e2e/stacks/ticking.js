// SPDX-License-Identifier: GPL-2.0-only
// Node's event loop, and its own threads: the loop wakes up by timers.
"use strict";
setInterval(() => {}, 20);
setTimeout(() => console.log("ready"), 200);
