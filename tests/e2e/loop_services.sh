#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# loop_services.sh [NAME..]
#
# Debian's servers that stand on an event loop, under load: uvicorn, Tornado, aiohttp and node with a handler that blocks or
# computes, redis with a slow script and with DEBUG SLEEP, a GLib loop: the verdict, and the line or call to blame. nginx, memcached,
# redis and the asynchronous forms are healthy.
# shellcheck disable=SC2317 # the cases are called by their names
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CASES="uvicorn_sleep uvicorn_cpu tornado_sleep tornado_cpu aiohttp_sleep to_thread node_sync node_async glib redis_lua
	redis_sleep redis_healthy nginx memcached"
PYTHON=${PYTHON-/usr/bin/python3}
# What a loop that does not stall may be called, by how many CPUs the load takes.
HEALTHY=none,idle,cpu.saturated,cpu.oversubscribed,threads.imbalance,unclear,external,threads.lock

answers()
{
	(: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null
}

# shellcheck disable=SC2317 # called by until_true
loaded()
{
	python3 -c 'import sys, urllib.request
sys.exit(urllib.request.urlopen(sys.argv[1], timeout=10).status != 200)' "$1" 2> /dev/null
}

judged()
{
	verdict_of "$1" python3 "$e2e/check_loops.py" "${@:2}" || keep "$1" "$report" "${report%.*}.txt"
}

# seen NAME PID: profile it; sets $report
seen()
{
	report=$work/$1.json
	profile "$report" -o "$work/$1.txt" -p "$2" -d 4 && return
	fail "$1" "not profiled: $(tail -n 2 "$work/$1.err" | tr '\n' ' ')"
	return 1
}

# web NAME PATH CONNECTIONS COMMAND..: serve, ask for the path, profile; sets $report
web()
{
	local name=$1 path=$2 connections=$3 status=1 server
	shift 3
	start "$work/$name.log" "$@"
	server=$started
	if ! until_true 30 answers "$port"; then
		fail "$name" "did not start: $(tail -n 2 "$work/$name.log" | tr '\n' ' ')"
	else
		start "$work/$name.wrk" wrk -t 1 -c "$connections" -d 300 --timeout 30 "http://127.0.0.1:$port$path"
		local load=$started
		if ! until_true 20 loaded "http://127.0.0.1:$port$path"; then
			fail "$name" "no answer under load"
		elif seen "$name" "$server"; then
			status=0
		fi
		stop "$load"
	fi
	stop "$server"
	return "$status"
}

case_uvicorn_sleep()
{
	port=$(free_port)
	web uvicorn_sleep /sleep 4 "$PYTHON" -m uvicorn --app-dir "$e2e/loops" --port "$port" --log-level warning app:application || return
	judged uvicorn_sleep verdict "$report" event_loop.blocking
	judged uvicorn_sleep_line blame "$report" sleep handle "        time.sleep(STEP_S)" "$e2e/loops/app.py"
}

case_uvicorn_cpu()
{
	port=$(free_port)
	web uvicorn_cpu /cpu 4 "$PYTHON" -m uvicorn --app-dir "$e2e/loops" --port "$port" --log-level warning app:application || return
	judged uvicorn_cpu verdict "$report" event_loop.cpu
	judged uvicorn_cpu_line blame "$report" run compute "sum(i * i for i in range(500))" "$e2e/loops/app.py"
}

case_tornado_sleep()
{
	port=$(free_port)
	web tornado_sleep /sleep 4 "$PYTHON" "$e2e/loops/app.py" tornado "$port" || return
	judged tornado_sleep verdict "$report" event_loop.blocking
	judged tornado_sleep_line blame "$report" sleep handle "        time.sleep(STEP_S)" "$e2e/loops/app.py"
	judged tornado_kind kind "$report" tornado
}

case_tornado_cpu()
{
	port=$(free_port)
	web tornado_cpu /cpu 4 "$PYTHON" "$e2e/loops/app.py" tornado "$port" || return
	judged tornado_cpu verdict "$report" event_loop.cpu
	judged tornado_cpu_line blame "$report" run compute "sum(i * i for i in range(500))" "$e2e/loops/app.py"
}

case_aiohttp_sleep()
{
	port=$(free_port)
	web aiohttp_sleep /sleep 4 "$PYTHON" "$e2e/loops/app.py" aiohttp "$port" || return
	judged aiohttp_sleep verdict "$report" event_loop.blocking
	judged aiohttp_kind kind "$report" aiohttp
}

# The same waiting, but done by the executor's threads.
case_to_thread()
{
	port=$(free_port)
	web to_thread /sleep 4 "$PYTHON" "$e2e/loops/app.py" threads "$port" || return
	judged to_thread verdict "$report" "$HEALTHY"
	judged to_thread_healthy healthy "$report" asyncio
	judged to_thread_edges executor "$report" asyncio
}

case_node_sync()
{
	port=$(free_port)
	web node_sync /sync 4 node "$e2e/loops/app.js" "$port" || return
	judged node_sync verdict "$report" event_loop.cpu
	judged node_sync_kind kind "$report" node
}

case_node_async()
{
	port=$(free_port)
	web node_async /async 4 node "$e2e/loops/app.js" "$port" || return
	judged node_async verdict "$report" "$HEALTHY"
}

case_glib()
{
	start "$work/glib.log" "$PYTHON" "$e2e/loops/app.py" glib
	local server=$started
	if until_true 20 sleeps_in_poll "$server"; then
		seen glib "$server" && judged glib verdict "$report" event_loop.blocking && judged glib_kind kind "$report" glib
	else
		fail glib "did not start: $(tail -n 2 "$work/glib.log" | tr '\n' ' ')"
	fi
	stop "$server"
}

# shellcheck disable=SC2317 # called by until_true
sleeps_in_poll()
{
	[[ "$(cat "/proc/$1/wchan" 2> /dev/null)" == *poll* ]]
}

# redis_case NAME COMMAND..: a server, and the command (a function) as its load; sets $report and $port
redis_case()
{
	local name=$1 status=1 server
	shift
	port=$(free_port)
	start "$work/$name.log" redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --enable-debug-command local \
		--dir "$work"
	server=$started
	if ! until_true 20 answers "$port"; then
		fail "$name" "did not start: $(tail -n 2 "$work/$name.log" | tr '\n' ' ')"
	else
		"$@" > "$work/$name.load" 2>&1 < /dev/null &
		local load=$!
		own "$load"
		if until_true 20 busy "$server" && seen "$name" "$server"; then
			status=0
		fi
		stop "$load"
	fi
	stop "$server"
	return "$status"
}

# shellcheck disable=SC2317 # called by until_true
busy()
{
	[ "$(redis-cli -p "$port" info stats | sed -n 's/^total_commands_processed:\([0-9]*\).*/\1/p')" -gt 5 ]
}

# again COMMAND..: ask the server for it over and over
again()
{
	# shellcheck disable=SC2016 # expanded by the shell that runs it
	bash -c 'while redis-cli -p "$@" > /dev/null; do sleep 0.04; done' again "$port" "$@"
}

case_redis_lua()
{
	redis_case redis_lua again EVAL 'local t = 0; for i = 1, 6000000 do t = t + i % 7 end; return t' 0 || return
	judged redis_lua verdict "$report" event_loop.cpu
	judged redis_lua_kind kind "$report" redis
}

case_redis_sleep()
{
	redis_case redis_sleep again DEBUG SLEEP 0.08 || return
	judged redis_sleep verdict "$report" event_loop.blocking
	judged redis_sleep_cause blame "$report" sleep clock_nanosleep
}

benchmark()
{
	redis-benchmark -h 127.0.0.1 -p "$port" -c 20 -n 100000000 -q -t get
}

case_redis_healthy()
{
	redis_case redis_healthy benchmark || return
	judged redis_healthy verdict "$report" "$HEALTHY"
	judged redis_healthy_loop healthy "$report" redis
}

case_nginx()
{
	local conf=$work/nginx.conf
	port=$(free_port)
	echo "hello" > "$work/index.html"
	cat > "$conf" << END
daemon off; pid $work/nginx.pid; error_log stderr; worker_processes 1;
events { worker_connections 256; }
http { access_log off; client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work;
uwsgi_temp_path $work; scgi_temp_path $work; server { listen 127.0.0.1:$port; root $work; } }
END
	chmod 755 "$work"
	web nginx /index.html 8 nginx -c "$conf" -g "user $(id -un);" || return
	judged nginx verdict "$report" "$HEALTHY"
	judged nginx_loop healthy "$report" nginx
}

case_memcached()
{
	port=$(free_port)
	start "$work/memcached.log" memcached -l 127.0.0.1 -p "$port" -u "$(id -un)" -t 2
	local server=$started
	if until_true 20 answers "$port"; then
		start "$work/memcached.load" python3 "$e2e/memcached_load.py" "$port"
		local load=$started
		seen memcached "$server" && judged memcached verdict "$report" "$HEALTHY" && judged memcached_loop healthy "$report" memcached
		stop "$load"
	else
		fail memcached "did not start: $(tail -n 2 "$work/memcached.log" | tr '\n' ' ')"
	fi
	stop "$server"
}

port='' report=''
choose_cases loop_services "$@"
need_rights loop_services
for tool in wrk node redis-server redis-benchmark nginx memcached; do
	command -v "$tool" > /dev/null || PATH=$PATH:/usr/sbin:/sbin command -v "$tool" > /dev/null || {
		skip loop_services "$tool is not installed (make deps-test)"
		finish
	}
done
PATH=$PATH:/usr/sbin:/sbin
run_cases
