#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# services.sh [redis|memcached|mariadb|postgres]..
#
# Debian's own redis-server, memcached, mariadbd and postgres, idle and under load, on loopback ports
# and data of their own; the verdict is stated before and compared with what the kernel and the service say.
# shellcheck disable=SC2317 # the services are called by their names
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SECONDS_EACH=4
CLIENTS=16

# missing NAME PROGRAM..: says so if one is not installed
missing()
{
	local name=$1 program
	shift
	for program; do
		if ! command -v "$program" > /dev/null; then
			skip "$name" "$program is missing (make deps-test installs it)"
			return 0
		fi
	done
	return 1
}

# service NAME COMMAND..: start it; it is ready when the function NAME_answers says so
service()
{
	local name=$1
	shift
	start "$work/$name.log" "$@"
	service_pid=$started
	if ! until_true 60 "${name}_answers"; then
		fail "$name" "the service did not start: $(tail -n 3 "$work/$name.log" | tr '\n' ' ')"
		stop "$service_pid"
		return 1
	fi
}

# checked NAME WHAT [ARGUMENT..]: the report of NAME by check_service.py
checked()
{
	local name=$1 what=$2 report=$work/$1.json
	shift 2
	verdict_of "$name" python3 "$e2e/check_service.py" "$what" "$report" "$@" && return
	keep "$name" "$report" "$work/$name.txt" "$work/$name.before" "$work/$name.after" "$work/$name.status"
}

# measure NAME: profile $service_pid
measure()
{
	if ! profile "$work/$1.json" -o "$work/$1.txt" -p "$service_pid" -d "$SECONDS_EACH"; then
		fail "$1" "not profiled: $(tail -n 3 "$work/$1.err" | tr '\n' ' ')"
		return 1
	fi
}

# idle_ticks: of all CPUs, since boot
idle_ticks()
{
	awk '$1 == "cpu" { print $5 + $6 }' /proc/stat
}

# measure_idle NAME: profile; sets $idle_cpus, how many CPUs idled meanwhile
measure_idle()
{
	local ticks began status=0
	ticks=$(idle_ticks) began=$(date +%s%N)
	measure "$1" || status=1
	idle_cpus=$(awk -v ticks=$(($(idle_ticks) - ticks)) -v ns=$(($(date +%s%N) - began)) \
		-v hz="$(getconf CLK_TCK)" 'BEGIN { print ticks / hz / (ns / 1e9) }')
	return "$status"
}

# longer FILE LINES
# shellcheck disable=SC2317 # called by until_true
longer()
{
	[ "$(wc -l < "$1")" -gt "$2" ]
}

# ---- redis ----

redis_answers()
{
	[ "$(redis-cli -h 127.0.0.1 -p "$port" ping 2> /dev/null)" = PONG ]
}

redis_busy()
{
	local count
	count=$(redis-cli -h 127.0.0.1 -p "$port" info commandstats 2> /dev/null | sed -n 's/^cmdstat_bitcount:calls=\([0-9]*\).*/\1/p')
	[ "${count:-0}" -gt 1000 ]
}

serve_redis()
{
	local load watcher
	missing redis redis-server redis-cli redis-benchmark && return
	port=$(free_port)
	mkdir -p "$work/redis"
	service redis redis-server --bind 127.0.0.1 --port "$port" --dir "$work/redis" --save '' \
		--appendonly no --daemonize no || return
	measure redis-idle && checked redis-idle plain idle

	# Commands that cost the server much and the client little: 64 KiB to count.
	redis-cli -h 127.0.0.1 -p "$port" setbit bits 524287 1 > /dev/null
	start "$work/redis-load.log" redis-benchmark -h 127.0.0.1 -p "$port" -c 20 -n 1000000000 -q bitcount bits
	load=$started
	if until_true 20 redis_busy; then
		start "$work/watch.err" python3 "$e2e/watch.py" "$service_pid" "$work/redis.watch"
		watcher=$started
		until_true 10 test -s "$work/redis.watch"
		if measure_idle redis-full; then
			# The reads are to span the window.
			until_true 10 longer "$work/redis.watch" $(($(wc -l < "$work/redis.watch") + 1))
			stop "$watcher"
			checked redis-full full "$work/redis.watch" "$idle_cpus"
		fi
	else
		fail redis-full "no load: $(tail -c 200 "$work/redis-load.log")"
	fi
	stop "$load"
	stop "$service_pid"
}

