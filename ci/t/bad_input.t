#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# Runs that are damaged or odd: refused in one line with file:line and exit code 2, or kept and
# counted.  And the runs that must be right: written by hand, with a known drift.
set -u
. ci/t/lib.sh

hand_written "$T/good" 12.5 6 10 60
n=0
fresh() { # a copy of the good run: $run, its $json and its $csv
	n=$((n + 1))
	run=$T/$n
	cp -r "$T/good" "$run"
	json=$run/run.json
	csv=$run/samples/cpu000.csv
}
edit_json() { # FILTER of jq
	jq "$1" "$T/good/run.json" >"$json"
}
counted() { # NAME KEY WANTED [EXIT-CODE]: analysed, and JSON and text both tell the count
	clkdrift analyze "$run" --json
	is "$rc $(json ".losses.$2")" "${4-0} $3" "$1: in the JSON"
	clkdrift analyze "$run"
	like "$out" "(^|[ ,])$3 $2" "$1: in the text"
}

# --- What must be right ---------------------------------------------------------------
for ppm in 12.5 -200 0 49.9; do
	hand_written "$T/truth$ppm" "$ppm" 6 20 60
	clkdrift analyze "$T/truth$ppm" --json
	like "$(jq -r --argjson truth "$ppm" '.drift | length == 1 and (.[0] |
		.clock == "acpi_pm" and .reference == "monotonic" and .relation == "crystal" and .n == 120 and .rejected == 0 and
		.ci_low_ppm - .systematic_ppm <= $truth and .ci_high_ppm + .systematic_ppm >= $truth and
		.ci_high_ppm - .ci_low_ppm < 0.01 and .systematic_ppm < 0.01)' "$T/out")" '^true$' \
		"a 24-bit counter over gaps of a minute: $ppm ppm is found"
done
fresh
clkdrift analyze "$run"
is "$rc" 0 "within its limit: exit code 0"
clkdrift analyze "$run" --limit 10
is "$rc" 1 "beyond --limit: exit code 1"
clkdrift analyze "$run" --limit 12.5
is "$rc" 3 "astride of --limit: exit code 3"
like "$(tr -s ' \n' ' ' <<<"$out")" 'straddles the limit user of 12.5 ppm' "astride of --limit: the reason"
clkdrift analyze "$run" --reference acpi_pm --json
like "$(json '.drift[0] | .reference == "acpi_pm" and .drift_ppm < -12.49 and .drift_ppm > -12.51')" true "--reference turns the sign"
clkdrift analyze "$run" --reference tsc --json
is "$(json '[.drift[] | .clock] | sort | join(" ")')" "acpi_pm monotonic" "--reference tsc: every clock against the pivot"

# --- run.json -------------------------------------------------------------------------
refused "no such directory" '.*/none: No such file' "$T/none"
fresh; rm "$json"
refused "no run.json" '.*: is no run directory: there is no run.json in it' "$run"
fresh; : >"$json"
refused "empty run.json" '.*run\.json:1: the file is empty' "$run"
fresh; rm "$json"; mkdir "$json"
refused "run.json is a directory" '.*run\.json' "$run"
fresh; head -c 100 "$T/good/run.json" >"$json"
refused "run.json cut in the middle" '.*run\.json:[12]: not valid JSON' "$run"
fresh; sed -i '2s/"bits":24/"bits":24,/' "$json"
refused "a syntax error in line 2" '.*run\.json:2: not valid JSON' "$run"
fresh; echo '[]' >"$json"
refused "not an object" '.*run\.json:1: must be a JSON object' "$run"
for value in 2 0 1.5 -1; do
	fresh; edit_json ".schema = $value"
	refused "schema $value" '.*run\.json:2: schema .* is not known' "$run"
