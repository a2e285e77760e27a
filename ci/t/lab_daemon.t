#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# A guest with a time daemon: after a pause the daemon brings its clock back to the host's,
# the run says when, and nothing is left of the daemon that served the time.
. ci/t/lib.sh

cat >"$T/pause.ini" <<'END'
[scenario]
summary = a pause
[phase pause]
duration = 18s
pause = seconds=2
END
export TMPDIR=$T/tmp
mkdir "$TMPDIR"

why=
for tool in qemu-system-x86_64 busybox iasl apt-get dpkg pgrep; do
	command -v "$tool" >/dev/null || why="$tool is not installed"
done
if [ -n "$why" ]; then
	skip "a time daemon in a guest" "$why"
	finish
fi
clkdrift lab run --config disciplined --scenario "$T/pause.ini" --no-report --json -o "$T/run"
if [ "$rc" = 2 ] && grep -Eq 'no (guest kernel|time daemon)' "$T/err"; then
	skip "a time daemon in a guest" "$(head -1 "$T/err")"
	finish
fi
[ "$rc" != 2 ]
ok $? "a run with a time daemon in the guest" "$err$(tail -5 "$T/run/guest/console.log" 2>/dev/null)"

get() { jq -r "$1" "$T/run/run.json"; }
is "$(get '.environment.before.time_daemon.running | map(.name) | join(" ")')" chronyd "the guest's facts: chronyd runs"
is "$(get '.environment.before.time_daemon.servers[0].name')" 10.0.2.2 "and asks its host"
is "$(get .environment.before.adjtimex.synchronised)" true "the clock is synchronised before the run"
is "$(get '.lab.daemon | "\(.name) \(.makestep) \(.served)"')" "chrony 0.1 -1 true" "the run says what ran"
is "$(get '.phases[0].disturbances[0].observed')" true "the pause was seen"

# The steps of realtime with a cause of that kind.
steps() { jq -c "[.steps[] | select(.clock == \"realtime\" and (.cause | startswith(\"$1\")))]" "$T/out"; }
say "$(steps pause:)"
step=$(steps pause: | jq -c 'sort_by(.step_ns) | .[0]')
is "$(jq '.step_ns < -1.9e9 and .step_ns > -2.5e9' <<<"$step")" true "the pause is a step of realtime"
is "$(jq -r .recovered <<<"$step")" yes "realtime came back"
is "$(jq '.recovery_s > 0 and .recovery_s < 12 and .recovery_bound_ns >= 1e6' <<<"$step")" true "and when is told"
is "$(steps unknown | jq length)" 0 "no step of realtime is unexplained"
# What the analysis finds in the readings chronyd has in its log.
sed -nE 's/.*System clock was stepped by ([-0-9.]+) seconds.*/\1/p' "$T/run/guest/daemon.log" >"$T/set"
steps settime: | jq '.[].step_ns / 1e9' >"$T/found"
say "set by $(tr '\n' ' ' <"$T/set")s"
paste "$T/set" "$T/found" | awk 'NF != 2 || $1 - $2 > 1e-4 || $2 - $1 > 1e-4 { bad = 1 } END { exit bad || !NR }'
ok $? "each setting of the time is found, to 0.1 ms of what chronyd says" "found: $(tr '\n' ' ' <"$T/found")"
like "$(steps settime: | jq -r '.[0].cause')" 'a time daemon runs: chronyd' "with its cause"
left=$(
	ls "$TMPDIR"
	pgrep -f "(qemu-system|chronyd).*$T/"
)
is "$left" "" "no process and no directory is left"
finish
