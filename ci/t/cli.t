#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# The command line: help, errors, exit codes, JSON, colours, progress.
. ci/t/lib.sh
hand_written "$T/run" 12 4 50 1

# Exit code 2, nothing on stdout, one line on stderr that says so.
trouble() { # REGEX ARGUMENT...
	local regex=$1 wrong=""
	shift
	clkdrift "$@"
	[ "$rc" = 2 ] || wrong="exit code $rc"
	[ -z "$out" ] || wrong="$wrong, output"
	[ "$(wc -l <"$T/err")" = 1 ] || wrong="$wrong, not one line"
	grep -qE -e "^clkdrift: .*$regex" <<<"$err" || wrong="$wrong, no '$regex'"
	[ -z "$wrong" ]
	ok $? "trouble: clkdrift $*" "$wrong: $err"
}

# ---- help and version ----

clkdrift --version
is "$rc" 0 "--version"
like "$out" '^clkdrift [0-9]+\.[0-9]+\.[0-9]+$' "names the version"
for word in --help -h help; do
	clkdrift $word
	is "$rc:$err" "0:" "$word"
	like "$out" 'Exit codes: 0 stable, 1 unstable, 2 trouble, 3 inconclusive' "$word tells the exit codes"
done
clkdrift
is "$rc:$out" "2:" "no command is trouble"
like "$err" '^usage: ' "and shows the usage on stderr"
clkdrift --help
commands=$(awk '/^  [a-z]/ { print $1 }' "$T/out")
is "$(xargs <<<"$commands")" "inspect advise list run analyze report stability restore serve lab" "the commands"
for command in $commands; do
	clkdrift "$command" --help
	is "$rc:$err" "0:" "$command --help"
	like "$out" "^usage: clkdrift $command" "$command --help shows its usage"
	clkdrift "$command" --list-options
	wrong=""
	for option in $out; do
		case $option in --help | --*=) ;; --*) ;; *) wrong="$wrong $option" ;; esac
		"$CLKDRIFT" "$command" --help | grep -qE -e "(^| )${option%=}( |$)" || wrong="$wrong $option"
	done
	is "$rc:$wrong" "0:" "$command --list-options names what --help explains"
done

# ---- errors ----

trouble 'unknown command "wobble"' wobble
trouble 'unknown command "--wobble"' --wobble
trouble 'unknown option --wobble' run --wobble
trouble 'unknown option -x' run -x
trouble 'unknown option --burst' analyze "$T/run" --burst 5
trouble '--duration needs a value' run --duration
trouble '--duration 0' run --duration 0
trouble '--duration 1h30m' run -d 1h30m
trouble '--duration 1000d' run -d 1000d
trouble '--interval 1us' run --interval 1us
trouble '--burst 0' run --burst 0
trouble '--seed -1' run --seed -1
trouble 'cpus 0-' run -c 0-
trouble 'cpus 4000000000' run -c 4000000000
trouble 'CPU 60000 is offline' run -c 60000
trouble 'unknown clock "wobble"' run --clocks wobble
trouble 'takes no options' run --clocks tai:drift=5
trouble 'the list is empty' run --clocks ''
trouble 'unknown option "wobble"' run --clocks sim:wobble=5
trouble '--limit x' run --limit x
trouble 'exclude each other' run --limit 5 --limits kvm
trouble 'exclude each other' analyze "$T/run" --limit 5 --limits kvm
trouble 'unknown limits "wobble"' run --limits wobble
trouble '"wobble".*list limits' analyze "$T/run" --limits wobble
trouble 'reference wobble' run --clocks tai --reference wobble
trouble 'wobble' analyze "$T/run" --reference wobble
trouble 'no scenario "wobble"' run wobble
trouble '/nonexistent/x.ini: cannot read' run /nonexistent/x.ini
# A plan is refused as the run would be.
trouble 'unknown clock "wobble"' run --dry-run --clocks wobble
trouble 'unknown limits "wobble"' run --dry-run --limits wobble
trouble 'exclude each other' run --dry-run --limit 5 --limits kvm
trouble 'reference wobble' run --dry-run --reference wobble
trouble "$T/run: exists already" run --dry-run -o "$T/run"
trouble 'unexpected argument "two"' run quick two
trouble 'too few arguments' analyze
trouble 'too few arguments' list
trouble 'nothing to list under "wobble"' list wobble
trouble '/nonexistent: No such file' analyze /nonexistent
trouble 'is no run directory' analyze "$T"
trouble 'is a directory' stability "$T"
CLKDRIFT_DATADIR=/nonexistent trouble 'bench/scenarios: not found under CLKDRIFT_DATADIR=/nonexistent,' run quick
trouble '--udp x: write PORT or ADDRESS:PORT' serve --udp x
trouble "'y' is no port" serve --udp 127.0.0.1:y
trouble '--key x: .*--udp' serve --key x
touch "$T/file"
trouble "$T/file.*: cannot make .*-o DIR" run -d 1s -o "$T/file/run"
trouble "$T/file.*: cannot make .*--cache DIR" lab run --config one-vcpu --cache "$T/file/cache"
printf '[phase a]\nduration = soon\n' >"$T/bad.ini"
trouble "$T/bad.ini:2: duration = soon" run "$T/bad.ini"
while IFS='|' read -r line said; do
	printf '[scenario]\n%s\n[phase a]\nduration = 1s\n' "$line" >"$T/bad.ini"
	trouble "$T/bad.ini:2: $said" run "$T/bad.ini" --dry-run