done
fresh; edit_json '.schema = "1"'
refused "schema as text" '.*run\.json:2: "schema" must be a number' "$run"
fresh; edit_json 'del(.schema)'
refused "no schema" '.*run\.json:[0-9]+: "schema" is missing' "$run"
fresh; edit_json 'del(.tsc_hz)'
refused "no tsc_hz" '.*run\.json:[0-9]+: "tsc_hz" is missing' "$run"
fresh; edit_json '.tsc_hz = 0'
refused "tsc_hz 0" '.*run\.json:5: "tsc_hz" is out of range' "$run"
fresh; sed -i 's/2.6e9/1e999/' "$json"
refused "a number beyond any range" '.*run\.json:1: not valid JSON: real number overflow' "$run"
fresh; edit_json 'del(.clocks)'
refused "no clocks" '.*run\.json:[0-9]+: "clocks" is missing or empty' "$run"
fresh; edit_json '.clocks = 5'
refused "clocks is no list" '.*run\.json:[0-9]+: "clocks" must be a list' "$run"
fresh; edit_json '.clocks[1].unit = "furlong"'
refused "unknown unit" '.*run\.json:[0-9]+: "unit" must be "ns" or "ticks"' "$run"
fresh; edit_json 'del(.clocks[1].hz)'
refused "ticks without hz" '.*run\.json:[0-9]+: "hz" is missing' "$run"
fresh; edit_json 'del(.clocks[1].bits)'
refused "ticks without bits" '.*run\.json:[0-9]+: "bits" is missing' "$run"
for bits in 0 65 -1 24.5 1e30; do
	fresh; edit_json ".clocks[1].bits = $bits"
	refused "bits $bits" '.*run\.json:[0-9]+: "bits" (is out of range|must be a whole number)' "$run"
done
fresh; edit_json '.clocks[0].name = "acpi_pm"'
refused "one clock twice" '.*run\.json:[0-9]+: "clocks" names one clock twice' "$run"
fresh; edit_json '.clocks[0].name = "a,b"'
refused "a comma in a clock's name" '.*run\.json:[0-9]+: "name" of a clock' "$run"
fresh; edit_json '.clocks[0].name = "a\u001b[31m"'
refused "a control character in a clock's name" '.*run\.json:[0-9]+: "name" holds a control character' "$run"
fresh; edit_json '.clocks[0].name = "x" * 40'
refused "a clock's name that is too long" '.*run\.json:[0-9]+: "name" is too long' "$run"
fresh; edit_json '.clocks[0].cadence = "brisk"'
refused "unknown cadence" '.*run\.json:[0-9]+: "cadence" must be' "$run"
fresh; edit_json 'del(.phases)'
refused "no phases" '.*run\.json:[0-9]+: "phases" is missing or empty' "$run"
fresh; edit_json '.phases[0].tsc_hi = 0'
refused "a phase that ends before it begins" '.*run\.json:[0-9]+: "tsc_hi" must be above' "$run"
fresh; edit_json '.phases[0].tsc_lo = -1'
refused "a negative TSC" '.*run\.json:[0-9]+: "tsc_lo" is out of range' "$run"
fresh; edit_json '.config = []'
refused "config is no object" '.*run\.json:[0-9]+: "config" must be an object' "$run"
fresh; edit_json '.environment = 1'
refused "environment is no object" '.*run\.json:[0-9]+: "environment" must be an object' "$run"
fresh; edit_json '.tallies = [{"cpu":0,"clock":"hpet"}]'
refused "a tally of an unknown clock" '.*run\.json:[0-9]+: "tallies" names a clock' "$run"
fresh; edit_json '.tallies = [{"cpu":0,"clock":"acpi_pm","brackets":[["a",1]]}]'
refused "letters in a bracket count" '.*run\.json:[0-9]+: "brackets" must be' "$run"
fresh; printf '\0' >>"$json"
refused "a NUL byte behind run.json" '.*run\.json:[0-9]+: not valid JSON' "$run"
fresh; sed -i 's/"host":"h"/"host":"h\\u0000"/' "$json"
refused "an escaped NUL in run.json" '.*run\.json:1: not valid JSON' "$run"
fresh; sed -i 's/"host":"h"/"host":"h\xff"/' "$json"
refused "run.json that is not UTF-8" '.*run\.json:1: not valid JSON' "$run"
fresh; truncate -s 1G "$json"
refused "a run.json of 1 GiB" '.*run\.json:1: larger than' "$run"
fresh; { printf '{"schema":1,"host":"'; head -c 100M /dev/zero | tr '\0' x; echo '"}'; } >"$json"
refused "a line of 100 MiB in run.json" '.*run\.json:1: "[a-z_]+" is' "$run"
rm "$json"
fresh; perl -e 'print "[" x 1000000' >"$json"
refused "a million nested lists" '.*run\.json:1: not valid JSON' "$run"
fresh; sed -i 's/$/\r/' "$json"
clkdrift analyze "$run"
is "$rc" 0 "run.json with CRLF is read"
fresh
refused "a reference that was not sampled" 'reference "hpet": not sampled' "$run" --reference hpet
refused "a limit preset that is not known" 'limit preset "none" is not known' "$run" --limits none

