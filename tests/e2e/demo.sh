#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# demo.sh
#
# For `make demo`: a program whose four threads fight for one lock, profiled for 5 s. The verdict is
# printed, the whole report written to concprof-report.json.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

start_sample lock-cpu || exit 1
echo "demo: samples/lock-cpu.c runs as process $sample_pid; concprof -p $sample_pid -d 5"
rm -f concprof-report.json
"$concprof" -p "$sample_pid" -d 5 -o concprof-report.json -f text || exit 1
stop "$sample_pid"
[ -s concprof-report.json ] || exit 1
echo "demo: the whole report is in concprof-report.json"
