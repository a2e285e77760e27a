#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# Real, short runs: what they leave on disk, how they end, and what they cost.
. ci/t/lib.sh

files() { (cd "$1" && find . -type f | sort | xargs); }

# ---- a run as anybody would make it ----

cpus=$(nproc)
clkdrift run -d 2s --json --no-report -o "$T/run" --seed 42
[ "$rc" != 2 ]
ok $? "a run of 2 s" "$err"
is "$err" "" "says nothing on stderr"
jq -e . "$T/out" >/dev/null
ok $? "and prints JSON"
cp "$T/out" "$T/first"
wanted="./drift.csv ./effects.csv ./evidence.csv ./phases.csv ./run.json $(cd "$T/run" && find . -path './samples/*' | sort | xargs) ./stability.csv ./steps.csv ./verdict.json"
if [ "$cpus" -gt 1 ]; then wanted="./crosscpu.csv $wanted"; fi
is "$(files "$T/run")" "$wanted" "the directory holds what DESIGN.md says, and no more"
is "$(find "$T/run/samples" -name 'cpu*.csv' | wc -l)" "$cpus" "one sample file for each CPU that may be used"
empty=0
for file in "$T"/run/samples/cpu*.csv; do
	for clock in $(jq -r '.clocks[] | select(.cadence != "slow") | .name' "$T/run/run.json"); do
		grep -q "^$clock," "$file" || empty=$((empty + 1))
	done
done
is "$empty" 0 "every clock was sampled on every CPU"
is "$(jq -r '[.state, .schema, .config.seed] | join(" ")' "$T/run/run.json")" "complete 1 42" "run.json is complete"
names=$(jq -r '(.clocks + .unavailable)[].name' "$T/run/run.json" | sort | xargs)
"$CLKDRIFT" list clocks --json | jq -r '.clocks[] | select(.default) | .name' | sort | xargs >"$T/names"
is "$names" "$(cat "$T/names")" "each clock is sampled or listed as unavailable"
is "$(jq '[.unavailable[] | select((.reason // "") == "")] | length' "$T/run/run.json")" 0 "with its reason"

clkdrift analyze "$T/run" --json
cmp "$T/first" "$T/out"
ok $? "analyze --json gives the same numbers"
mkdir "$T/kept"
(cd "$T/run" && mv drift.csv stability.csv steps.csv effects.csv phases.csv verdict.json "$T/kept")
clkdrift analyze "$T/run" --json
cmp "$T/first" "$T/out"
ok $? "and without the derived files, too"
for file in drift.csv stability.csv steps.csv effects.csv phases.csv verdict.json; do
	cmp "$T/kept/$file" "$T/run/$file"
	ok $? "$file is made again bit for bit"
done

# ---- where it goes ----

mkdir "$T/cwd"
for _ in 1 2 3; do
	(cd "$T/cwd" && "$CLKDRIFT" run -d 0.1s --clocks sim --no-report -q </dev/null) || true
done
dirs=$(cd "$T/cwd/results/runs" && find . -mindepth 1 -maxdepth 1 | sort)
is "$(wc -l <<<"$dirs")" 3 "three runs, three directories under results/runs"
is "$(grep -vcE "^\./[0-9]{8}T[0-9]{6}Z-$(uname -n)-quick(-[23])?\$" <<<"$dirs")" 0 "named by time, host and scenario"
clkdrift run -d 0.1s --clocks sim --no-report -q -o "$T/new/deep/run"
[ -f "$T/new/deep/run/run.json" ]
ok $? "-o makes the directories above it"

# ---- options ----

