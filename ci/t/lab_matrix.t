#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# A matrix of lab guests: its plan, its cells, its end at any moment and its going on.  QEMU and the guests are
# ci/helpers/qemu, so that a cell takes no time.
# shellcheck disable=SC2016 # what await is given, it expands itself
. ci/t/lib.sh

fake_lab fine other broken
echo 'cpu = broken' >>"$CLKDRIFT_DATADIR/bench/lab/configurations.ini"
export FAKE_WORK_S=0.1
cp ci/helpers/qemu "$T/bin/fake"
# Notes whose guest it boots; that of the configuration "broken" panics.
cat >"$T/bin/qemu-system-x86_64" <<-'END'
	#!/bin/bash
	[[ $* =~ cells/([^/]*)/guest/console ]] && echo "${BASH_REMATCH[1]}" >>"$T/boots"
	# While $T/slow is there, the third guest does not come to its end.
	[ ! -e "$T/slow" ] || [ "$(wc -l <"$T/boots")" -lt 3 ] || export FAKE_WORK_S=60
	case "$*" in *'-cpu broken'*) export FAKE=panics ;; esac
	exec "$T/bin/fake" "$@"
END
chmod +x "$T/bin/qemu-system-x86_64"
export PATH=$T/bin:$PATH TMPDIR=$T/tmp
mkdir "$TMPDIR"
: >"$T/boots"
options=(--kernel "$T/kernel" --scenario "$T/idle.ini" --no-report --deadline 30s)
cells() { jq -r ".cells[] | $2" "$T/$1/matrix.json"; }
left() { # NAME
	pgrep -f "$T/(tmp|$1)/" || true
	find "$TMPDIR" -mindepth 1 -name 'clkdrift-lab-*'
	lab_shared
}

# ---- the plan ----

clkdrift lab matrix "${options[@]}" --configs fine,other --profiles default,hpet,notsc-lpj --repeat 2 --seed 3 --dry-run
is "$rc $(grep -c waiting <<<"$out")" "0 12" "--dry-run shows every cell" "$err"
like "$out" 'notsc lpj=[1-9][0-9]{5}' "lpj=n is this machine's number"
like "$out" '12 of 12 cells to do, 300 ms of sampling each: about .*; seed 3$' "and the estimate"
plan=$(awk '/waiting/ { print $2, $3 }' <<<"$out")
clkdrift lab matrix "${options[@]}" --configs fine,other --profiles default,hpet,notsc-lpj --repeat 2 --seed 3 --dry-run --json
is "$(json '.cells[] | .configuration + " " + .profile')" "$plan" "as JSON the same"
for block in 1,6p 7,12p; do
	is "$(sed -n "$block" <<<"$plan" | sort -u | wc -l)" 6 "each block has every cell once"
done
is "$(cat "$T/boots")" "" "no guest was booted"

# ---- all of it ----

printf 'id,role,parameters,side_effects,cost\nmine,guest,clocksource=jiffies,7,slow\n' >"$T/mine.csv"
clkdrift lab matrix "${options[@]}" --configs fine,broken --profiles default,mine --catalogue "$T/mine.csv" --append 'quiet x=1' \
	--seed 5 --reference acpi_pm --limit 7 -o "$T/all"
like "$rc" '^[013]$' "cells without a result do not end the matrix" "$err"
is "$(cells all '.state' | sort | uniq -c | tr -s ' \n' ' ')" " 2 done 2 no result " "two have one, two have none"
is "$(cells all 'select(.configuration == "broken").state' | sort -u)" "no result" "those whose guest does not boot"
like "$(cells all 'select(.configuration == "broken").reason')" "guest's kernel panicked: Kernel panic" "with the reason"
is "$(cells all 'select(.profile == "mine").parameters' | sort -u)" "clocksource=jiffies quiet x=1" "parameters are the profile's and the user's"
is "$(jq -c '.profiles[] | select(.id == "mine") | [.parameters, .side_effects, .cost]' "$T/all/matrix.json")" \
	'["clocksource=jiffies",7,"slow"]' "the user's own profile is recorded"
is "$(cells all '.run' | sort)" "$(cd "$T/all" && find cells -mindepth 1 -maxdepth 1 | sort)" "each cell has its directory"
is "$(for run in $(cells all 'select(.state == "done").run'); do jq -r '.lab.append' "$T/all/$run/run.json"; done | sort)" \
	"$(cells all 'select(.state == "done").parameters' | sort)" "each run was booted with its parameters"
