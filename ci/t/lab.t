#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# A guest that is really booted: its run directory, its kernel parameters, and that nothing
# of it is left however the lab ends.
. ci/t/lib.sh

printf '[scenario]\nsummary = idle\n[phase idle]\nduration = 5s\n' >"$T/idle.ini"
export TMPDIR=$T/tmp
mkdir "$TMPDIR"

# Of our own labs: their private directories, and QEMUs that have their paths in the command line.
left() {
	ls "$TMPDIR"
	pgrep -f "qemu-system.*$T/" || true
}

# ---- what is refused before anything is begun ----

refused_lab "no action" 'too few arguments'
refused_lab "unknown action" 'unknown action "walk"' walk
refused_lab "no configuration" 'needs --config' run
refused_lab "unknown configuration" 'no configuration "none".*list configurations' run --config none
refused_lab "unknown scenario" 'no scenario "none"' run --config one-vcpu --scenario none
refused_lab "no such kernel" '/none: cannot read' run --config one-vcpu --scenario "$T/idle.ini" --kernel /none
refused_lab "modules without their kernel" 'goes with --kernel' run --config one-vcpu --modules /lib
refused_lab "a control character" 'control character' run --config one-vcpu --append $'a\tb'
is "$(left)" "" "and nothing is left of these"
clkdrift list configurations --json
is "$(json '.configurations | map(select(.summary != "")) | length >= 5')" true "list configurations"

why=
for tool in qemu-system-x86_64 busybox iasl apt-get dpkg pgrep; do
	command -v "$tool" >/dev/null || why="$tool is not installed"
done
if [ -n "$why" ]; then
	skip "a guest is booted" "$why"
	finish
fi

# ---- a guest ----

before=$(lab_shared)
clkdrift lab run --config one-vcpu --scenario "$T/idle.ini" --append "clock=pmtmr clocksurce=acpi_pm notsc" \
	--no-report --json -o "$T/run"
if [ "$rc" = 2 ] && grep -q 'no guest kernel' "$T/err"; then
	skip "a guest is booted" "$(head -1 "$T/err")"
	finish
fi
[ "$rc" != 2 ]
ok $? "a scenario runs in a guest" "$err$(tail -5 "$T/run/guest/console.log" 2>/dev/null)"
jq -e . "$T/out" >/dev/null
ok $? "the outcome is JSON"
run() { jq -r "$1" "$T/run/run.json"; }
is "$(run '[.state, .host, .scenario] | join(" ")')" "complete lab-one-vcpu idle" "run.json is the guest's"
is "$(run .environment.before.clocksource.current)" acpi_pm "the kernel parameter was given to it"
is "$(run '.lab | [.configuration, .append] | join(" ")')" "one-vcpu clock=pmtmr clocksurce=acpi_pm notsc" "and is recorded"
like "$(run .lab.accelerator.used)" '^(kvm|tcg)$' "the accelerator is recorded"
is "$(run '.lab.accelerator | .used == "kvm" or (.reason | length > 0)')" true "with the reason if it is not the first choice"
is "$(run '.lab.boot_s > 0')" true "the time of the boot"
is "$(run .environment.before.kernel.release)" "$(run .lab.kernel.release)" "the kernel is the one that was asked for"
is "$(run .peer_environment.boot_id)" "$(cat /proc/sys/kernel/random/boot_id)" "the peer's environment is this machine's"
is "$(run '.environment.before.boot_id == .peer_environment.boot_id')" false "and not the guest's"
is "$(run '[.clocks[].name | select(startswith("peer"))] | length')" 4 "the host's clocks were read in the guest"
is "$(run '.tallies[] | select(.clock == "peer") | .readings > 0')" true "and answered"
is "$(run .lab.responder.errors)" 0 "without an error"
grep -q 'Linux version' "$T/run/guest/console.log" && grep -q 'Linux version' "$T/run/guest/dmesg.log"
ok $? "the console and the kernel log are kept"
is "$(left)" "" "no process and no directory is left"
is "$(lab_shared)" "$before" "and no shared memory"
clkdrift analyze "$T/run" --json
[ "$rc" != 2 ]
ok $? "the run is analysed again like every other" "$err"
like "$(json '.verdict.reasons[]')" '^kernel parameter clocksurce=acpi_pm: unknown: the kernel says' "the misspelt parameter is told"
clkdrift report "$T/run"
for parameter in "clock=pmtmr</td><td>deprecated alias" "notsc</td><td>deprecated alias" "clocksurce=acpi_pm</td><td>✗ unknown"; do
	grep -qF "<td class=\"w\">$parameter</td>" "$T/run/report.html"
	ok $? "the report says what came of it: ${parameter/<*>/: }" "$(grep -F '<td class="w">cl' "$T/run/report.html")"
done

# ---- that goes wrong ----

clkdrift lab run --config one-vcpu --scenario "$T/idle.ini" --append "rdinit=/none" -o "$T/panic"
is "$rc" 2 "a guest that panics: exit code 2"
like "$err" 'panicked: Kernel panic' "its panic is told"
like "$err" "$T/panic" "and where its console is"
is "$(left)" "" "nothing of it is left"

for signal in INT TERM KILL; do
	start lab run --config one-vcpu --scenario "$T/idle.ini" -q -o "$T/$signal"
	booting="grep -q 'Linux version' '$T/$signal/guest/console.log' 2>/dev/null"
	await "$booting" || await "$booting"
	ok $? "SIG$signal: the guest is on its way"
	# From here on QEMU alone has the files; KVM may have to be given up first.
	hidden="[ -z \"\$(ls '$TMPDIR')\" ]"
	await "$hidden" || await "$hidden"
	kill -s "$signal" "$pid"
	ended
	await "[ -z \"\$(left)\" ]"
	ok $? "SIG$signal: no process and no directory is left" "$(left)"
	is "$(lab_shared)" "$before" "SIG$signal: no shared memory"
done
[ ! -e "$T/INT" ] && [ ! -e "$T/TERM" ]
ok $? "an interrupted lab leaves no run directory"
finish