first_cpu=$(find "$T/run/samples" -name 'cpu*.csv' | sort | head -1)
cpu=$((10#$(basename "$first_cpu" .csv | tr -dc 0-9)))
clkdrift run -d 0.5s -c $cpu --clocks monotonic,tsc --burst 1 --no-report -q -o "$T/one"
is "$(find "$T/one/samples" -type f)" "$T/one/samples/$(basename "$first_cpu")" "--cpus: that CPU alone"
is "$(jq '[.tallies[] | select(.readings != .kept)] | length' "$T/one/run.json")" 0 "--burst 1 keeps every reading"
is "$(cut -d, -f1 "$first_cpu" | tail -n +2 | sort -u | wc -l)" \
	"$(jq '[.clocks[] | select(.cadence != "slow")] | length' "$T/run/run.json")" "--clocks left out: all of them"
clkdrift run -d 2.5s --interval 1s --clocks monotonic --no-report -q -o "$T/slow"
rows=$(grep -c '^monotonic,' "$T/slow/samples/$(basename "$first_cpu")")
# Two or three; a machine that is busy elsewhere may miss some.
[ "$rows" -ge 1 ] && [ "$rows" -le 3 ]
ok $? "--interval 1s: no more than three readings in 2.5 s" "$rows"
start run -d 1s --interval 1h --clocks monotonic --no-report -q -o "$T/hour"
ended
[ "$rc" != 0 ] && [ "$rc" -le 3 ]
ok $? "a run that ends before its first deadline ends on time, and is not stable" "exit code $rc"

# ---- a machine that cannot keep up: more probes than CPUs, back to back ----

HWLOC_SYNTHETIC="core:16 pu:1" clkdrift run idle -d 1s --interval 0 --burst 1 --clocks sim --no-report --json -o "$T/flood"
rows=$(cat "$T"/flood/samples/cpu*.csv | grep -c '^sim,')
kept=$(jq '[.tallies[].kept] | add' "$T/flood/run.json")
dropped=$(jq '[.tallies[].dropped // 0] | add' "$T/flood/run.json")
is "$((rows + dropped))" "$kept" "readings kept = rows on disk + dropped ($dropped of $kept)"
is "$(jq '.losses.dropped // 0' "$T/flood/verdict.json")" "$dropped" "and the verdict tells of them"

# ---- memory ----

start run idle -d 1h --interval 0 --burst 1 --clocks monotonic --no-report -q -o "$T/memory"
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"; }
size() { cat "$T"/memory/samples/cpu*.csv 2>/dev/null | wc -c; }
# shellcheck disable=SC2016 # expanded by await, again and again
more_than='[ "$(size)" -gt'
await "$more_than 4000000 ]"
rss_early=$(rss)
await "$more_than 24000000 ]"
rss_late=$(rss) size_late=$(size)
kill -KILL "$pid"
ended
# 20 MB went to disk meanwhile; a tenth of that would show if any of it stayed.
[ "$size_late" -gt 24000000 ] && [ $((rss_late - rss_early)) -lt 2000 ]
ok $? "memory stays as it is while readings go to disk" "$rss_early KiB, then $rss_late KiB at $size_late bytes"
is "$(jq -r .state "$T/memory/run.json")" running "a killed run says that it did not end"
clkdrift analyze "$T/memory" --json
[ "$rc" != 2 ] && [ "$(json '[.drift[].n] | add')" != 0 ]
ok $? "and can be analysed" "$err"
rm -rf "$T/memory" "$T/flood"

# ---- signals ----

for signal in INT TERM HUP; do
	dir="$T/sig$signal"
	start run -d 1h --interval 1ms --clocks monotonic,monotonic_raw --no-report -o "$dir"
	await "[ \"\$(cat $dir/samples/cpu*.csv 2>/dev/null | wc -l)\" -gt 200 ]"
	kill -$signal "$pid"
	ended
	[ "$rc" != 2 ] && [ "$rc" -le 3 ]
	ok $? "SIG$signal ends the run with a verdict" "exit code $rc: $(cat "$T/err")"
	is "$(jq -r .state "$dir/run.json")" interrupted "run.json says so"
	like "$(cat "$T/out")" '^verdict: ' "and the verdict is printed"
	[ -s "$dir/verdict.json" ]
	ok $? "and stored"
done
start run -d 1h --interval 30m --clocks monotonic --no-report -q -o "$T/sigwait"
await "[ -s $T/sigwait/run.json ]"
kill -TERM "$pid"
ended
[ "$rc" -le 3 ]
ok $? "a wait of half an hour ends at once" "exit code $rc"
start run -d 1h --clocks monotonic --no-report -q -o "$T/twice"
await "[ -s $T/twice/run.json ]"
kill -INT "$pid"
kill -INT "$pid" 2>/dev/null || true
kill -TERM "$pid" 2>/dev/null || true
ended
is "$(jq -r .state "$T/twice/run.json")" interrupted "more signals at once do not spoil the run"
# nohup: a hang-up must not end it.
perl -e '$SIG{HUP} = "IGNORE"; exec @ARGV or exit 127' -- \
	"$CLKDRIFT" run -d 1.5s --clocks monotonic --no-report -q -o "$T/nohup" </dev/null >"$T/out" 2>"$T/err" &
pid=$!
await "[ -s $T/nohup/run.json ]"
kill -HUP "$pid"
ended
is "$(jq -r .state "$T/nohup/run.json")" complete "a signal that is ignored stays ignored"

# ---- a CPU that is taken away while it runs ----

if [ "$cpus" -gt 1 ] && [ -n "$(command -v taskset)" ]; then
	start run -d 3s --clocks monotonic --no-report -q -o "$T/moved"
	await "[ \"\$(cat $T/moved/samples/cpu*.csv 2>/dev/null | wc -l)\" -gt 100 ]"
	# From outside a probe can be pushed off its CPU as a cpuset or hot-unplug would do it.
	pushed=$(for task in /proc/"$pid"/task/*; do
		[ "$(taskset -p "$(basename "$task")" | awk '{ print $NF }')" != "$(printf '%x' $((1 << cpu)))" ] || basename "$task"
	done)
	for task in $pushed; do
		for other in $(seq 0 63); do
			[ "$other" = "$cpu" ] || ! taskset -cp "$other" "$task" >/dev/null 2>&1 || break
		done
	done
	ended
	like "$(jq -r '.events[]? | .kind' "$T/moved/run.json" | xargs)" '^cpu-lost cpu-back' \
		"a probe that was pushed off its CPU tells, and comes back"
else
	skip "a probe that was pushed off its CPU" "one CPU, or no taskset"
fi

# ---- nobody in particular ----

if [ "$(id -u)" = 0 ]; then
	chmod 755 "$T"
	mkdir -m 777 "$T/user"
	cp "$CLKDRIFT" "$T/user/clkdrift"
	cp -r analysis bench "$T/user" 2>/dev/null
	(cd "$T/user" && CLKDRIFT_DATADIR=$T/user setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all \
		./clkdrift run -d 1s --no-report -q -o "$T/user/run" </dev/null >"$T/out" 2>"$T/err")
	rc=$?
	[ "$rc" != 2 ]
	ok $? "an ordinary user can run it" "exit code $rc: $(cat "$T/err")"
	is "$(jq -r '[.cpus[].scheduler] | unique | join(" ")' "$T/user/run/run.json")" other "without real-time priority"
	[ "$(jq '[.tallies[].kept] | add' "$T/user/run/run.json")" -gt 0 ]
	ok $? "and gets readings"
else
	skip "an ordinary user can run it" "this is one already"
fi
finish
