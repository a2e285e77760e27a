#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# What a lab does to its guest from outside, on request: the guest's clocks must be behind
# the host's by what QEMU says, and nothing is left of two QEMUs.
. ci/t/lib.sh

cat >"$T/events.ini" <<'END'
[scenario]
summary = one of each
[phase pause]
duration = 4s
pause = seconds=1
[phase between]
duration = 3s
[phase migrate]
duration = 6s
migrate =
recovery = 3s
[phase snapshot]
duration = 5s
snapshot = seconds=0.5
[phase host-load]
duration = 3s
host-load = share=50
[phase vcpu-hotplug]
duration = 3s
vcpu-hotplug =
END
export TMPDIR=$T/tmp
mkdir "$TMPDIR"
left() {
	ls "$TMPDIR"
	pgrep -f "(qemu-system|stress-ng).*$T/" || true
}

# ---- not in a lab ----

clkdrift run "$T/events.ini" -d 1s -q --no-report -o "$T/here"
[ "$rc" != 2 ]
ok $? "elsewhere the run goes on without them" "$err"
is "$(jq '[.phases[].name]' -c "$T/here/run.json")" '["between"]' "only the idle phase is left"
is "$(grep -c 'only in a lab guest' "$T/here/run.json")" 5 "with the reason"

why=
for tool in qemu-system-x86_64 busybox iasl stress-ng apt-get dpkg pgrep; do
	command -v "$tool" >/dev/null || why="$tool is not installed"
done
if [ -n "$why" ]; then
	skip "events in a guest" "$why"
	finish
fi

# ---- in a lab ----

clkdrift lab run --config spare-vcpu --scenario "$T/events.ini" --append clocksource=kvm-clock --no-report --json -o "$T/run"
if [ "$rc" = 2 ] && grep -q 'no guest kernel' "$T/err"; then
	skip "events in a guest" "$(head -1 "$T/err")"
	finish
fi
[ "$rc" != 2 ]
ok $? "a run with events from outside" "$err$(tail -5 "$T/run/guest/console.log" 2>/dev/null)"

# KVM has that clock, TCG has not.
asked=$(json '.verdict.reasons[] | select(contains("clocksource=kvm-clock: without effect"))')
is "$(jq -r .lab.accelerator.used "$T/run/run.json") ${asked:+told}" "$(jq -r '
	if .environment.before.clocksource.current == "kvm-clock" then "kvm " else "tcg told" end' "$T/run/run.json")" \
	"clocksource=kvm-clock is without effect where there is no KVM, and that is told"

evidence() { jq -r ".phases[] | select(.name == \"$1\").disturbances[0].evidence" "$T/run/run.json"; }
for event in pause migrate snapshot; do
	is "$(jq ".phases[] | select(.name == \"$event\").disturbances[0].observed" "$T/run/run.json")" true \
		"$event: it was seen in the guest"
	is "$(jq "[.events[] | select(.kind == \"$event\" and .injected)] | length" "$T/run/run.json")" 1 "$event: one event"
	said=$(evidence "$event")
	say "$event: $said"
	# CPU, phase, clock, reference, at_s, step_ns
	step=$(awk -F, -v e="$event" '$2 == e && $3 == "tsc" && $4 == "peer" { print $6 }' "$T/run/steps.csv")
	stopped=$(sed -nE 's/.*(stopped for|set back by) ([0-9.]+) s.*/\2/p' <<<"$said")
	say "$event: step of the TSC against the host's clock: ${step:-none} ns"
	awk -v step="${step:-0}" -v stopped="${stopped:-0}" 'BEGIN {
		apart = step / 1e9 + stopped
		exit !(stopped > 0 && apart < 0.005 && apart > -0.005)
	}'
	ok $? "$event: the TSC is behind the host by what QEMU says, within 5 ms" "$step ns and $stopped s"
	is "$(awk -F, -v e="$event" '$2 == e && $3 == "monotonic" && !/",yes,/' "$T/run/steps.csv")" "" \
		"$event: the step is not held against the guest's clocks"
done
like "$(evidence migrate)" 'QMP says a downtime of [0-9]+ ms, [0-9]+ ms in all' "QEMU's own numbers of the migration"
like "$(evidence snapshot)" 'of which it ran 0\.[5-9][0-9]+ s that are lost|of which it ran [1-9]' "what the guest lost is told"
say "host-load: $(evidence host-load)"
taken=$(evidence host-load | sed -nE 's/.*on the host it took ([0-9.]+) % of CPU.*/\1/p')
awk -v taken="${taken:-0}" 'BEGIN { exit !(taken > 1) }'
ok $? "host-load: the host counts CPU time that stress-ng took" "$(evidence host-load)"
like "$(evidence host-load)" 'the vCPUs waited [0-9.]+ s of [0-9.]+ s for a CPU' "and the time that the vCPUs had to wait"
say "vcpu-hotplug: $(evidence vcpu-hotplug)"
is "$(jq '.phases[] | select(.name == "vcpu-hotplug").disturbances[0].observed' "$T/run/run.json")" true \
	"vcpu-hotplug: a vCPU was plugged in, online, and given back"
is "$(jq -c '[.events[] | select(.kind == "cpu-hotplug").text]' "$T/run/run.json")" \
	'["vCPU 1 plugged in and online","vCPU 1 taken out"]' "vcpu-hotplug: both are events"
like "$(tr -d '\0\r' <"$T/run/guest/console.log" | tail -1)" 'Power down' "the console goes on over the migration"
grep -q 'Linux version' "$T/run/guest/console.log"
ok $? "and has its beginning"
is "$(left)" "" "no process and no directory is left"
finish