# --- samples --------------------------------------------------------------------------
fresh; rm -r "$run/samples"
refused "no samples" '.*/samples: cannot read' "$run"
fresh; rm "$csv"
refused "no sample file" '.*/samples: no cpuNNN.csv' "$run"
fresh; : >"$csv"
refused "an empty sample file" '.*cpu000.csv:1: the file is empty' "$run"
fresh; sed -i '9s/^[a-z_]*/hpet/' "$csv"
refused "an unknown clock" '.*cpu000.csv:9: clock "hpet" is not in run.json' "$run"
fresh; sed -i '9s/^[a-z_]*//' "$csv"
refused "an empty clock" '.*cpu000.csv:9: clock "" is not in run.json' "$run"
fresh; cut -d, -f1,2,4 "$T/good/samples/cpu000.csv" >"$csv"
refused "a missing column" '.*cpu000.csv:1: column "value" is missing' "$run"
fresh; sed -i 1d "$csv"
refused "no header" '.*cpu000.csv:1: column "clock" is missing' "$run"
fresh; sed -i '17s/,[0-9]*$//' "$csv"
refused "a row with a column too few" '.*cpu000.csv:17: the row has 3 columns' "$run"
fresh; sed -i '17s/,[0-9]*,/,12ab,/' "$csv"
refused "letters for a number" '.*cpu000.csv:17: tsc_lo "12ab" is not a whole number' "$run"
fresh; sed -i '17s/,[0-9]*$/,-5/' "$csv"
refused "a negative number" '.*cpu000.csv:17: tsc_hi "-5" is not a whole number' "$run"
fresh; sed -i '17s/,[0-9]*,/,1.5,/' "$csv"
refused "a fraction" '.*cpu000.csv:17: tsc_lo "1.5" is not a whole number' "$run"
fresh; sed -i '17s/,[0-9]*,/,,/' "$csv"
refused "an empty field" '.*cpu000.csv:17: tsc_lo "" is empty' "$run"
fresh; sed -i '17s/,[0-9]*$/,18446744073709551616/' "$csv"
refused "a number beyond 64 bits" '.*cpu000.csv:17: tsc_hi "18446744073709551616" does not fit 64 bits' "$run"
fresh; sed -i '17s/,[0-9]*$/,99999999999999999999999999999999999999999999999999/' "$csv"
refused "a number far beyond 64 bits" '.*cpu000.csv:17: tsc_hi "9+" does not fit 64 bits' "$run"
fresh; sed -i '17s/tsc\|acpi_pm\|monotonic/&\x00/' "$csv"
refused "a NUL byte in a row" '.*cpu000.csv:17: holds a NUL byte' "$run"
fresh; truncate -s +100 "$csv"
refused "NUL bytes at the end" '.*cpu000.csv:122: holds a NUL byte' "$run"
fresh; sed -i '17s/^/"/' "$csv"
refused "a quote that is never closed" '.*cpu000.csv:17: not valid CSV' "$run"
fresh; sed -i '17s/^/"/; $s/[0-9]*$//' "$csv"; truncate -s -1 "$csv"
refused "a quote that is never closed and a cut" '.*cpu000.csv:17: not valid CSV' "$run"
fresh; truncate -s 1G "$csv"
refused "a sample file with a sparse line of 1 GiB" '.*cpu000.csv:122: (holds a NUL byte|the line is longer than)' "$run"
# A pipe in the file's place: the line is as long as the reader likes to read.
fresh; rm "$csv"; mkfifo "$csv"
{ echo clock,tsc_lo,value,tsc_hi; head -c 1G /dev/zero | tr '\0' 7; } >"$csv" 2>/dev/null &
refused "a line of 1 GiB of digits" '.*cpu000.csv:2: the line is longer than 65536 bytes' "$run"
wait
fresh; rm "$csv"; mkfifo "$csv"
{ printf '"'; head -c 1G /dev/zero | tr '\0' '\n'; } >"$csv" 2>/dev/null &
refused "a quoted field of 1 GiB" '.*cpu000.csv:1: a field does not end: is a quote never closed' "$run"
wait
fresh; rm "$csv"; mkdir "$csv"
refused "a sample file that is a directory" '.*cpu000.csv: is a directory' "$run"

