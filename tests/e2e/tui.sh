#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tui.sh
#
# The interactive screen in a real terminal (tmux): what it shows, keys, sizes, every way out. All
# waits are for a condition on the screen.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need_rights tui
if ! command -v tmux > "$work/which"; then
	skip tui "there is no tmux"
	finish
fi
export LC_ALL=C.UTF-8
unset TMUX NO_COLOR

t()
{
	tmux -S "$work/tmux" "$@" 2> "$work/tmux.err"
}

screen()
{
	t capture-pane -p -t s
}

# shellcheck disable=SC2317 # called by until_true
# shows TEXT: it is on the screen
shows()
{
	[[ $(screen) == *"$1"* ]]
}

# shellcheck disable=SC2317 # called by until_true
lacks()
{
	! shows "$1"
}

# expect NAME TEXT
expect()
{
	if until_true 30 shows "$2"; then
		ok "$1" "the screen has '$2'"
	else
		screen > "$work/screen.txt"
		fail "$1" "'$2' is not on the screen"
		keep "$1" "$work/screen.txt"
	fi
}

keys()
{
	t send-keys -t s "$@"
}

# restored NAME: the shell is back, in the modes that it had
restored()
{
	local modes
	keys -l "stty -a > $work/stty.after; echo back-\$((40 + 2))"
	keys Enter
	if ! until_true 30 shows back-42; then
		screen > "$work/screen.txt"
		fail "$1" "the shell does not answer"
		keep "$1" "$work/screen.txt"
		return
	fi
	modes=$(t display-message -p -t s '#{alternate_on} #{cursor_flag} #{mouse_any_flag}')
	if [ "$modes" = "0 1 0" ] && cmp -s "$work/stty.before" "$work/stty.after"; then
		ok "$1" "terminal as before"
	else
		fail "$1" "alternate screen, cursor, mouse: $modes; modes $(cmp "$work/stty.before" "$work/stty.after" 2>&1)"
	fi
	keys -l "clear"
	keys Enter
	until_true 30 lacks back-42
}

# run COMMAND: in the shell of the terminal
run()
{
	keys -l "$1"
	keys Enter
}

# concprof of this shell, by its parent
# shellcheck disable=SC2317 # called by until_true
screen_pid()
{
	pgrep -P "$(t display-message -p -t s '#{pane_pid}')" -x concprof > "$work/screen.pid"
}

start "$work/tmux.log" tmux -S "$work/tmux" -f /dev/null -D
until_true 10 test -S "$work/tmux"
cd "$work" || exit 1
t new-session -d -s s -x 80 -y 24 "PS1='$ ' bash --norc --noprofile"
until_true 10 shows '$'
run "stty -a > $work/stty.before; clear"
until_true 10 test -s "$work/stty.before"

start_sample lock-sleep || exit 1
run "$concprof -p $sample_pid"
expect first-screen-verdict 'VERDICT threads.lock'
expect first-screen-next 'Next'
expect first-screen-own-cost 'own cost'
expect refreshes '00:00:04'

keys 2
expect view-threads 'THREAD'
keys 3
expect view-locks 'LOCK '
keys Enter
expect lock-opens 'WAITERS'
keys Escape
keys 6
expect view-stacks 'STACKS on and off'
keys 7
expect view-graph 'root cause'
keys '?'
expect help 'KEYS'
keys '?'
keys Space
expect pause 'PAUSED'
keys Space
keys '['
expect past 'PAST'
keys ']'
expect present 'live'
keys z
expect zero 'since z'
keys z 1
expect zero-again 'VERDICT'

t resize-window -t s -x 120 -y 40
expect wider '1 Overview'
t resize-window -t s -x 50 -y 12
expect too-small 'needs 60x16'
t resize-window -t s -x 80 -y 24
expect recovers 'VERDICT'

keys e
expect export 'wrote /'
for ending in txt json; do
	file=$(find "$work" -name "concprof-*.$ending" ! -name '*.perfetto.json')
	if [ -s "$file" ]; then
		ok "export-$ending" "$(basename "$file")"
	else
		fail "export-$ending" "no file"
	fi
done
if jq -e '.schema == "concprof.report/1"' "$file" > "$work/jq"; then
	ok export-json-content "it is a report"
else
	fail export-json-content "$(< "$work/jq")"
fi

keys q
restored quit
run "$concprof -p $sample_pid"
expect again 'VERDICT'
keys C-c
restored ctrl-c

for signal in TERM SEGV ABRT; do
	run "$concprof -p $sample_pid"
	expect "before-$signal" 'VERDICT'
	until_true 10 screen_pid && kill -s "$signal" "$(< "$work/screen.pid")"
	restored "signal-$signal"
done

run "$concprof -p $sample_pid"
expect before-stop 'VERDICT'
keys C-z
expect stopped 'Stopped'
restored ctrl-z
run fg
expect continued 'VERDICT'
stop "$sample_pid"
expect target-ends 'ENDED'
expect target-ends-said 'the target has ended'
keys 2
expect keys-after-end 'THREAD'
keys q
restored quit-after-end

start_sample many-threads 1000 || exit 1
run "$concprof -p $sample_pid"
expect many-threads 'VERDICT'
keys 2
# As many as the kernel counts.
expect many-threads-table "$(find "/proc/$sample_pid/task" -mindepth 1 -maxdepth 1 | wc -l) threads"
keys G
keys q
restored many-threads-quit
"$concprof" -p "$sample_pid" -d 2 -o "$work/many.cprof" 2> "$work/capture.err"
stop "$sample_pid"

run "$concprof report $work/many.cprof --tui"
expect capture 'capture'
keys q
restored capture-quit
run "TERM=vt100 $concprof report $work/many.cprof --tui"
expect vt100 'VERDICT'
keys q
restored vt100-quit
run "LC_ALL=C $concprof report $work/many.cprof --tui"
expect plain 'VERDICT'
if screen | LC_ALL=C grep -q '[^ -~]'; then
	fail ascii "$(screen | LC_ALL=C grep -m 1 '[^ -~]')"
else
	ok ascii "nothing beyond ASCII where the locale has no more"
fi
keys q
restored ascii-quit
finish
