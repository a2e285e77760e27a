#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# analyze and report on a matrix that was written by hand: what was put into it is found. No guest is booted.
set -u
. ci/t/lib.sh

M=$T/matrix
cells=() runs=0

# A guest that was measured for 5 s: monotonic against peer, which is 200 ns wide, and a raw counter that decides nothing.
guest() { # DIRECTORY PPM COST_NS CLOCKSOURCE PARAMETERS
	local dir=$1 parameters
	mkdir -p "$dir/samples"
	parameters=$(jq -n --arg p "$5" '[$p | split(" ")[] | select(. != "") | split("=") | {name: .[0], value: .[1]}]')
	jq -n --arg source "$4" --argjson parameters "$parameters" '
		{clocksource: {current: $source}, hypervisor: {present: true}, command_line: {parameters: $parameters}} as $facts |
		{schema: 1, host: "h", scenario: "s", tsc_hz: 1e9, cpus: [{cpu: 0, null_bracket_cycles: 20}],
		clocks: [{name: "monotonic", unit: "ns", oscillator: "tsc"}, {name: "raw", unit: "ns", oscillator: "tsc"},
			{name: "peer", unit: "ns", oscillator: "host"}],
		phases: [{name: "all", steering_ppm: 0}], environment: {before: $facts, after: $facts}}' >"$dir/run.json"
	perl -e '
		my ($ppm, $cost) = @ARGV;
		print "clock,tsc_lo,value,tsc_hi\n";
		for my $i (0 .. 499) {
			my $t = 1e10 + $i * 1e7 + $i * 7919 % 13;
			printf "monotonic,%d,%d,%d\n", $t, 5e12 + ($t + $cost / 2) * (1 + $ppm * 1e-6), $t + $cost + 20;
			printf "raw,%d,%d,%d\n", $t + 1e5, 5e12 + ($t + 1e5) * (1 + 3e-4), $t + 1e5 + 40;
			printf "peer,%d,%d,%d\n", $t + 2e5, 7e12 + $t + 2e5 + 100, $t + 2e5 + 200;
		}' -- "$2" "$3" >"$dir/samples/cpu000.csv"
}
cell() { # CONFIGURATION PROFILE REPEAT PPM COST_NS CLOCKSOURCE PARAMETERS
	runs=$((runs + 1))
	guest "$M/cells/$runs" "${@:4}"
	cells+=("{\"configuration\":\"$1\",\"profile\":\"$2\",\"repeat\":$3,\"parameters\":\"$7\",\"run\":\"cells/$runs\",\"state\":\"done\"}")
}
lost() { # CONFIGURATION PROFILE REASON
	cells+=("{\"configuration\":\"$1\",\"profile\":\"$2\",\"state\":\"no result\",\"reason\":\"$3\"}")
}
matrix() {
	local list
	list=$(IFS=,; echo "${cells[*]}")
	jq '.cells |= (to_entries | map(.value + {order: .key}))' >"$M/matrix.json" <<-END
		{"schema":1,"kind":"matrix","host":"h","seed":7,"duration_s":5,"finished":"2026-11-28T12:00:00Z",
		"configurations":[{"name":"one"},{"name":"two"}],
		"profiles":[{"id":"default","side_effects":0},{"id":"acpi-pm","side_effects":1},{"id":"hpet","side_effects":1},
			{"id":"all","side_effects":9},{"id":"misspelt","side_effects":0},{"id":"lucky","side_effects":0},
			{"id":"plain","side_effects":0,"booted":""},{"id":"typo","side_effects":0,"booted":"clocksurce=hpet"},
			{"id":"pmtmr","side_effects":1,"booted":"clocksource=acpi_pm"}],
		"cells":[$list]}
	END
}
role() { json ".choices[] | select(.configuration == \"$1\" and .profile == \"$2\") | .status + \", \" + .role"; }

# ---- a profile for each configuration ----

