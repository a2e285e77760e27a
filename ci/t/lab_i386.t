#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# A guest of another architecture than its host's: what it takes is asked for, and it shares
# memory and clocks with the host like every other.
. ci/t/lib.sh

printf '[scenario]\nsummary = idle\n[phase idle]\nduration = 3s\n' >"$T/idle.ini"

# ---- refused, in one line ----

refused_lab "setup of nothing" 'needs --arch' setup
refused_lab "setup of a configuration" 'takes none of a run or a matrix' setup --arch i386 --config i386-one-vcpu
refused_lab "unknown architecture" 'arch arm: nothing to set up; there is i386' setup --arch arm
refused_lab "run with an architecture" 'goes with lab setup' run --config one-vcpu --arch i386
refused_lab "not set up" "run 'clkdrift lab setup --arch i386'" run --config i386-one-vcpu --scenario "$T/idle.ini" --cache "$T/cache"
mkdir -p "$T/cache/i386/root" && echo >"$T/cache/i386/root/.packages"
refused_lab "no such program" 'program /none: cannot read' run --config i386-one-vcpu --scenario "$T/idle.ini" \
	--cache "$T/cache" --kernel "$T/idle.ini" --program /none
clkdrift list configurations --json
is "$(json '[.configurations[] | select(.arch == "i386")] | length >= 2')" true "list configurations has them"

# ---- a guest ----

# No KVM: where that hangs, the test would wait for it.
data=$T/data program=$PWD/build-i386/clkdrift
mkdir -p "$data/bench" "$data/analysis"
cp "$CLKDRIFT_DATADIR"/analysis/*.csv "$data/analysis"
cp -r "$CLKDRIFT_DATADIR/bench/lab" "$data/bench"
sed -i 's/^arch = i386$/&\naccel = tcg/' "$data/bench/lab/configurations.ini"

why=
for tool in qemu-system-i386 busybox; do
	command -v "$tool" >/dev/null || why="$tool is not installed"
done
if [ ! -e "$program" ]; then
	why="there is no $program; run 'make lab-i386'"
elif [ -n "$(find results probes analysis bench -name '*.[ch]' ! -name '*_test.c' -newer "$program" -print -quit)" ]; then
	why="$program is older than the sources; run 'make lab-i386'"
fi
if [ -z "$why" ]; then
	export CLKDRIFT_DATADIR=$data
	clkdrift lab run --config i386-one-vcpu --scenario "$T/idle.ini" --append clocksource=acpi_pm --program "$program" \
		--no-report --json -o "$T/run"
	if [ "$rc" = 2 ] && grep -qE 'not set up|no guest kernel' "$T/err"; then why=$(head -1 "$T/err"); fi
fi
if [ -n "$why" ]; then
	skip "an i386 guest is booted" "$why"
	finish
fi
[ "$rc" != 2 ]
ok $? "a scenario runs in an i386 guest" "$err$(tail -5 "$T/run/guest/console.log" 2>/dev/null)"
run() { jq -r "$1" "$T/run/run.json"; }
is "$(run '[.state, .host, .scenario] | join(" ")')" "complete lab-i386-one-vcpu idle" "run.json is the guest's"
is "$(run .lab.arch)" i386 "the architecture is recorded"
is "$(run .environment.before.kernel.machine)" i686 "and is the guest's kernel's"
is "$(run .environment.before.clocksource.current)" acpi_pm "the kernel parameter was given to it"
is "$(run '[.clocks[].name | select(startswith("peer"))] | length')" 4 "the host's clocks were read in the guest"
is "$(run '.tallies[] | select(.clock == "peer") | .readings > 0')" true "and answered"
is "$(run '.tallies | map(.inverted) | add')" 0 "no reading ended before it began"
is "$(run .lab.responder.errors)" 0 "the host saw no damaged word"
is "$(run '.peer_environment.kernel.machine')" "$(uname -m)" "the peer's environment is this machine's"
jq -e '.drift[] | select(.clock == "monotonic" and .reference == "peer") | .drift_ppm != null' "$T/out" >/dev/null
ok $? "the guest's monotonic was measured against the host"
clkdrift analyze "$T/run" --json
[ "$rc" != 2 ]
ok $? "the run is analysed again like every other" "$err"
finish
