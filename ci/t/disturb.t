#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# Disturbances on the real machine: done, seen, judged, and undone on every way out.
# shellcheck disable=SC2016 # what await is given, it expands itself
. ci/t/lib.sh

SEED=${SEED:-$$}
echo "# SEED=$SEED repeats the random moments"
RANDOM=$SEED
root=$([ "$(id -u)" = 0 ] && echo yes || echo no)
clocksource=/sys/devices/system/clocksource/clocksource0

# All that a disturbance may change, one line each.
snapshot() {
	local file
	for file in "$clocksource"/current_clocksource /sys/devices/system/cpu/online \
		/sys/devices/system/cpu/cpu*/cpuidle/state*/disable \
		/sys/devices/system/cpu/cpu*/cpufreq/scaling_{governor,min_freq,max_freq} \
		/sys/devices/system/cpu/cpufreq/boost /sys/devices/system/cpu/intel_pstate/no_turbo; do
		if [ -r "$file" ]; then echo "$file $(cat "$file")"; fi
	done
	echo "adjtimex $("$BUILD/ci/adjtimex" get)"
	echo "stress-ng $(pgrep -c -r R,S,D,T stress-ng)"
	echo "journal $(ls /run/clkdrift 2>/dev/null)"
}
# realtime - monotonic in ns; it changes only when the time is set.
settings_ns() {
	perl -MTime::HiRes=clock_gettime -e 'my $best; for (1 .. 50) { my $a = clock_gettime(1); my $r = clock_gettime(0); my $b = clock_gettime(1);
		my $w = $b - $a; $best = [$w, $r - ($a + $b) / 2] if !$best || $w < $best->[0]; } printf "%.0f\n", $best->[1] * 1e9'
}
run_json() { jq -r "$1" "$T/run/run.json"; }
# Of drift.csv: column COLUMN of CLOCK in PHASE on the first CPU.
drift() { # PHASE CLOCK COLUMN
	perl -e 'my ($phase, $clock, $column, $file) = @ARGV; open my $in, "<", $file or die; my @head = split /,/, <$in>; chomp @head;
		while (<$in>) { chomp; my %r; my @f; push @f, defined $1 ? $1 : $2 while /\G(?:"([^"]*)"|([^,]*))(?:,|$)/g; @r{@head} = @f;
		if ($r{phase} eq $phase && $r{clock} eq $clock) { print "$r{$column}\n"; exit } }' -- "$1" "$2" "$3" "$T/run/drift.csv"
}
within() { # VALUE WANTED TOLERANCE NAME
	perl -e 'exit !(length $ARGV[0] && abs($ARGV[0] - $ARGV[1]) <= $ARGV[2])' -- "$1" "$2" "$3"
	ok $? "$4" "got '$1', wanted $2 +- $3"
}

# ---- scenarios that are refused: one line, exit 2, nothing changed ----

before=$(snapshot)
refuse() { # NAME LINE REGEX TEXT
	printf '%b' "$4" >"$T/bad.ini"
	clkdrift run "$T/bad.ini" -o "$T/none"
	like "$rc $(wc -l <"$T/err") $err" "^2 1 clkdrift: $T/bad.ini:$2: .*$3" "$1"
	[ ! -e "$T/none" ]
	ok $? "$1: no run was begun"
}
refuse "an unknown key" 3 "wobble" '[phase a]\nduration = 5s\nwobble = 1\n'
refuse "a bad duration" 2 "not a time" '[phase a]\nduration = soon\n'
refuse "a phase of zero length" 2 "not a time above 0" '[phase a]\nduration = 0s\n'
refuse "a phase without a duration" 3 "has no duration" '[phase a]\nduration = 1s\n[phase b]\n'
refuse "a disturbance that does not exist" 3 "nor a disturbance" '[phase a]\nduration = 5s\nearthquake = 8\n'
refuse "a bad parameter" 3 "share" '[phase a]\nduration = 5s\nload = share=200\n'
is "$(snapshot)" "$before" "nothing was changed"