done <<'EOF'
clocks = monotonic,nonsense|unknown clock "nonsense"
limits = foo|unknown limits "foo"
reference = foo|reference foo: that clock is not sampled
cpus = x|cpus x: not a list
EOF
trouble "$T/run: exists already" run -d 1s -o "$T/run"
is "$(find "$T" -name samples | wc -l)" 1 "no refused run left a directory"
# The text of the error survives whatever was in the argument.
trouble 'unknown command' "$(printf 'a\nb\tc')"

# ---- lists and JSON ----

for list in clocks scenarios limits configurations; do
	clkdrift list $list
	is "$rc:$err" "0:" "list $list"
	names=$(grep -vE '^ ' "$T/out" | awk '{ print $1 }')
	clkdrift list $list --json
	is "$(json ".schema, (.${list} | map(.name) | join(\" \"))" | xargs)" "1 $(xargs <<<"$names")" "list $list --json has the same"
done
clkdrift list clocks --json
is "$(json '[.clocks[] | select(.available | not) | select((.reason // "") == "")] | length')" 0 \
	"a clock that is not there has its reason"
for name in acpi_pm boottime hpet kvmclock monotonic monotonic_raw ptp realtime rtc sim tai tsc; do
	is "$(json "[.clocks[] | select(.name == \"$name\")] | length")" 1 "list clocks has $name"
done
for line in "inspect --json" "analyze $T/run --json" "analyze $T/run --json -q"; do
	# shellcheck disable=SC2086 # words
	clkdrift $line
	jq -e .schema "$T/out" >/dev/null
	ok $? "$line is JSON" "$(jq . "$T/out" 2>&1 | head -c 300)"
done
seq 1 20 >"$T/column"
clkdrift stability --freq "$T/column" --tau0 1 --taus 1,2 --json
is "$rc:$(json '.stability | length')" "0:2" "stability --json"
trouble 'taus: 5000: .* too short; it allows up to [0-9]+$' stability --freq "$T/column" --taus 1,5000
printf '1,2\n' >"$T/two-columns"
trouble 'two-columns:1: more than one column' stability "$T/two-columns"

# ---- exit codes are the verdict's; quiet prints nothing ----

clkdrift analyze "$T/run" --limit 12 -q
is "$rc:$out$err" "3:" "12 ppm against a limit of 12 ppm is 3, and -q prints nothing"
clkdrift analyze "$T/run" --limit 1 -q
is "$rc" 1 "12 ppm against a limit of 1 ppm is 1"
clkdrift analyze "$T/run" --limit 100 -q
is "$rc" 0 "and against 100 ppm it is 0"
clkdrift analyze "$T/run" --limit 1
like "$(head -1 "$T/out")" '^verdict: unstable$' "the text opens with the verdict"

# ---- stdout that takes nothing ----

"$CLKDRIFT" list limits >/dev/full 2>"$T/err"
is "$?" 2 "a full stdout is trouble"
like "$(cat "$T/err")" '^clkdrift: cannot write to standard output' "and says so"
"$CLKDRIFT" list limits >&- 2>"$T/err"
is "$?" 2 "a closed stdout is trouble"
"$CLKDRIFT" run -d 0.3s --no-report --clocks sim -o "$T/closed" <&- >&- 2>&-
is "$?:$(head -qn1 "$T"/closed/samples/cpu*.csv | sort -u)" "2:clock,tsc_lo,value,tsc_hi" \
	"with all streams closed no output goes into a sample file"
clkdrift analyze "$T/closed" -q
[ "$rc" != 2 ]
ok $? "and that run can be analysed" "$err"

# ---- a terminal: colours and progress ----

terminal() { # COMMAND: what a terminal of 40 columns would show of both streams
	script -qec "stty cols 40; $1" /dev/null </dev/null 2>&1 | tr -d '\r'
}
escape=$(printf '\033')
sample="$CLKDRIFT run -d 0.5s --clocks sim --no-report -o $T/tty"
clkdrift analyze "$T/run"
is "$(grep -c "$escape" "$T/out")" 0 "no colour in a pipe"
if ! script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	skip "colours and progress on a terminal" "no pseudo-terminal can be made here"
else
	shown=$(TERM=xterm terminal "$CLKDRIFT analyze $T/run")
	like "$shown" "verdict: $escape\\[1;3" "on a terminal the verdict is coloured"
	shown=$(TERM=xterm NO_COLOR=1 terminal "$CLKDRIFT analyze $T/run")
	like "$shown" "^verdict: stable" "not with NO_COLOR"
	shown=$(TERM=xterm terminal "$sample-1")
	like "$shown" 'quick|idle: .* left' "on a terminal progress is shown"
	# Each rewrite of the line must fit, or the terminal scrolls.
	longest=$(printf '%s' "$shown" | sed "s/$escape\\[K/\\n/g" | grep -E ' (left|readings|lost)' | LC_ALL=C.UTF-8 awk '{ if (length > m) m = length } END { print m + 0 }')
	[ "$longest" -gt 0 ] && [ "$longest" -lt 40 ]
	ok $? "and fits into 40 columns" "longest line: $longest"
	for quiet in "-q" "--json"; do
		TERM=xterm script -qec "$sample$quiet $quiet" /dev/null </dev/null >"$T/shown" 2>&1
		is "$(grep -c "$escape" "$T/shown")" 0 "no progress with $quiet"
	done
	is "$(TERM=dumb terminal "$sample-2 2>&1 >/dev/null")" "" "nor on a dumb terminal"
fi
clkdrift run -d 0.5s --clocks sim --no-report -o "$T/pipe"
is "$err" "" "nor into a pipe"
clkdrift run -d 0.3s --clocks sim --no-report -q -o "$T/quiet"
is "$out$err" "" "run -q prints nothing"
finish