# ---- memcached ----

memcached_answers()
{
	python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5)
s.sendall(b"version\r\n")
sys.exit(not s.recv(100).startswith(b"VERSION"))' "$port" 2> /dev/null
}

memcached_loaded()
{
	grep -q '^ready' "$work/memcached-load.log"
}

serve_memcached()
{
	local load
	missing memcached memcached && return
	port=$(free_port)
	service memcached memcached -l 127.0.0.1 -p "$port" -U 0 -u root -m 64 -t 4 || return
	measure memcached-idle && checked memcached-idle plain idle

	# 200 batches of 50 commands a second: a small part of one CPU.
	start "$work/memcached-load.log" python3 "$e2e/memcached_load.py" "$port" 200
	load=$started
	if until_true 20 memcached_loaded; then
		measure memcached-light && checked memcached-light plain 'none|idle'
	else
		fail memcached-light "no load: $(tail -n 1 "$work/memcached-load.log")"
	fi
	stop "$load"
	stop "$service_pid"
}

# ---- mariadb ----

sql()
{
	mariadb --no-defaults --protocol=tcp -h 127.0.0.1 -P "$port" -u root -N -e "$1"
}

mariadb_answers()
{
	sql 'SELECT 1' > /dev/null 2>&1
}

# counters FILE: InnoDB's, and the time of the reading
counters()
{
	sql "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_update', 'Innodb_row_lock_time',
		'Innodb_row_lock_waits', 'Innodb_data_fsyncs')" > "$1" && echo "Uptime_ns $(date +%s%N)" >> "$1"
}

# updates AT_LEAST: so many have been done
updates()
{
	[ "$(sql "SHOW GLOBAL STATUS LIKE 'Com_update'" | cut -f 2)" -ge "$1" ]
}

one_row=(sysbench --db-driver=mysql --mysql-host=127.0.0.1 --mysql-user=root --mysql-db=sbtest --tables=1
	--table-size=1)

# mariadb_load NAME WORKLOAD
mariadb_load()
{
	local name=$1 workload=$2 load done_before unflushed
	sql 'SET GLOBAL innodb_flush_log_at_trx_commit = 1'
	start "$work/$name.load" "${one_row[@]}" "--mysql-port=$port" "--threads=$CLIENTS" --time=300 "$workload" run
	load=$started
	done_before=$(sql "SHOW GLOBAL STATUS LIKE 'Com_update'" | cut -f 2)
	if ! until_true 30 updates $((done_before + 100)); then
		fail "$name" "no load: $(tail -n 2 "$work/$name.load" | tr '\n' ' ')"
		stop "$load"
		return
	fi
	counters "$work/$name.before"
	measure_idle "$name"
	counters "$work/$name.after"
	sql 'SHOW ENGINE INNODB STATUS' > "$work/$name.status"
	# The same load without the flush: what the flush costs.
	sql 'SET GLOBAL innodb_flush_log_at_trx_commit = 0'
	counters "$work/$name.from"
	sleep 2 # the length of the measurement
	counters "$work/$name.to"
	stop "$load"
	unflushed=$(paste "$work/$name.from" "$work/$name.to" |
		awk '{ d[$1] = $4 - $2 } END { print d["Com_update"] / (d["Uptime_ns"] / 1e9) }')
	[ ! -s "$work/$name.json" ] ||
		checked "$name" mariadb "$work/$name.before" "$work/$name.after" "$CLIENTS" "$unflushed" "$idle_cpus"
}

