#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# What a lab does to its guest from outside, on request: the guest's clocks must be behind
# the host's by what QEMU says, and nothing is left of two QEMUs.
. ci/t/lib.sh

cat >"$T/events.ini" <<'END'
[scenario]
summary = a pause, then a migration
[phase pause]
duration = 4s
pause = seconds=1
[phase between]
duration = 3s
[phase migrate]
duration = 6s
migrate =
recovery = 3s
END
export TMPDIR=$T/tmp
mkdir "$TMPDIR"
left() {
	ls "$TMPDIR"
	pgrep -f "qemu-system.*$T/" || true
}

# ---- not in a lab ----

clkdrift run "$T/events.ini" -d 1s -q --no-report -o "$T/here"
[ "$rc" != 2 ]
ok $? "elsewhere the run goes on without them" "$err"
is "$(jq '[.phases[].name]' -c "$T/here/run.json")" '["between"]' "only the idle phase is left"
is "$(grep -c 'only in a lab guest' "$T/here/run.json")" 2 "with the reason"

why=
for tool in qemu-system-x86_64 busybox iasl apt-get dpkg pgrep; do
	command -v "$tool" >/dev/null || why="$tool is not installed"
done
if [ -n "$why" ]; then
	skip "events in a guest" "$why"
	finish
fi

# ---- in a lab ----

clkdrift lab run --config one-vcpu --scenario "$T/events.ini" --no-report --json -o "$T/run"
if [ "$rc" = 2 ] && grep -q 'no guest kernel' "$T/err"; then
	skip "events in a guest" "$(head -1 "$T/err")"
	finish
fi
[ "$rc" != 2 ]
ok $? "a run with events from outside" "$err$(tail -5 "$T/run/guest/console.log" 2>/dev/null)"

evidence() { jq -r ".phases[] | select(.name == \"$1\").disturbances[0].evidence" "$T/run/run.json"; }
for event in pause migrate; do
	is "$(jq ".phases[] | select(.name == \"$event\").disturbances[0].observed" "$T/run/run.json")" true \
		"$event: it was seen in the guest"
	is "$(jq "[.events[] | select(.kind == \"$event\" and .injected)] | length" "$T/run/run.json")" 1 "$event: one event"
	said=$(evidence "$event")
	say "$event: $said"
	# CPU, phase, clock, reference, at_s, step_ns
	step=$(awk -F, -v e="$event" '$2 == e && $3 == "tsc" && $4 == "peer" { print $6 }' "$T/run/steps.csv")
	stopped=$(sed -n 's/.*stopped for \([0-9.]*\) s.*/\1/p' <<<"$said")
	say "$event: step of the TSC against the host's clock: ${step:-none} ns"
	awk -v step="${step:-0}" -v stopped="${stopped:-0}" 'BEGIN {
		apart = step / 1e9 + stopped
		exit !(stopped > 0 && apart < 0.005 && apart > -0.005)
	}'
	ok $? "$event: the TSC is behind the host by what QEMU says, within 5 ms" "$step ns and $stopped s"
	is "$(awk -F, -v e="$event" '$2 == e && $3 == "monotonic" && $NF != "yes"' "$T/run/steps.csv")" "" \
		"$event: the step is not held against the guest's clocks"
done
like "$(evidence migrate)" 'QMP says a downtime of [0-9]+ ms, [0-9]+ ms in all' "QEMU's own numbers of the migration"
like "$(tr -d '\0\r' <"$T/run/guest/console.log" | tail -1)" 'Power down' "the console goes on over the migration"
grep -q 'Linux version' "$T/run/guest/console.log"
ok $? "and has its beginning"
is "$(left)" "" "no process and no directory is left"
finish