is "$(find "$T/all/cells" -name verdict.json | wc -l)" 2 "and is judged"
like "$(jq -r .finished "$T/all/matrix.json")" '^20' "the matrix is finished"
is "$(sort "$T/boots" | uniq -d)" "" "no cell was booted twice"
is "$(left all)" "" "nothing is left"

: >"$T/boots"
code=$rc
clkdrift lab matrix --resume "$T/all" --no-report
is "$rc $(cat "$T/boots") $err" "$code  " "one that is finished only says again what it found"
is "$(jq -r '.choices[] | select(.limit_ppm != null).limit_ppm' "$T/all/verdict.json" | sort -u)" 7 "by the limit that it was begun with"

# ---- ended, and on again ----

# NAME SIGNAL: while the third cell is at work; sets rc and what was done before
end_it() {
	: >"$T/boots"
	touch "$T/slow"
	start lab matrix "${options[@]}" --configs fine,other --profiles default,hpet,acpi-pm --seed 7 -o "$T/$1"
	await '[ "$(wc -l <"$T/boots")" -ge 3 ]'
	kill -s "$2" "$pid"
	ended
	rm "$T/slow"
	err=$(<"$T/err")
	await '[ -z "$(left '"$1"')" ]'
	is "$(left "$1")" "" "SIG$2: nothing is left"
	before=$(cells "$1" 'select(.state == "done").run')
	is "$(wc -w <<<"$before") $(cells "$1" 'select(.state == "waiting").run' | wc -l)" "2 4" "two cells are done, the others wait"
}
go_on() { # NAME
	local name
	clkdrift lab matrix --resume "$T/$1" --no-report
	like "$rc" '^[013]$' "it goes on" "$err"
	is "$(cells "$1" '.state' | sort | uniq -c | tr -s ' ')" " 6 done" "to its end"
	for name in $before; do
		is "$(grep -c "^${name#cells/}\$" "$T/boots")" 1 "$name was not done again"
	done
	is "$(sort -u "$T/boots")" "$(cells "$1" '.run' | sed 's/^cells.//' | sort)" "in the order of the seed"
	is "$(wc -l <"$T/boots")" 7 "and the one that was under way was"
}
end_it killed KILL
is "$(jq -r .finished "$T/killed/matrix.json")" "" "it is not finished"
find "$T/killed/cells" -mindepth 1 -maxdepth 1 | sort >"$T/dirs"
is "$(wc -l <"$T/dirs")" 3 "half a run is there"
touch "$(tail -n 1 "$T/dirs")/half"
go_on killed
is "$(find "$T/killed" -name half)" "" "half a run was removed"

end_it interrupted INT
is "$rc" 2 "SIGINT: exit code 2"
like "$err" "go on with: clkdrift lab matrix --resume $T/interrupted" "and how to go on"
like "$(tail -n 1 <<<"$err")" '^clkdrift: ended by a signal [^;]*; [0-9]* of [0-9]* cells are done, go on' "and why it ended"

# ---- what is refused ----

refused_lab "other profiles" '--profiles default: the matrix in .* was begun with default,hpet,acpi-pm; leave it out' \
	matrix --resume "$T/interrupted" --profiles default
refused_lab "another time" '--duration 5: the matrix in .* was begun without it' matrix --resume "$T/interrupted" -d 5s
refused_lab "another seed" '--seed: the matrix in .* was begun with seed 7' matrix --resume "$T/interrupted" --seed 8
refused_lab "another directory" '--output does not go with --resume' matrix --resume "$T/interrupted" -o "$T/new"
refused_lab "no matrix" 'matrix.json: cannot read' matrix --resume "$T"
mkdir "$T/cut" "$T/mad"
head -c 900 "$T/interrupted/matrix.json" >"$T/cut/matrix.json"
refused_lab "half a file" 'matrix.json:[0-9]+: not valid JSON' matrix --resume "$T/cut"
jq '.asked.interval = "never"' "$T/interrupted/matrix.json" >"$T/mad/matrix.json"
refused_lab "options that are none" '--interval never: not' matrix --resume "$T/mad"
sed -i 's/^summary.*/&\nmemory = 256/' "$CLKDRIFT_DATADIR/bench/lab/configurations.ini"
refused_lab "another guest" 'configuration fine is no longer what the matrix was begun with' matrix --resume "$T/interrupted"
sed -i '/^memory/d' "$CLKDRIFT_DATADIR/bench/lab/configurations.ini"

# The same options are no change, and the scenario is that of the beginning.
rm "$T/idle.ini"
printf '[scenario]\nsummary = other\n[phase other]\nduration = 1h\n' >"$T/idle.ini"
clkdrift lab matrix --resume "$T/interrupted" --dry-run "${options[@]}" --seed 7
is "$rc $(grep -c waiting <<<"$out")" "0 4" "the same options are no change"
go_on interrupted
like "$(cat "$T/interrupted/idle.ini")" 'duration = 300ms' "the scenario is that of the beginning"
printf '[scenario]\nsummary = idle\n[phase idle]\nduration = 300ms\n' >"$T/idle.ini"

new=(matrix "${options[@]}" -o "$T/new")
refused_lab "an unknown configuration" '--configs: no configuration "fin"; see' "${new[@]}" --configs fin
refused_lab "an unknown profile" '--profiles: no profile "nothing"; see' "${new[@]}" --configs fine --profiles nothing
printf 'id,role,parameters,host_settings,side_effects,cost\nboth,guest,hpet=disable,governor performance,1,power\n' >"$T/both.csv"
refused_lab "a profile of the host too" '--profiles: both is more than kernel parameters of a guest.*: governor performance' \
	"${new[@]}" --configs fine --profiles both --catalogue "$T/both.csv"
refused_lab "too many parameters" 'longer than 511 bytes' "${new[@]}" --configs fine --append "$(printf '%600s' x)"
: >"$T/boots"
for way in "-o $T/new" --dry-run; do
	# shellcheck disable=SC2206 # words on purpose
	tried=(matrix "${options[@]}" --configs fine $way)
	refused_lab "limits that are not known, $way" 'unknown limits "nope"' "${tried[@]}" --limits nope
	refused_lab "two limits, $way" '--limit and --limits exclude each other' "${tried[@]}" --limits kvm --limit 3
	refused_lab "a reference that is no clock, $way" 'reference nope: that clock is not sampled' "${tried[@]}" --reference nope
	refused_lab "a reference that is left out, $way" 'reference hpet: that clock is not sampled' \
		"${tried[@]}" --reference hpet --clocks monotonic,tsc
	refused_lab "a clock that is none, $way" 'unknown clock "nope"' "${tried[@]}" --clocks nope
done
is "$(cat "$T/boots")" "" "none of these booted a guest"
for good in "--reference hpet" "--reference peer --clocks tsc" "--reference tsc" "--reference peer_realtime" \
	"--reference ntp-10.0.2.2 --clocks monotonic,ntp:10.0.2.2" "--limits kvm" "--limit 3"; do
	# shellcheck disable=SC2086 # words on purpose
	clkdrift lab matrix "${options[@]}" --configs fine --dry-run $good
	is "$rc" 0 "taken: $good" "$err"
done
refused_lab "the same twice" '"fine" is named twice' "${new[@]}" --configs fine,fine
refused_lab "none at all" 'needs a configuration and a profile' "${new[@]}" --configs ,
refused_lab "--config" 'takes --configs LIST in place of --config' "${new[@]}" --config fine
refused_lab "a run with --configs" 'go with lab matrix' run --configs fine
refused_lab "a directory that exists" 'exists already' matrix "${options[@]}" --configs fine -o "$T/all"
refused_lab "a directory in a file" 'cannot make the directory: Not a directory' matrix "${options[@]}" --configs fine -o "$T/kernel/x"
refused_lab "no kernel" 'cannot read' matrix --scenario "$T/idle.ini" --kernel "$T/none" --configs fine -o "$T/new"
# shellcheck disable=SC2016 # for the script
printf '#!/bin/bash\nPATH=%s exec %s "$@"\n' "$T/tmp" "$CLKDRIFT" >"$T/alone"
chmod +x "$T/alone"
CLKDRIFT=$T/alone refused_lab "no QEMU" 'qemu-system-x86_64 is not installed' "${new[@]}" --configs fine
[ ! -e "$T/new" ]
ok $? "none of these made a directory"
finish
