#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# stacks.sh [NAME..]
#
# Whole stacks with the right names, on Debian's own binaries and on programs without frame pointers:
# each is profiled and then looked at with gdb, and both must show the same frames (check_stacks.py).
# shellcheck disable=SC2317 # the cases are called by their names
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CASES="c c_stripped large cpp go musl late python redis mariadb nginx node llvm"

# ready_line LOG: the program has said so
ready_line()
{
	grep -q '^ready' "$1"
}

# compared NAME PID [uncharted]: profile it, ask gdb, compare
compared()
{
	local name=$1 pid=$2
	shift 2
	if ! profile "$work/$name.json" -o "$work/$name.txt" -p "$pid" -d 1; then
		fail "$name" "not profiled: $(tail -n 2 "$work/$name.err" | tr '\n' ' ')"
		return
	fi
	# Debug information from elsewhere would be asked for over the network.
	DEBUGINFOD_URLS='' gdb -nx -p "$pid" -batch -x "$e2e/stacks/gdb_frames.py" 2> "$work/$name.gdb.err" |
		sed -n 's/^FRAMES //p' > "$work/$name.gdb"
	verdict_of "$name" python3 "$e2e/check_stacks.py" "$work/$name.json" "$work/$name.gdb" "$@" ||
		keep "$name" "$work/$name.json" "$work/$name.gdb" "$work/$name.gdb.err"
}

# program NAME COMMAND..: start it, wait for its ready line, compare
program()
{
	local name=$1
	shift
	start "$work/$name.log" "$@"
	if ! until_true 20 ready_line "$work/$name.log"; then
		fail "$name" "did not start: $(tail -n 2 "$work/$name.log" | tr '\n' ' ')"
	else
		compared "$name" "$started" ${uncharted:+uncharted}
	fi
	stop "$started" KILL
}

# built NAME COMMAND..: compile it
built()
{
	local name=$1
	shift
	"$@" > "$work/$name.build" 2>&1 && return
	fail "$name" "not built: $(tail -n 3 "$work/$name.build" | tr '\n' ' ')"
	return 1
}

case_c()
{
	built c gcc -O2 -g -fomit-frame-pointer -pthread -o "$work/c" "$e2e/stacks/deep.c" && program c "$work/c" 4
}

case_c_stripped()
{
	built c_stripped gcc -O2 -s -fomit-frame-pointer -pthread -o "$work/c_stripped" "$e2e/stacks/deep.c" &&
		program c_stripped "$work/c_stripped" 4
}

# What lies behind more code than one chunk of unwind tables has room for.
case_large()
{
	built large gcc -O2 -g -fomit-frame-pointer -pthread -o "$work/large" "$e2e/stacks/filler.S" "$e2e/stacks/deep.c" &&
		program large "$work/large" 4
}

case_cpp()
{
	built cpp g++ -O2 -g -fomit-frame-pointer -pthread -o "$work/cpp" "$e2e/stacks/shapes.cc" || return
	program cpp "$work/cpp"
	[ -s "$work/cpp.json" ] || return
	verdict_of cpp-names python3 "$e2e/check_stacks_names.py" "$work/cpp.json" || keep cpp-names "$work/cpp.json"
}

case_go()
{
	built go env HOME="$work" GOCACHE="$work/gocache" GOFLAGS=-mod=mod go build -o "$work/go" "$e2e/stacks/parked.go" &&
		program go "$work/go"
	chmod -R u+w "$work/gocache" 2> /dev/null
}

# musl's own functions have no unwind information, and gdb is lost in them, too.
case_musl()
{
	local uncharted=1
	built musl musl-gcc -O2 -g -static -fomit-frame-pointer -pthread -o "$work/musl" "$e2e/stacks/deep.c" &&
		program musl "$work/musl" 4
}