# ---- the plan ----

clkdrift run full --dry-run
is "$rc" 0 "full --dry-run" "$err"
like "$out" "load: .*CPU" "tells what it would do"
like "$out" "nothing was done" "and that it did not"
clkdrift run full --dry-run --json
is "$(jq -r '[.phases[] | select(.possible | not) | .disturbances[] | select((.possible | not) and ((.reason // "") == ""))] | length' "$T/out")" 0 \
	"what this machine cannot do has a reason"
is "$(snapshot)" "$before" "a plan changes nothing"
printf '[phase both]\nduration = 5s\nhotplug =\nload = class=cpu share=50\n' >"$T/both.ini"
if clkdrift run full --dry-run && grep -q '^[^ ]* .* hotplug: takes CPU' <<<"$out" && ! grep -A 1 ' hotplug: ' <<<"$out" | grep -q 'not here'; then
	clkdrift run "$T/both.ini" --dry-run
	like "$rc $err" "^2 clkdrift: phase both: hotplug takes away CPU [0-9]+, which load needs" "a CPU is taken away from what needs it: refused"
	printf '[phase both]\nduration = 5s\nhotplug =\nmigrate-thread =\n' >"$T/both.ini"
	clkdrift run "$T/both.ini" --dry-run
	like "$rc $err" "^2 clkdrift: phase both: hotplug takes away CPU [0-9]+, which migrate-thread needs" "and from probes that are to move there"
else
	skip "a CPU is taken away from what needs it" "no CPU here can go offline"
	skip "and from probes that are to move there" "no CPU here can go offline"
fi
clkdrift list disturbances
like "$out" "^load " "list disturbances"

# ---- load: the evidence decides ----

printf '[phase idle]\nduration = 2s\n[phase busy]\nduration = 3s\nload = class=cpu share=50\n' >"$T/load.ini"
rm -rf "$T/run"
clkdrift run "$T/load.ini" -q --no-report -o "$T/run"
like "$rc" "^[013]$" "a load of 50 %" "$err"
observed=$(run_json '.phases[1].disturbances[0].observed')
like "$(run_json '.phases[1].disturbances[0].evidence')" "CPU 0" "says what was taken"
status=$(grep -c '^busy,.*,none,' "$T/run/phases.csv")
is "$([ "$status" = 1 ] && echo false || echo true)" "$observed" "no evidence, no verdict"
is "$(snapshot)" "$before" "no stress-ng is left"
PATH=/nonexistent "$CLKDRIFT" run "$T/load.ini" -q --no-report -o "$T/nostress" >"$T/out" 2>"$T/err"
like "$(jq -r '.skipped[0].reason' "$T/nostress/run.json")" "stress-ng" "without stress-ng the phase is left out, with the reason"
is "$(jq -r '[.phases[].name] | join(" ")' "$T/nostress/run.json")" "idle" "and the other one is measured"

if [ "$root" = no ]; then
	skip "disturbances that change the machine" "needs root"
	finish
fi

# ---- a known wrong clock ----

# The truths below are those of a clock that nothing steers; whatever stands there is put back at the end.
found=$("$BUILD/ci/adjtimex" get)
on_exit "\"$BUILD/ci/adjtimex\" put $found"
# shellcheck disable=SC2086 # three numbers
"$BUILD/ci/adjtimex" put 0 10000 "${found##* }"
before=$(snapshot)

cat >"$T/slew.ini" <<-'END'
	[scenario]
	summary = a known wrong clock
	clocks = monotonic,monotonic_raw,realtime
	[phase before]
	duration = 6s
	[phase fast]
	duration = 6s
	slew = freq=50
	[phase between]
	duration = 6s
	[phase step]
	duration = 6s
	slew = step=10ms
	[phase after]
	duration = 6s