cell one default 0 9.9 40 tsc ""
cell one hpet 0 0 300 hpet "clocksource=hpet"
cell one acpi-pm 0 0 2000 acpi_pm "clocksource=acpi_pm"
cell one all 0 0 30 kvm-clock "clocksource=kvm-clock"
cell one misspelt 0 0 300 hpet "clocksurce=hpet"
cell one lucky 0 0 40 tsc "tsc=reliable"
cell two default 0 0.01 300 hpet ""
lost two hpet "the guest did not boot"
matrix
clkdrift analyze "$M" --json
is "$rc" 0 "each configuration has a stable profile: exit code 0"
is "$(json .status)" stable "and so says the verdict"
is "$(json '[.recommendations[].profile] | join(" ")')" "hpet default" "the least intrusive profile that is stable, of those the cheapest"
is "$(role one default)" "unstable, fails" "a drift of 9.9 ppm fails"
is "$(role one acpi-pm)" "stable, dearer" "a slower read is dearer"
is "$(role one all)" "stable, more intrusive" "the cheapest read does not outweigh side effects"
is "$(role one misspelt)" "stable, inert" "a profile whose parameters did nothing is not recommended"
is "$(role one lucky)" "inconclusive, undecided" "one boot that hit the rate of the TSC is no proof where another one missed it"
is "$(role two hpet)" "no result, no result" "no result is never stable"
is "$(json '.cells[7].reason')" "the guest did not boot" "and has its reason"
like "$(json '.cells[0] | .ci_low_ppm - .systematic_ppm <= 9.9 and .ci_high_ppm + .systematic_ppm >= 9.9')" true "the drift is found"
is "$(json '[.cells[].clock] | unique | join(" ")')" " monotonic" "a raw counter decides nothing"
like "$(json '.recommendations[0].evidence[] | select(.profile == "default") | .why')" '^\+9\.9.* against 1 ppm$' "the evidence that the default fails"
is "$(wc -l <"$M/matrix.csv")" 9 "matrix.csv has a row for each cell"
is "$(jq -S 'del(.matrix)' "$T/out")" "$(jq -S . "$M/verdict.json")" "verdict.json says what --json says"

clkdrift analyze "$M"
is "$rc" 0 "the text has the same exit code"
like "$out" '^default +✗ \+9\.9' "a table of configurations and profiles"
like "$out" 'hpet \(clocksource=hpet\) is the least intrusive profile that is stable' "the recommendation in words"
is "$(awk 'length($0) > 110' <<<"$out" | wc -l)" 0 "no line is much too long"
clkdrift analyze "$M" --limit 20
is "$rc $(grep -c '✗' <<<"$out")" "0 0" "with a limit of 20 ppm nothing fails"
clkdrift analyze "$M" -q
is "$rc,$out" "0," "-q says nothing"
if [ "$(id -u)" = 0 ] && mkdir "$T/ro" && mount --bind "$M" "$T/ro" 2>/dev/null && on_exit "umount $T/ro"; then
	mount -o remount,bind,ro "$T/ro"
	clkdrift analyze "$T/ro" --json
	is "$rc $(json .status) $(wc -l <"$T/err")" "0 stable 1" "a matrix on a read-only file system is judged all the same"
	like "$err" 'the results were not written: .*: Read-only' "and one line says that nothing was written"
	clkdrift report "$T/ro"
	like "$rc $err" '^2 .*Read-only' "but a report there is trouble"
else
	skip "a read-only file system" "needs root to mount one"
fi

# ---- what the user added to all cells ----

main=$M M=$T/appended
mkdir "$M"
kept=("${cells[@]}") cells=()
cell one typo 0 0 300 hpet "clocksurce=hpet quiet"
cell one pmtmr 0 0 300 acpi_pm "clocksource=acpi_pm quiet"
cell two plain 0 0 300 hpet "clocksurce=x"
cell two pmtmr 0 0 300 hpet "clocksource=acpi_pm clocksource=hpet"
matrix
clkdrift analyze "$M" --json
is "$(role one typo)" "stable, inert" "what --append brings about is not the profile's merit"
is "$(role one pmtmr)" "stable, recommended" "what the profile brings about is"
is "$(role two plain)" "stable, recommended" "what --append does not bring about does not make a profile inert"
is "$(role two pmtmr)" "stable, inert" "a profile that --append overrides did nothing"
M=$main cells=("${kept[@]}")

# ---- a verdict that is older than its matrix ----

jq -n '{facts: {role: "guest", arch: "x86_64", kernel: {release: "6.1.0"}, cpu: {online_count: 1, flags: {constant_tsc: false}},
	clocksource: {available: ["tsc", "hpet"]}}}' >"$T/facts.json"