# --- crosscpu.csv, slow.csv -----------------------------------------------------------
fresh; printf 'phase,cpu_a,cpu_b,forward_min\nall,0,1,5\n' >"$run/crosscpu.csv"
refused "crosscpu.csv: a missing column" '.*crosscpu.csv:1: column "backward_min"' "$run"
fresh; printf 'phase,cpu_a,cpu_b,forward_min,backward_min\nall,0,1,5,x\n' >"$run/crosscpu.csv"
refused "crosscpu.csv: letters" '.*crosscpu.csv:2: backward_min "x"' "$run"
fresh; printf 'phase,cpu_a,cpu_b,forward_min,backward_min\nall,0,-1,5,5\n' >"$run/crosscpu.csv"
refused "crosscpu.csv: a negative CPU" '.*crosscpu.csv:2: cpu is out of range' "$run"
fresh; printf 'phase,cpu_a,cpu_b,forward_min,backward_min\na\x1b[2J,0,1,5,5\n' >"$run/crosscpu.csv"
refused "crosscpu.csv: a control character" '.*crosscpu.csv:2: phase: not plain' "$run"
fresh; printf 'phase,cpu_a,cpu_b,forward_min,backward_min\nall,0,1,5,5\nall,0,2,7' >"$run/crosscpu.csv"
counted "crosscpu.csv: cut in its last row" cut_rows 1
fresh; printf 'cpu,clock,tsc_lo,value,tsc_hi\n9999999,monotonic,1,1,1\n' >"$run/samples/slow.csv"
refused "slow.csv: no such CPU" '.*slow.csv:2: cpu is out of range' "$run"
fresh; printf 'clock,tsc_lo,value,tsc_hi\nmonotonic,1,1,1\n' >"$run/samples/slow.csv"
refused "slow.csv: no cpu column" '.*slow.csv:1: column "cpu" is missing' "$run"

# --- Kept and counted -----------------------------------------------------------------
fresh; truncate -s -10 "$csv"
counted "a last row cut in the middle" cut_rows 1
is "$("$CLKDRIFT" analyze "$run" --json | jq .losses.stored)" 119 "the cut row is not counted as stored"
fresh; printf 'mono' >>"$csv"
counted "a last row cut in its first field" cut_rows 1
fresh; printf 'acpi_pm,12,12,999999999999999999999999' >>"$csv"
counted "a last row cut in a field that is no number yet" cut_rows 1
fresh; awk -F, -v OFS=, 'NR == 50 { t = $2; $2 = $4; $4 = t } { print }' "$T/good/samples/cpu000.csv" >"$csv"
counted "tsc_hi < tsc_lo" inverted 1
fresh; awk -F, -v OFS=, '$1 == "monotonic" && ++m == 30 { $3 -= 5e7 } { printf "%s,%s,%.0f,%s\n", $1, $2, $3, $4 }' \
	"$T/good/samples/cpu000.csv" | sed '1s/.*/clock,tsc_lo,value,tsc_hi/' >"$csv"
# Any backward step makes the verdict unstable.
clkdrift analyze "$run" --reference acpi_pm --json
is "$rc $(json .losses.backward) $(json '.drift[0].backward')" "1 1 1" "a value that goes backward: in the JSON"
like "$(json '.drift[0].max_backward_ns > 3.8e7 and .drift[0].max_backward_ns < 4.2e7')" true "a value that goes backward: how far"
clkdrift analyze "$run" --reference acpi_pm
like "$out" 'monotonic went backward once on CPU 0' "a value that goes backward: in the text"
like "$out" '[ ,]1 backward' "a value that goes backward: in the losses"
clkdrift analyze "$run"
like "$out" '[ ,]1 backward' "a reference that goes backward: in the losses"
fresh; edit_json '.phases += [{"name":"later","tsc_lo":9e18}]'
clkdrift analyze "$run"
is "$rc" 3 "a phase without readings: inconclusive"
like "$out" 'phase later has no readings' "a phase without readings: named"
fresh; sed -i 's/$/\r/' "$csv"
cp -r "$T/good" "$T/plain"
clkdrift analyze "$run"
clkdrift analyze "$T/plain"
ok "$(cmp -s "$run/drift.csv" "$T/plain/drift.csv"; echo $?)" "CRLF in the samples changes nothing"
fresh; sed -i '1s/$/,extra/; 2,$s/$/,x/; 40s/^/\n\n/' "$csv"
clkdrift analyze "$run"
ok "$(cmp -s "$run/drift.csv" "$T/plain/drift.csv"; echo $?)" "empty lines and further columns change nothing"
fresh; awk -F, -v OFS=, '{ print $4, $3, $2, $1 }' "$T/good/samples/cpu000.csv" >"$csv"
clkdrift analyze "$run"
ok "$(cmp -s "$run/drift.csv" "$T/plain/drift.csv"; echo $?)" "columns in another order change nothing"
fresh; sed -i 's/18446744073709551615/9223372036854775807/' "$json"
clkdrift analyze "$run"
ok "$(cmp -s "$run/drift.csv" "$T/plain/drift.csv"; echo $?)" "the end of a phase as a signed number"
fresh; edit_json '.phases = [{"name":"all"}]'
clkdrift analyze "$run"
ok "$(cmp -s "$run/drift.csv" "$T/plain/drift.csv"; echo $?)" "a phase without its ends is the whole run"
fresh
sed -n '1p' "$csv" >"$run/samples/cpu001.csv"
clkdrift analyze "$run"
ok "$(cmp -s "$run/drift.csv" "$T/plain/drift.csv"; echo $?)" "a CPU without readings changes nothing"
fresh; sed -i '2,$d' "$csv"
clkdrift analyze "$run"
is "$rc" 3 "no reading at all: inconclusive"

