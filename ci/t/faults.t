#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# What happens to a run from outside: a kill, a full disk, a bad output directory, a CPU that
# goes away.  And nothing that is lost may be silent.
set -u
. ci/t/lib.sh

SEED=${SEED:-$$}
echo "# SEED=$SEED repeats the random moments"
RANDOM=$SEED

raw_s() { perl -MTime::HiRes=clock_gettime -e 'printf "%.3f\n", clock_gettime(4)'; } # CLOCK_MONOTONIC_RAW

# Analyses a directory that a fault left: a verdict, and no row that is not whole.
usable() { # NAME DIRECTORY CUT-ROWS-MAX
	clkdrift analyze "$2" --json
	like "$rc $(json ".losses.cut_rows <= $3 and .losses.stored > 0")" '^[013] true$' "$1: what was written can be analysed"
}

# --- kill -9 --------------------------------------------------------------------------
cat >"$T/two.ini" <<-END
	[scenario]
	summary = two phases, so that a kill meets the turn from one to the next too
	clocks = monotonic_raw,sim:drift=12.5:noise=20:delay=40
	[phase first]
	duration = 1s
	[phase second]
	duration = 60s
END
for i in 1 2 3 4 5 6; do
	ms=$((i == 1 ? RANDOM % 400 : 1000 + RANDOM % 2500))
	run=$T/kill$i
	"$CLKDRIFT" run "$T/two.ini" -q -o "$run" 2>/dev/null &
	pid=$!
	sleep "$((ms / 1000)).$(printf '%03d' $((ms % 1000)))"
	{ kill -9 $pid && wait $pid; } 2>/dev/null
	now=$(raw_s)
	if [ ! -e "$run/run.json" ]; then
		clkdrift analyze "$run"
		is "$rc $(wc -l <"$T/err")" "2 1" "killed after $ms ms, before the first reading: one error"
		continue
	fi
	if [ "$ms" -lt 1000 ]; then
		clkdrift analyze "$run"
		like "$rc" '^[013]$' "killed after $ms ms: can be analysed"
		continue
	fi
	usable "killed after $ms ms" "$run" "$(nproc)"
	last=$(grep '^monotonic_raw' "$run/samples/cpu000.csv" | tail -n 2 | head -n 1 | cut -d, -f3)
	age=$(perl -e 'printf "%.2f", $ARGV[0] - $ARGV[1] / 1e9' "$now" "$last")
	like "$age" '^0\.' "killed after $ms ms: the last stored reading is $age s old"
done

# --- Signals --------------------------------------------------------------------------
"$CLKDRIFT" run selftest -q --json -d 60s --no-report -o "$T/int" >"$T/out" 2>"$T/err" &
pid=$!
sleep 1.5
kill -TERM $pid
rc=0
wait $pid || rc=$?
is "$rc $(jq -r .state "$T/int/run.json")" "0 interrupted" "SIGTERM ends a run early, and it is judged"

# --- A full disk ----------------------------------------------------------------------
full_disk() { # SIZE: a run into a file system of that size
	local start=$SECONDS
	mkdir -p "$T/disk"
	mount -t tmpfs -o "size=$1" none "$T/disk" || return 1
	clkdrift run selftest -q --no-report -d 30s --interval 100us -o "$T/disk/run"
	rm -rf "$T/copy"
	cp -r "$T/disk/run" "$T/copy"
	umount "$T/disk"
	is "$rc $(wc -l <"$T/err")" "2 1" "a disk of $1: one error"
	like "$err" 'No space left' "a disk of $1: the error says why"
	like "$((SECONDS - start < 15))" 1 "a disk of $1: the run ends at once"
}
if [ "$(id -u)" = 0 ] && mkdir "$T/probe" && mount -t tmpfs none "$T/probe" 2>/dev/null; then
	umount "$T/probe"
	on_exit "mountpoint -q $T/disk && umount $T/disk"
	for size in 512k 200k; do
		full_disk $size
		usable "a disk of $size" "$T/copy" 0
	done
	# Here not even run.json fits, or no more than the first one.
	for size in 4k 8k 16k 24k 32k 48k; do
		full_disk $size
		rm -rf "$T/again"
		[ -e "$T/copy/run.json" ] || { ok 0 "a disk of $size: no run.json, and no part of one"; continue; }
		clkdrift analyze "$T/copy"
		like "$rc" '^[013]$' "a disk of $size: run.json is whole" "$err"
	done
else
	skip "a full disk" "needs root and a tmpfs"
fi

# --- The output directory -------------------------------------------------------------
no_start() { # NAME DIRECTORY REGEX
	local start=$SECONDS
	clkdrift run selftest -d 30s --no-report -o "$2"
	is "$rc $(wc -l <"$T/err") $((SECONDS - start < 5))" "2 1 1" "$1: refused before sampling"
	like "$err" "$3" "$1: the reason"
}
mkdir "$T/there"
no_start "an output directory that exists" "$T/there" 'exists already'
is "$(ls -A "$T/there")" "" "an output directory that exists: nothing was put into it"
: >"$T/file"
no_start "a file in the way" "$T/file" 'exists already'
no_start "a file as the parent" "$T/file/run" 'cannot make the directory'
no_start "a place where nothing can be made" /proc/clkdrift 'cannot make the directory'
no_start "a name that is too long" "$T/$(printf '%0300d' 0)" 'File name too long'
if [ "$(id -u)" = 0 ] && setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$CLKDRIFT" 2>/dev/null; then
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
elif [ "$(id -u)" != 0 ]; then
	as=(env)
else
	as=()