END
settings=$(settings_ns)
rm -rf "$T/run"
clkdrift run "$T/slew.ini" -q --no-report -o "$T/run"
like "$rc" "^[013]$" "a slew of +50 ppm and a step of 10 ms" "$err"
is "$(run_json '[.phases[].disturbances[]?.observed] | join(" ")')" "true true" "both were observed"
within "$(drift fast monotonic drift_ppm)" 50 0.005 "+50 ppm within 5 ppb in that phase"
base=$(drift before monotonic drift_ppm)
within "$base" 0 0.001 "0 within 1 ppb before it"
within "$(drift between monotonic drift_ppm)" 0 0.001 "0 within 1 ppb behind it"
is "$(tail -n +2 "$T/run/steps.csv" | grep -c '[",]monotonic[",]')" 0 "monotonic did not step"
realtime=$(grep -c '[",]realtime[",]' "$T/run/steps.csv")
is "$realtime" "$(nproc)" "realtime stepped once on each CPU"
perl -ne 'BEGIN { $bad = 0 } next if $. == 1; my @f = split /,/; $bad++ if abs($f[5] - 10e6) > 1000; END { exit $bad != 0 }' "$T/run/steps.csv"
ok $? "by 10 ms within 1 us" "$(cat "$T/run/steps.csv")"
like "$(cat "$T/run/steps.csv")" "settime" "and its cause is known"
within "$(settings_ns)" "$settings" 2000 "the step was taken back exactly"
is "$(snapshot)" "$before" "the machine is as before"

# ---- clocksource ----

if [ "$(wc -w <"$clocksource/available_clocksource")" -lt 2 ]; then
	skip "toggling the clocksource" "the kernel offers only one"
else
	printf '[phase idle]\nduration = 3s\n[phase toggle]\nduration = 4s\nclocksource = toggle rate=10\n[phase after]\nduration = 3s\n' >"$T/clocksource.ini"
	rm -rf "$T/run"
	clkdrift run "$T/clocksource.ini" -q --no-report -o "$T/run"
	like "$rc" "^[013]$" "toggling the clocksource at 10 Hz" "$err"
	like "$(run_json '.phases[1].disturbances[0].evidence')" "[0-9]+ switches" "lists its switches as evidence"
	events=$(run_json '[.events[] | select(.kind == "clocksource")] | length')
	[ "$events" -ge 20 ]
	ok $? "each is an event" "$events events"
	like "$(grep ^toggle, "$T/run/phases.csv")" "monotonic.*backward" \
		"says whether monotonic went backward, and whether steps came with a switch"
	is "$(snapshot)" "$before" "the clocksource is as before"
fi

# ---- what the kernel forgets of a CPU that goes offline ----

state=$(ls -d /sys/devices/system/cpu/cpu[1-9]*/cpuidle/state*/disable 2>/dev/null | tail -n 1)
cpu=$(grep -oE 'cpu[0-9]+/' <<<"$state" | tr -dc 0-9)
if [ -z "$state" ] || [ ! -w "/sys/devices/system/cpu/cpu$cpu/online" ]; then
	skip "a disabled idle state of a CPU that goes offline" "no CPU here has both"
else
	found=$(cat "$state")
	on_exit "echo $found >$state"
	echo 1 >"$state"
	printf '[phase off]\nduration = 1500ms\nhotplug = rate=2 cpu=%s\n' "$cpu" >"$T/hotplug.ini"
	rm -rf "$T/run"
	clkdrift run "$T/hotplug.ini" -q --no-report -o "$T/run"
	like "$rc" "^[013]$" "a CPU goes offline whose deepest idle state is disabled" "$err"
	is "$(cat "$state")" 1 "it is disabled as before"
	echo "$found" >"$state"
fi

# ---- a second run that changes the machine, and one that does not ----

cat >"$T/all.ini" <<-'END'
	[phase idle]
	duration = 300ms
	[phase slew]
	duration = 1s
	slew = freq=20
	cstate = toggle rate=20
	[phase step]
	duration = 1s
	slew = step=3ms
	load = share=30
	[phase source]
	duration = 1s
	clocksource = toggle rate=20
	[phase hotplug]
	duration = 1s
	hotplug = rate=2
	[phase cpufreq]
	duration = 1s
	cpufreq = toggle rate=5
	[phase long]
	duration = 60s
	slew = freq=-30
	load = share=30
END
start run "$T/all.ini" -q --no-report -o "$T/first"
await "[ -s /run/clkdrift/journal ]"
clkdrift run "$T/slew.ini" -q --no-report -o "$T/second"
like "$rc $(wc -l <"$T/err") $err" "^2 1 clkdrift: another run that changes this machine" "a second one is refused"
[ ! -e "$T/second" ]
ok $? "and leaves no directory"
clkdrift restore
like "$rc $err" "^2 clkdrift: a run is under way" "restore keeps its hands off a living run"
kill -TERM "$pid"
ended
like "$rc" "^[013]$" "the first one ends by SIGTERM, and is judged" "$(cat "$T/err")"
is "$(snapshot)" "$before" "and the machine is as before"

# ---- SIGTERM and others at random moments ----

signals=(TERM TERM TERM TERM TERM TERM TERM TERM TERM TERM INT HUP QUIT SEGV)
for i in "${!signals[@]}"; do
	ms=$((200 + RANDOM % 6000))
	start run "$T/all.ini" -q --no-report -o "$T/signal$i"
	sleep "$((ms / 1000)).$(printf '%03d' $((ms % 1000)))"
	kill "-${signals[i]}" "$pid"
	ended
	await '[ "$(snapshot)" = "$before" ]'
	is "$(snapshot)" "$before" "SIG${signals[i]} after $ms ms: the machine is as before"
done
within "$(settings_ns)" "$settings" 4000 "and the time too"

# ---- SIGKILL: the keeper puts back; when it is killed too, restore does ----

for i in 1 2 3; do
	ms=$((500 + RANDOM % 5000))
	start run "$T/all.ini" -q --no-report -o "$T/kill$i"
	sleep "$((ms / 1000)).$(printf '%03d' $((ms % 1000)))"
	kill -9 "$pid"
	ended
	await '[ "$(snapshot)" = "$before" ]'
	is "$(snapshot)" "$before" "SIGKILL after $ms ms: the keeper put the machine back"
done
# In the phase called long: adjtimex is away from what it was, and stress-ng runs.
start run "$T/all.ini" -q --no-report -o "$T/killed"
await 'jq -e "[.phases[] | select(.name == \"long\")] | length == 1" "$T/killed/run.json" >/dev/null 2>&1'
keeper=$(pgrep -P "$pid" -x clkdrift-keeper)
kill -9 "$keeper" "$pid"
ended
await 'snapshot | grep -qxF "$(grep ^stress-ng <<<"$before")"'
ok $? "no stress-ng outlives a killed run"
[ "$("$BUILD/ci/adjtimex" get)" != "$(sed -n 's/^adjtimex //p' <<<"$before")" ]
ok $? "run and keeper killed: adjtimex is still changed"
clkdrift run "$T/slew.ini" -q --no-report -o "$T/second"
like "$rc $(wc -l <"$T/err") $err" "^2 1 clkdrift: .*clkdrift restore" "a run that changes the machine refuses to start"
clkdrift restore
like "$rc $(tail -n 1 "$T/out")" "^0 .*undone" "restore"
is "$(snapshot)" "$before" "the machine is as before"
clkdrift restore
is "$rc $out" "0 nothing to restore" "a second restore finds nothing"

# ---- everything, as a user would ----

rm -rf "$T/run"
clkdrift run full -d 25s -q -o "$T/run"
like "$rc" "^[013]$" "run full" "$err"
is "$(snapshot)" "$before" "the machine is as before"
within "$(settings_ns)" "$settings" 6000 "and the time too"
is "$(run_json '[.skipped[] | select((.reason // "") == "")] | length')" 0 "what was skipped has a reason"
xmllint --noout --html "$T/run/report.html" 2>/dev/null
ok $? "the report is drawn"

finish