# --- Derived files --------------------------------------------------------------------
fresh
clkdrift analyze "$run" --json
cp "$T/out" "$T/first"
cp -r "$run" "$T/kept"
rm "$run"/{drift,stability,steps,effects,phases}.csv "$run"/verdict.json
clkdrift analyze "$run" --json
ok "$(cmp -s "$T/out" "$T/first"; echo $?)" "deleted and made again: the JSON is the same bit for bit"
ok "$(diff -r "$run" "$T/kept" >/dev/null; echo $?)" "deleted and made again: the files are the same bit for bit"
clkdrift analyze "$run" --reference hpet
is "$rc $(diff -r "$run" "$T/kept")" "2 " "an analysis that fails for its options leaves the files alone"

# --- Output that cannot be written ----------------------------------------------------
if [ -w /dev/full ]; then
	for command in "analyze $run" "analyze $run --json" "list clocks" "inspect --json"; do
		rc=0
		# shellcheck disable=SC2086 # words
		"$CLKDRIFT" $command >/dev/full 2>"$T/err" || rc=$?
		is "$rc $(wc -l <"$T/err")" "2 1" "a full standard output: ${command%% *} says so"
	done
else
	skip "a full standard output" "no /dev/full"
fi
rc=0
"$CLKDRIFT" analyze "$run" >&- 2>"$T/err" || rc=$?
is "$rc $(wc -l <"$T/err")" "2 1" "a closed standard output"
if [ "$(id -u)" = 0 ]; then
	mkdir "$T/ro" && mount -t tmpfs -o size=256k none "$T/ro" 2>/dev/null && on_exit "umount $T/ro"
	if mountpoint -q "$T/ro"; then
		cp -r "$T/good" "$T/ro/run"
		mount -o remount,ro "$T/ro"
		clkdrift analyze "$T/good"
		cp "$T/out" "$T/good.out"
		good_rc=$rc
		clkdrift analyze "$T/ro/run"
		is "$rc $(wc -l <"$T/err") $(diff "$T/good.out" "$T/out")" "$good_rc 1 " "a run on a read-only file system is judged all the same"
		like "$err" 'the results were not written: .*drift.csv: cannot write: Read-only' "and one line says that nothing was written"
		clkdrift report "$T/ro/run"
		like "$rc $(wc -l <"$T/err") $err" '^2 1 .*Read-only' "but a report there is trouble"
		mount -o remount,rw "$T/ro"
		clkdrift analyze "$T/ro/run"
		# The six files need a page each at least.
		for pages in 0 1 2 3 4 5; do
			rm -f "$T/ro/fill"
			clkdrift analyze "$T/ro/run"
			cp -r "$T/ro/run" "$T/old-$pages"
			head -c 1M /dev/zero >"$T/ro/fill" 2>/dev/null
			truncate -s -$((pages * 4096)) "$T/ro/fill"
			clkdrift analyze "$T/ro/run" --reference tsc
			is "$rc $(wc -l <"$T/err") $(diff -r "$T/old-$pages" "$T/ro/run")" "2 1 " \
				"a full disk with $pages pages left: one error, and the old results stay"
			rm "$T/ro/fill"
			(cd "$T/ro/run" && rm {drift,stability,steps,effects,phases}.csv verdict.json)
			head -c 1M /dev/zero >"$T/ro/fill" 2>/dev/null
			truncate -s -$((pages * 4096)) "$T/ro/fill"
			clkdrift analyze "$T/ro/run" --reference tsc
			is "$rc $(wc -l <"$T/err") $(derived "$T/ro/run")" "2 1 " \
				"a full disk with $pages pages left: one error, and no half of a result"
		done
	else
		skip "a read-only file system" "cannot mount a tmpfs"
		skip "a full disk" "cannot mount a tmpfs"
	fi
else
	skip "a read-only file system" "needs root to mount one"
	skip "a full disk" "needs root to mount one"
fi
finish