serve_mariadb()
{
	local data
	data=$(mktemp -d "$work/mariadb.XXXX")
	missing mariadb mariadbd mariadb-install-db sysbench && return
	if ! mariadb-install-db --no-defaults --datadir="$data" --auth-root-authentication-method=normal \
		--skip-test-db --user=root > "$work/install.log" 2>&1; then
		fail mariadb "no data folder: $(tail -n 1 "$work/install.log")"
		return
	fi
	port=$(free_port)
	service mariadb mariadbd --no-defaults --datadir="$data" --user=root --bind-address=127.0.0.1 \
		--port="$port" --socket="$work/mariadb.sock" --pid-file="$work/mariadb.pid" \
		--tmpdir="$work" --innodb-buffer-pool-size=64M || return
	sql 'CREATE DATABASE sbtest'
	"${one_row[@]}" "--mysql-port=$port" oltp_update_index prepare > "$work/prepare.log" 2>&1 ||
		fail mariadb "no table: $(tail -n 1 "$work/prepare.log")"
	measure mariadb-idle && checked mariadb-idle plain idle
	mariadb_load mariadb-update-non-index oltp_update_non_index
	mariadb_load mariadb-update-index oltp_update_index
	mariadb_load mariadb-row-lock "$e2e/one_row.lua"
	stop "$service_pid"
}

# ---- postgres: a process for each client ----

as_postgres()
{
	setpriv --reuid postgres --regid postgres --clear-groups --inh-caps=-all "$@"
}

postgres_answers()
{
	psql -h 127.0.0.1 -p "$port" -U postgres -d postgres -Atc 'SELECT 1' > /dev/null 2>&1
}

# postgres_did NUMBER: so many rows were read since the start of the load
# shellcheck disable=SC2317 # called by until_true
postgres_did()
{
	[ "$(psql -h 127.0.0.1 -p "$port" -U postgres -d postgres -Atc \
		'SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()')" -ge "$1" ]
}

# postgres_load NAME VERDICTS PGBENCH-OPTION..
postgres_load()
{
	local name=$1 verdicts=$2 load before
	shift 2
	before=$(psql -h 127.0.0.1 -p "$port" -U postgres -d postgres -Atc \
		'SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()')
	start "$work/$name.load" pgbench -h 127.0.0.1 -p "$port" -U postgres -n -T 300 "$@" postgres
	load=$started
	if until_true 30 postgres_did $((before + 100)); then
		measure "$name" && checked "$name" plain "$verdicts"
	else
		fail "$name" "no load: $(tail -n 2 "$work/$name.load" | tr '\n' ' ')"
	fi
	stop "$load"
}

# No false verdict: its processes wait for each other by latches, semaphores and signals, and the
# supervisor only waits, but at these loads nothing of that holds it back.
serve_postgres()
{
	local bin data=$work/postgres
	bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2> /dev/null | sort -V | tail -n 1)
	missing postgres "${bin:-/usr/lib/postgresql}/initdb" pgbench psql setpriv && return
	chmod 711 "$work"
	install -d -m 700 -o postgres -g postgres "$data"
	if ! as_postgres "$bin/initdb" -D "$data" -A trust -U postgres > "$work/initdb.log" 2>&1; then
		fail postgres "no data folder: $(tail -n 1 "$work/initdb.log")"
		return
	fi
	port=$(free_port)
	service postgres setpriv --reuid postgres --regid postgres --clear-groups --inh-caps=-all \
		"$bin/postgres" -D "$data" -p "$port" -c listen_addresses=127.0.0.1 \
		-c unix_socket_directories= || return
	if ! pgbench -h 127.0.0.1 -p "$port" -U postgres -i -q -s 5 postgres > "$work/pgbench-init.log" 2>&1; then
		fail postgres "no table: $(tail -n 1 "$work/pgbench-init.log")"
	else
		measure postgres-idle && checked postgres-idle plain idle
		postgres_load postgres-light 'none|idle' -S -c 8 -R 100
		postgres_load postgres-full 'cpu.saturated|cpu.oversubscribed|none' -S -c 8
	fi
	stop "$service_pid"
}

port='' service_pid='' idle_cpus=''
names=("$@")
[ $# -gt 0 ] || names=(redis memcached mariadb postgres)
for name in "${names[@]}"; do
	case $name in
	redis | memcached | mariadb | postgres) ;;
	*)
		echo "usage: services.sh [redis|memcached|mariadb|postgres].." >&2
		exit 2
		;;
	esac
done
need_rights services
for name in "${names[@]}"; do
	tried "serve_$name"
done
finish
