#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that each check of layers.py can fail: small trees, each with one fault, must be refused by
# the line that names it; the same trees without a fault must pass.
set -euo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
cases=0 wrong=0

# put PATH LINE..: write a C file, its licence line first
put()
{
	local path=$tree/$1

	mkdir -p "$(dirname "$path")"
	case $1 in
	*.h) echo '/* SPDX-License-Identifier: GPL-2.0-only */' ;;
	*) echo '// SPDX-License-Identifier: GPL-2.0-only' ;;
	esac > "$path"
	shift
	printf '%s\n' "$@" >> "$path"
}

fresh()
{
	rm -rf "$tree"
	put userspace/base/err.h 'int err_set(void);'
	put userspace/model/model.c '#include <string.h>' '#include "base/err.h"' '#include "model/model.h"'
	put userspace/model/model.h '#include "base/err.h"'
	put userspace/source/live.c '#include <bpf/libbpf.h>' '#include "bpf/concprof_abi.h"' \
		'#include "bpf/concprof.skel.h"'
	put userspace/cli/main.c '#include "source/live.h"' '#include "render/render.h"'
	put tui/term_ncurses.c '#include <ncurses.h>'
	put bpf/sched.bpf.c '#include <bpf/bpf_helpers.h>' '#include "concprof_abi.h"'
}

# expect WHAT..: the tree has one fault and these are its lines; none = it has none
expect()
{
	local status=0 said want

	cases=$((cases + 1))
	said=$(python3 "$here/layers.py" "$tree") || status=$?
	want=$(printf '%s\n' "$@")
	if [ "$said" != "$want" ] || [ $status != $(($# > 0)) ]; then
		wrong=$((wrong + 1))
		printf 'layers_selftest.sh: case %d (line %d): status %d, expected:\n%s\nsaid:\n%s\n' \
			$cases "${BASH_LINENO[0]}" "$status" "$want" "$said"
	fi
}

lines()
{
	local i

	for ((i = 0; i < $1; i++)); do
		echo "	step();"
	done
}

fresh
expect

# --- who may include whom ---
fresh
put userspace/model/bad.c '' '#include "source/live.h"'
expect 'userspace/model/bad.c:3: model may not include source'

fresh
put userspace/base/bad.h '#include "model/model.h"'
expect 'userspace/base/bad.h:2: base may not include model' \
	'userspace/base/bad.h:2: folders include each other: base -> model -> base'

fresh
put userspace/report/report.h '#include "render/render.h"'
put userspace/render/render.h '#include "report/report.h"'
expect 'userspace/render/render.h:2: folders include each other: render -> report -> render' \
	'userspace/report/report.h:2: report may not include render'

fresh
put tui/bad.c '#include "source/live.h"'
expect 'tui/bad.c:2: tui may not include source'

fresh
put userspace/model/bad.c '#include "model.h"'
expect 'userspace/model/bad.c:2: includes are written from userspace/: "model/model.h"'

fresh
put userspace/model/bad.c '#  include "../base/err.h"'
expect 'userspace/model/bad.c:2: includes are written from userspace/: "model/../base/err.h"'

fresh
put userspace/model/bad.c '#include "tests/unit/fixture.h"'
expect 'userspace/model/bad.c:2: model may not include tests'

fresh
put userspace/extra/new.c ''
expect 'userspace/extra/new.c:1: folder extra is not in the table of layers.py'

fresh
put bpf/bad.bpf.c '#include "model/record.h"'
expect 'bpf/bad.bpf.c:2: bpf may include bpf/ and vmlinux/ alone, without a folder'

# --- what is reserved ---
fresh
put userspace/cli/bad.c '#include "bpf/concprof_abi.h"'
expect 'userspace/cli/bad.c:2: the ABI header may not be included here'

fresh
put userspace/cli/bad.c '#include "bpf/concprof.skel.h"'
expect 'userspace/cli/bad.c:2: the skeleton may not be included here'

fresh
put userspace/symbol/bad.c '#include <bpf/btf.h>'
expect 'userspace/symbol/bad.c:2: libbpf may not be included here'

fresh
put tui/view.c '#include <ncurses.h>'
expect 'tui/view.c:2: ncurses may not be included here'

fresh
put tests/unit/model_bad_test.c '#include "bpf/concprof_abi.h"'
expect 'tests/unit/model_bad_test.c:2: the ABI header may not be included here'

fresh
put tests/unit/source_good_test.c '#include "bpf/concprof_abi.h"'
expect

# --- what is pure ---
fresh
put userspace/analysis/bad.c '#include <unistd.h>'
expect 'userspace/analysis/bad.c:2: analysis is pure: no <unistd.h>'

for call in clock_gettime time getenv fopen open stat system getpid printf; do
	fresh
	put userspace/analysis/bad.c "	x = $call (y);"
	expect "userspace/analysis/bad.c:2: analysis is pure: no $call"
done

fresh
put userspace/model/bad.c '/* two' 'lines */ fputc(c, stderr);'
expect 'userspace/model/bad.c:3: model is pure: no fputc' \
	'userspace/model/bad.c:3: model is pure: no stderr'

fresh
put userspace/model/good.c '/* open(2) and' ' * time() */ // getenv()' \
	"	say(\"time() \\\" open()\", '\"');" '	f->open(x), f.time(x), reopen(x), open_wait(x);'
put userspace/source/good.c '#include <time.h>' '	clock_gettime(CLOCK_MONOTONIC, &ts);'
expect

# --- sizes ---
fresh
put userspace/model/good.c 'int f(void)' '{' "$(lines 57)" '}'
expect

fresh
put userspace/model/bad.c 'int f(void)' '{' "$(lines 58)" '}' '' 'int g(void)' '{' '}'
expect 'userspace/model/bad.c:3: function of 60 lines, at most 59'

fresh
put userspace/model/bad.c 'int f(void)' '{' '	step();' '	}'
expect 'userspace/model/bad.c:3: function without its } in column 0'

fresh
put userspace/model/good.h "$(lines 598)"
expect

fresh
put userspace/model/bad.h "$(lines 599)"
expect 'userspace/model/bad.h:600: 600 lines, at most 599'

# --- the licence line ---
fresh
put samples/bad.c ''
sed -i 1d "$tree/samples/bad.c"
expect 'samples/bad.c:1: the first line is to be: // SPDX-License-Identifier: GPL-2.0-only'

fresh
put userspace/base/bad.h ''
sed -i '1s,.*,// SPDX-License-Identifier: GPL-2.0-only,' "$tree/userspace/base/bad.h"
expect 'userspace/base/bad.h:1: the first line is to be: /* SPDX-License-Identifier: GPL-2.0-only */'

fresh
mkdir -p "$tree/.ci"
printf '#!/bin/bash\ntrue\n' > "$tree/.ci/run"
expect '.ci/run:2: the first line is to be: # SPDX-License-Identifier: GPL-2.0-only'

fresh
mkdir -p "$tree/tests"
printf '#!/usr/bin/env python3\n# SPDX-License-Identifier: GPL-2.0-only\n' > "$tree/tests/good.py"
printf '{}\n' > "$tree/tests/data.json"
expect

# --- and nothing at all is no success ---
cases=$((cases + 1))
if python3 "$here/layers.py" "$work/nowhere" 2> /dev/null; then
	wrong=$((wrong + 1))
	echo "layers_selftest.sh: an empty tree passed"
fi

echo "layers_selftest.sh: $cases cases, $wrong wrong"
[ $wrong = 0 ]