fi
if [ ${#as[@]} -gt 0 ]; then
	mkdir -m 555 "$T/locked"
	rc=0
	(cd / && "${as[@]}" "$CLKDRIFT" run selftest -d 30s --no-report -o "$T/locked/run" 2>"$T/err") || rc=$?
	chmod 755 "$T"
	is "$rc $(wc -l <"$T/err")" "2 1" "a directory without permission: refused"
	like "$(cat "$T/err")" 'cannot make the directory: Permission denied' "a directory without permission: the reason"
else
	skip "a directory without permission" "an ordinary user cannot reach $CLKDRIFT"
fi
clkdrift run selftest -q -d 1s --no-report -o "$T/new/deep/run"
is "$rc $(jq -r .state "$T/new/deep/run/run.json")" "0 complete" "missing parents are made"

# --- Output that nobody can read ------------------------------------------------------
rc=0
"$CLKDRIFT" run selftest -d 1s --no-report -o "$T/full" >/dev/full 2>"$T/err" || rc=$?
is "$rc $(wc -l <"$T/err")" "2 1" "a full standard output is trouble"
ok "$([ -s "$T/full/verdict.json" ]; echo $?)" "a full standard output: the results are on disk"

# --- A CPU that goes away -------------------------------------------------------------
lost_cpu() { # NAME TAKE GIVE-BACK: shell commands
	local run=$T/cpu-$1 pid
	"$CLKDRIFT" run selftest -c 0,1 -d 5s --no-report -o "$run" >"$T/out" 2>"$T/err" &
	pid=$!
	on_exit "$3"
	sleep 1.5
	eval "$2"
	sleep 1.5
	eval "$3"
	rc=0
	wait $pid || rc=$?
	like "$rc" '^[013]$' "$1: the run goes on to a verdict" "$(cat "$T/err")"
	like "$(cat "$T/out")" 'CPU 1 went offline or out of the allowed set' "$1: told in the text"
	is "$(jq '[.events[] | select(.kind == "cpu-lost" and (.text | test("CPU 1 ")))] | length > 0' "$run/run.json")" true "$1: an event"
	is "$(jq '[.events[] | select(.kind == "cpu-back" and (.text | test("CPU 1 ")))] | length > 0' "$run/run.json")" true "$1: and its end"
	is "$(awk -F, '/^sim/ { if (last && $2 - last > gap) gap = $2 - last; last = $2; if (!first) first = $2 }
		END { print (gap > 0.15 * (last - first)) }' "$run/samples/cpu001.csv")" 1 "$1: a gap in the readings of CPU 1"
	is "$(awk -F, '/^sim/ { if (last && $2 - last > gap) gap = $2 - last; last = $2; if (!first) first = $2 }
		END { print (gap < 0.15 * (last - first)) }' "$run/samples/cpu000.csv")" 1 "$1: none in those of CPU 0"
	clkdrift analyze "$run" --json
	is "$(json '[.drift[].cpu] | unique | join(" ")')" "0 1" "$1: both CPUs are judged"
}
online=/sys/devices/system/cpu/cpu1/online
if [ -w $online ] && [ "$(cat $online)" = 1 ]; then
	lost_cpu "a CPU that goes offline" "echo 0 >$online" "echo 1 >$online"
else
	skip "a CPU that goes offline" "CPU 1 cannot be taken offline here"
fi
cpuset=/sys/fs/cgroup/cpuset
group=$cpuset/clkdrift-test-$$
if [ "$(nproc)" -ge 2 ] && [ -w $cpuset/cpuset.cpus ] && mkdir "$group" 2>/dev/null; then
	on_exit "rmdir $group"
	cat $cpuset/cpuset.mems >"$group/cpuset.mems"
	echo 0-1 >"$group/cpuset.cpus"
	# shellcheck disable=SC2016 # read when it is run
	lost_cpu "a CPU that leaves the allowed set" 'echo $pid >$group/cgroup.procs; echo 0 >$group/cpuset.cpus' \
		'echo 0-1 >$group/cpuset.cpus'
else
	skip "a CPU that leaves the allowed set" "no cpuset of cgroup v1 that can be written"
fi

# --- Never silently absent ------------------------------------------------------------
told() { # NAME KEY: more than none in the JSON, and the same number in the text
	local count
	clkdrift analyze "$run" --json
	count=$(json ".losses.$2")
	like "$count" '^[1-9]' "$1: counted"
	clkdrift analyze "$run"
	like "$out" "[ ,]$count $2" "$1: the same count in the text"
}
run=$T/loss
clkdrift run idle -q --no-report -d 1s --interval 0 --burst 1 --clocks tsc,monotonic_raw -o "$run"
is "$(jq '[.tallies[] | .kept - .dropped] | add' "$run/run.json")" "$(cat "$run"/samples/*.csv | grep -vc '^clock')" \
	"as fast as it goes: what was kept is stored or counted as dropped"
run=$T/odd
clkdrift run idle -q --no-report -d 2s --interval 10ms --burst 1 --clocks monotonic_raw,sim:noise=20:delay=500:early_share=0.1:early=5000:step=-50000000@1 -o "$run"
is "$rc" 1 "a clock that steps back by 50 ms is unstable"
told "inverted brackets" inverted
told "rejected readings" rejected
told "backward steps" backward
like "$out" 'sim went backward (once|[1-9][0-9]* times) on CPU 0' "backward steps: the clock is named"
like "$(jq '[.tallies[].max_backward] | max > 3e7' "$run/run.json")" true \
	"backward steps: the largest is told"
run=$T/late
"$CLKDRIFT" run selftest -q --no-report -d 3s -o "$run" 2>/dev/null &
pid=$!
sleep 1
kill -STOP $pid
sleep 0.5
kill -CONT $pid
wait $pid
told "deadlines missed" late
finish