main=$M M=$T/grown
mkdir "$M"
kept=("${cells[@]}") cells=()
cell one hpet 0 0 300 hpet "clocksource=hpet"
cells+=('{"configuration":"one","profile":"hpet","repeat":1,"parameters":"clocksource=hpet","state":"waiting"}')
matrix
guests() { jq '.configurations |= map(. + {arch: "x86_64", vcpus: 1})' "$M/matrix.json" >"$T/new" && mv "$T/new" "$M/matrix.json"; }
guests
clkdrift analyze "$M" -q
clkdrift advise --facts "$T/facts.json" --run "$M" hpet --json
is "$(json .evidence)" "measured in a lab" "a verdict of the matrix as it is now is evidence"
unset 'cells[1]'
cell one hpet 1 9.9 40 hpet "clocksource=hpet"
matrix
guests
clkdrift advise --facts "$T/facts.json" --run "$M" hpet
is "$rc,$out,$(wc -l <"$T/err")" "2,,1" "one of before another cell was measured is refused: one line, exit code 2"
like "$err" "verdict.json is of other cells than matrix.json: 'clkdrift analyze $M' judges them" "and what to do"
clkdrift analyze "$M" -q
clkdrift advise --facts "$T/facts.json" --run "$M" hpet --json
like "$(json .evidence_text)" 'unstable, drift \+9\.9' "then what it found is told"
cell one hpet 2 9.9 40 hpet "clocksource=hpet"
matrix
guests
clkdrift advise --facts "$T/facts.json" --run "$M" hpet
is "$rc" 2 "one of before there was another cell is refused, too"
M=$main cells=("${kept[@]}")

# ---- runs that cannot be the cell's ----

main=$M M=$T/mixed
mkdir "$M"
kept=("${cells[@]}") cells=()
cell one default 0 0 300 hpet ""
cell one acpi-pm 0 0 300 hpet "quiet"
cells[1]=${cells[1]/quiet/clocksource=acpi_pm}
cell one all 0 0 300 hpet "clocksource=hpet -- single"
jq '.environment[].command_line = {text: "quiet clocksource=hpet -- single", parameters: [{name: "quiet"}, {name: "clocksource", value: "hpet"}]}' \
	"$M/cells/$runs/run.json" >"$T/new" && mv "$T/new" "$M/cells/$runs/run.json"
matrix
clkdrift analyze "$M" --json
is "$(role one acpi-pm)" "no result, no result" "a run without the cell's parameters is no result"
like "$(json '.cells[1].reason')" "its guest was booted without clocksource=acpi_pm" "and its reason is the parameter"
is "$(role one all)" "stable, more intrusive" "a run with all of them is one"
cells=("${cells[0]}" "${cells[0]/\"repeat\":0/\"repeat\":1}")
matrix
rm "$M/matrix.csv" "$M/verdict.json"
refused "one run for two cells" '[^ ]*/matrix\.json:[0-9]+: "run" cells/[0-9]+ is that of two cells' "$M"
M=$main cells=("${kept[@]}")

# ---- the report ----

clkdrift report "$M"
is "$rc,$out" "0,report: $M/report.html" "the report"
xmllint --noout "$M/report.html" 2>"$T/lint"
ok $? "is well-formed" "$(head -3 "$T/lint")"
for plot in matrix tradeoff; do
	[ -s "$M/plots/$plot.svg" ] && [ -s "$M/plots/$plot.png" ] && [ -s "$M/plots/$plot.gp" ] && [ -s "$M/plots/$plot.dat" ]
	ok $? "plots/$plot: SVG, PNG, script and data"
done
is "$(grep -c 'href="cells/[0-9]' "$M/report.html")" 7 "each cell with a run links to it"

# ---- the other exit codes ----

cell two default 1 -3 300 hpet ""
matrix
clkdrift analyze "$M"
is "$rc" 3 "all boots must hold: with one unstable the other profile, which has no result, is all that is left"
cell two hpet 0 6 300 hpet "clocksource=hpet"
unset 'cells[7]'
matrix
clkdrift analyze "$M"
is "$rc" 1 "a configuration without a stable profile"
like "$out" 'No profile of this matrix is stable' "which is said"
rm -r "$M/cells/1"
clkdrift analyze "$M" --json
is "$(json '.cells[0].status')" "no result" "a run that is gone is no result"
like "$(json '.cells[0].reason')" 'cells/1: No such file' "and its reason is where it was looked for"
echo '{"schema":1' >"$M/matrix.json"
rm -f "$M/matrix.csv" "$M/verdict.json"
refused "a broken matrix.json" '[^ ]*/matrix\.json:[0-9]+' "$M"
finish