# A library that is loaded while concprof watches: its tables and names come with the next slice.
case_late()
{
	built late gcc -O2 -g -fomit-frame-pointer -pthread -o "$work/late" "$e2e/stacks/late.c" -ldl &&
		built late gcc -O2 -fomit-frame-pointer -shared -fPIC -o "$work/late.so" "$e2e/stacks/late_library.c" ||
		return
	local target tool status=0
	start "$work/late.log" "$work/late" "$work/late.so"
	target=$started
	until_true 20 ready_line "$work/late.log"
	start_concprof "$work/late.err" -p "$target" -d 3 -o "$work/late.json"
	tool=$started
	kill -USR1 "$target"
	wait "$tool" || status=$?
	stop "$target" KILL
	if [ "$status" != 0 ] || [ ! -s "$work/late.json" ]; then
		fail late "not profiled: $(tail -n 2 "$work/late.err")"
		return
	fi
	verdict_of late python3 "$e2e/check_stacks_late.py" "$work/late.json" || keep late "$work/late.json"
}

case_python()
{
	program python python3 "$e2e/stacks/sleepers.py"
}

# answers PORT: something listens there
answers()
{
	(: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null
}

# service NAME PORT COMMAND..: start it, wait for its port, compare
service()
{
	local name=$1 port=$2
	shift 2
	start "$work/$name.log" "$@"
	if ! until_true 60 answers "$port"; then
		fail "$name" "did not start: $(tail -n 2 "$work/$name.log" | tr '\n' ' ')"
	else
		compared "$name" "$started"
	fi
	stop "$started"
}

case_redis()
{
	local port
	port=$(free_port)
	service redis "$port" redis-server --bind 127.0.0.1 --port "$port" --dir "$work" --save '' --appendonly no \
		--daemonize no
}

case_mariadb()
{
	local port data
	port=$(free_port) data=$(mktemp -d "$work/mariadb.XXXX")
	built mariadb mariadb-install-db --no-defaults --datadir="$data" --auth-root-authentication-method=normal \
		--skip-test-db --user=root || return
	service mariadb "$port" mariadbd --no-defaults --datadir="$data" --user=root --bind-address=127.0.0.1 \
		--port="$port" --socket="$work/mariadb.sock" --pid-file="$work/mariadb.pid" --tmpdir="$work" \
		--innodb-buffer-pool-size=64M
}

case_nginx()
{
	local port
	port=$(free_port)
	mkdir -p "$work/nginx"
	cat > "$work/nginx/nginx.conf" << END
daemon off;
master_process off;
pid $work/nginx/pid;
error_log $work/nginx/error.log;
events { }
http {
	access_log off;
	client_body_temp_path $work/nginx/body; proxy_temp_path $work/nginx/proxy;
	fastcgi_temp_path $work/nginx/fastcgi; uwsgi_temp_path $work/nginx/uwsgi; scgi_temp_path $work/nginx/scgi;
	server { listen 127.0.0.1:$port; location / { return 204; } }
}
END
	service nginx "$port" nginx -c "$work/nginx/nginx.conf" -p "$work/nginx"
}

case_node()
{
	program node node "$e2e/stacks/ticking.js"
}

# reads PID: it is in read() of its standard input
reads()
{
	grep -q '^0 0x0 ' "/proc/$1/syscall" 2> /dev/null
}

# A compiler that waits for its input below two libraries of 100 and 60 MB.
case_llvm()
{
	local compiler
	if ! command -v clang > /dev/null; then
		skip llvm "clang is missing (make deps-fuzz installs it)"
		return
	fi
	compiler=$(realpath "$(command -v clang)")
	mkfifo "$work/llvm.in"
	# shellcheck disable=SC2016 # expanded there
	start "$work/llvm.log" bash -c 'exec 9<> "$1" < "$1" && exec "$2" -cc1 -fsyntax-only -x c -' - "$work/llvm.in" "$compiler"
	if ! until_true 20 reads "$started"; then
		fail llvm "did not start: $(tail -n 2 "$work/llvm.log" | tr '\n' ' ')"
	else
		compared llvm "$started"
	fi
	stop "$started"
}

choose_cases stacks "$@"
need_rights stacks
for tool in gdb g++ go musl-gcc nginx node redis-server mariadbd; do
	if ! command -v $tool > /dev/null; then
		skip stacks "$tool is missing (make deps-test installs it)"
		finish
	fi
done
run_cases
