# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
# shellcheck shell=bash
#
# What the whole-program tests share: TAP, a scratch directory, hand-written runs.
# Source it from the top of the tree.  CLKDRIFT is the program under test.

CLKDRIFT=${CLKDRIFT:-$PWD/build/clkdrift}
export CLKDRIFT_DATADIR=${CLKDRIFT_DATADIR:-$PWD}
T=$(mktemp -d "${TMPDIR:-/tmp}/clkdrift-test.XXXXXX") || exit 1
export T
tests=0 failures=0

# Things to undo come last first; each is a shell command.
undo=()
on_exit() { undo=("$1" "${undo[@]}"); }
clean_up() {
	local command
	for command in "${undo[@]}"; do eval "$command"; done
	rm -rf "$T"
}
trap clean_up EXIT
trap 'exit 129' HUP INT TERM

[ -x "$CLKDRIFT" ] || { echo "Bail out! $CLKDRIFT is not there: build it first"; exit 1; }

say() { printf '# %s\n' "${1//$'\n'/$'\n'# }"; }

ok() { # STATUS NAME [DIAGNOSIS]
	tests=$((tests + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tests - $2"
		return
	fi
	failures=$((failures + 1))
	echo "not ok $tests - $2"
	if [ -n "${3-}" ]; then say "$3"; fi
}
is() { # GOT WANTED NAME
	local same=1
	if [ "$1" = "$2" ]; then same=0; fi
	ok $same "$3" "got '$1', wanted '$2'"
}
like() { # TEXT REGEX NAME
	local same=1
	if grep -qE -e "$2" <<<"$1"; then same=0; fi
	ok $same "$3" "no '$2' in: $1"
}
skip() { # NAME REASON
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}
finish() {
	echo "1..$tests"
	[ "$failures" = 0 ]
	exit
}

# Runs the program: $rc, $out and $err say what came of it.
clkdrift() {
	rc=0
	"$CLKDRIFT" "$@" >"$T/out" 2>"$T/err" </dev/null || rc=$?
	out=$(tr -d '\0' <"$T/out")
	err=$(tr -d '\0' <"$T/err")
}

# The program in the background with its own signals: a shell would make it ignore SIGINT.
start() { # ARGUMENT...
	perl -e '$SIG{$_} = "DEFAULT" for qw(INT TERM HUP QUIT); exec @ARGV or exit 127' -- \
		"$CLKDRIFT" "$@" >"$T/out" 2>"$T/err" </dev/null &
	pid=$!
}
await() { # COMMAND: until it holds, 30 s at most
	local i
	for ((i = 0; i < 300; i++)); do
		if eval "$1"; then return 0; fi
		sleep 0.1
	done
	return 1
}
ended() { # sets rc; kills it when it does not end
	rc=0
	{
		await "! kill -0 $pid" || kill -9 "$pid"
		wait "$pid" || rc=$?
	} 2>/dev/null # bash tells of what was killed
}

# Shared memory of labs that is left over: that of another one at work on this machine is open somewhere.
lab_shared() {
	find /dev/shm -name 'clkdrift-lab-*' -user "$(id -u)" 2>/dev/null | sort | while read -r file; do
		find /proc/[0-9]*/fd -lname "$file" 2>/dev/null | grep -q . || [ ! -e "$file" ] || echo "$file"
	done
}

derived() { (cd "$1" 2>/dev/null && find . -name 'drift.csv*' -o -name 'stability.csv*' -o -name 'steps.csv*' -o -name 'effects.csv*' -o -name 'phases.csv*' -o -name 'verdict.json*' -o -name '.*.*' -type f); }

# One line that names file and line, exit code 2, nothing on stdout, no file made.
refused() { # NAME REGEX DIRECTORY [OPTION]...
	local name=$1 regex=$2 dir=$3 wrong=""
	shift 3
	clkdrift analyze "$dir" "$@"
	[ "$rc" = 2 ] || wrong="exit code $rc"
	[ "$(wc -l <"$T/err")" = 1 ] || wrong="$wrong, not one line"
	[ -z "$out" ] || wrong="$wrong, output"
	grep -qE -e "^clkdrift: $regex" <<<"$err" || wrong="$wrong, no '$regex'"
	[ -z "$(derived "$dir")" ] || wrong="$wrong, left: $(derived "$dir")"
	[ -z "$wrong" ]
	ok $? "$name" "$wrong: $(head -c 1000 <<<"$err")"
}

# The lab says why not, in one line, exit code 2.
refused_lab() { # NAME REGEX ARGUMENT...
	local name=$1 regex=$2
	shift 2
	clkdrift lab "$@"
	is "$rc $(wc -l <"$T/err")" "2 1" "$name: one line, exit code 2"
	like "$err" "$regex" "$name: the reason"
}

json() { jq -r "$1" "$T/out"; }

# A run written by hand: the smallest run.json, monotonic and a 24-bit acpi_pm that drifts by
# PPM against it, BURSTS bursts of COUNT readings 10 ms apart with GAP seconds between them.
hand_written() { # DIRECTORY PPM BURSTS COUNT GAP
	mkdir -p "$1/samples"
	cat >"$1/run.json" <<-'END'
		{"schema":1,"host":"h","scenario":"s","tsc_hz":2.6e9,"clocks":[{"name":"monotonic","unit":"ns"},
		{"name":"acpi_pm","unit":"ticks","hz":3579545,"bits":24}],"phases":[{"name":"all","tsc_lo":0,"tsc_hi":18446744073709551615}]}
	END
	perl -e '
		use strict; use warnings;
		my ($ppm, $bursts, $count, $gap) = @ARGV;
		my ($dice, $t) = (12345, 5_000_000_000);
		sub dice { $dice = ($dice * 16807) % 2147483647; return $dice % $_[0]; }
		print "clock,tsc_lo,value,tsc_hi\n";
		# The TSC ticks 26 cycles each 10 ns; it began 1000 s before the clocks did.
		sub reading {
			my ($clock, $value, $lo, $at, $hi) = @_;
			printf "%s,%d,%d,%d\n", $clock, 26 * ($lo / 10 + 1e11), $value, 26 * ($hi / 10 + 1e11);
		}
		for my $burst (1 .. $bursts) {
			for (1 .. $count) {
				my $at = $t + 10 * dice(100000);
				my $mid = $at + 20;
				reading("monotonic", $mid, $at, $mid, $mid + 20);
				$at += 100;
				$mid = $at + 400 + 10 * dice(20);
				my $ticks = int($mid * 1e-9 * 3579545 * (1 + $ppm * 1e-6));
				reading("acpi_pm", $ticks & 0xffffff, $at, $mid, 2 * $mid - $at);
				$t += 10_000_000;
			}
			$t += $gap * 1_000_000_000;
		}' -- "$2" "$3" "$4" "$5" >"$1/samples/cpu000.csv"
}

# What a lab with ci/helpers/qemu needs: $T/bin for it, a kernel, the scenario idle.ini, the shipped data with these
# configurations instead, and what the guest packs.  With TCG: where there is KVM, each boot would be tried twice.
fake_lab() { # CONFIGURATION...
	local part data=$T/data
	mkdir -p "$T/bin" "$data/bench/lab"
	cp "$(type -P true)" "$T/bin/busybox"
	echo kernel >"$T/kernel"
	printf '[scenario]\nsummary = idle\n[phase idle]\nduration = 300ms\n' >"$T/idle.ini"
	for part in analysis results bench/scenarios; do ln -s "$CLKDRIFT_DATADIR/$part" "$data/$part"; done
	for part in "$CLKDRIFT_DATADIR"/bench/lab/*; do ln -s "$part" "$data/bench/lab/"; done
	rm "$data/bench/lab/configurations.ini"
	printf '[%s]\nsummary = s\naccel = tcg\n' "$@" >"$data/bench/lab/configurations.ini"
	export CLKDRIFT_DATADIR=$data
	hand_written "$T/packed" 5 2 20 1
	mkdir "$T/packed/guest"
	echo 0 >"$T/packed/guest/exit"
	tar --format=ustar -C "$T/packed" -cf "$T/packed.tar" .
	export FAKE_TAR=$T/packed.tar
}
