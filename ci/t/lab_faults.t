#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# A lab whose parts fail: each fault is told in one line with exit code 2, and nothing is left but what there is to look
# into.  QEMU and the guest are ci/helpers/qemu, so that it takes no time and happens each time; the last part boots a
# guest, but with FAULTS_GUEST=no.  FAULTS_SEED, FAULTS_MOMENTS: for the random ones.
# shellcheck disable=SC2016 # what await is given, it expands itself
. ci/t/lib.sh

fake_lab one-vcpu
cp ci/helpers/qemu "$T/bin/qemu-system-x86_64"
# Without a word on the accelerator.
printf '[either]
summary = what there is
' >>"$CLKDRIFT_DATADIR/bench/lab/configurations.ini"

# ---- what is left ----

left() { # NAME: of that lab
	pgrep -f "$T/(tmp|run|cache)-$1( |/|,|\$)" || true
	find "$T/tmp-$1" -mindepth 1 2>/dev/null
	find "$T/cache-$1" -name '.fetch-*' 2>/dev/null
	lab_shared
}

# A lab of its own; sets rc, out, err.
lab() { # NAME OPTION...
	local name=$1
	shift
	mkdir -p "$T/tmp-$name"
	rc=0
	PATH=${lab_path:-$T/bin:$PATH} TMPDIR=$T/tmp-$name "$CLKDRIFT" lab run --config one-vcpu --scenario "$T/idle.ini" \
		--no-report "$@" -o "$T/run-$name" >"$T/out-$name" 2>"$T/err-$name" </dev/null || rc=$?
	out=$(<"$T/out-$name") err=$(<"$T/err-$name")
}

# One line that tells; before it where to look, if there is anything.
told() { # NAME REGEX
	local lines=1 wrong=
	[ ! -e "$T/run-$1" ] || lines=2
	[ "$rc" = 2 ] || wrong="exit code $rc"
	[ "$(grep -c . <<<"$err")" = $lines ] || wrong="$wrong, not $lines lines"
	tail -n 1 <<<"$err" | grep -qE -e "^clkdrift: .*$2" || wrong="$wrong, no '$2'"
	if [ $lines = 2 ]; then
		[ "$(head -n 1 <<<"$err")" = "clkdrift: what the guest left is in $T/run-$1" ] || wrong="$wrong, not where to look"
		[ -s "$T/run-$1/guest/console.log" ] || wrong="$wrong, nothing to look into"
	fi
	[ -z "$out" ] || wrong="$wrong, output"
	[ -z "$wrong" ]
	ok $? "$1: $2" "$wrong: $err"
	is "$(left "$1")" "" "$1: nothing is left"
}

# ---- nothing to boot ----

mv "$T/bin/qemu-system-x86_64" "$T/qemu"
lab_path=$T/bin lab qemu-missing --kernel "$T/kernel"
told qemu-missing 'qemu-system-x86_64 is not installed; install it'
[ ! -e "$T/run-qemu-missing" ]
ok $? "without QEMU there is no run directory"
mv "$T/qemu" "$T/bin/qemu-system-x86_64"

mv "$T/bin/busybox" "$T/busybox"
lab_path=$T/bin lab busybox-missing --kernel "$T/kernel"
told busybox-missing 'busybox is not installed; install it'
mv "$T/busybox" "$T/bin/busybox"

lab_path=$T/bin lab no-archive --cache "$T/cache-no-archive"
told no-archive 'no guest kernel: package linux-image.*apt-cache is not installed'
tool() { # NAME COMMAND: a tool that is a shell script
	printf '#!/bin/sh\n%s\n' "$2" >"$T/bin/$1"
	chmod +x "$T/bin/$1"
}
tool apt-cache 'echo "N: Unable to locate package" >&2; exit 0'
lab kernel-unknown --cache "$T/cache-kernel-unknown"
told kernel-unknown 'no guest kernel: package linux-image.*nothing is known of it'
tool apt-cache 'echo "  Depends: linux-image-9.9-fake"'
tool apt-get 'echo "E: Failed to fetch: connection timed out" >&2; exit 100'
lab kernel-missing --cache "$T/cache-kernel-missing"
told kernel-missing 'no guest kernel: package linux-image-9.9-fake: apt-get: exit status 100: E: Failed to fetch'
tool apt-get 'echo no package >$3_9.9.deb'
tool dpkg 'echo "dpkg-deb: error: not a Debian format archive" >&2; exit 2'
lab package-broken --cache "$T/cache-package-broken"
told package-broken 'no guest kernel: .*dpkg: exit status 2: dpkg-deb: error: not a Debian'
rm "$T/bin/apt-cache" "$T/bin/apt-get" "$T/bin/dpkg"

# ---- QEMU ----

fault() { # FAULT REGEX [OPTION]...
	local name=$1 regex=$2
	shift 2
	FAKE=$name lab "$name" --kernel "$T/kernel" --deadline 30s "$@"
	told "$name" "$regex"
}
fault refuses "QEMU: exit status 1: qemu-system-x86_64: unsupported machine type"
fault closes-at-once 'QMP greeting: QEMU has ended'
fault closes-at-qmp_capabilities 'QMP qmp_capabilities: QEMU has ended'
fault closes-at-query-cpus-fast 'QMP query-cpus-fast: QEMU has ended'
fault speaks-no-qmp 'QMP greeting: what QEMU says is not QMP'
fault panics "the guest's kernel panicked: Kernel panic - not syncing: no init"
fault leaves 'the guest ended before it was done; its last line: Power down'
fault is-killed 'QEMU: killed by signal 9'
fault packs-noise 'the archive from the guest: it is damaged'

# What a guest says of its own trouble is cleaned: a byte that is no UTF-8 may begin a terminal's command.
cp -r "$T/packed" "$T/troubled"
echo 2 >"$T/troubled/guest/exit"
printf 'no \233 2J \033 clock\n' >"$T/troubled/guest/stderr"
tar --format=ustar -C "$T/troubled" -cf "$T/troubled.tar" .
FAKE_TAR=$T/troubled.tar fault is-troubled 'in the guest: no \? 2J \? clock \(exit status 2\)'

# What hangs takes its deadline, so all of these at once.  A loaded machine needs some time for what comes before.
late=5
hangs=(no-socket 'QEMU does not open its control socket'
	mute-at-query-cpus-fast 'QMP query-cpus-fast: QEMU does not answer'
	hangs-in-boot "the guest hangs in its boot: not done after $late s .*its last line: Linux version"
	panics-and-hangs "the guest's kernel panicked: Kernel panic"
	hangs-in-setup 'the guest hangs in its setup: not done'
	hangs-in-run 'the guest hangs in its run: not done'
	stubborn 'the guest hangs in its run: not done')
hanging() { # FAULT: as TAP in a file
	tests=0
	FAKE=$1 lab "$1" --kernel "$T/kernel" --deadline ${late}s
	if [ -n "${2-}" ]; then
		told "$1" "$2"
	else
		like "$rc $err" '^[013] ' "$1: the result counts"
		is "$(left "$1")" "" "$1: nothing is left"
	fi >"$T/tap-$1"
}
for ((i = 0; i < ${#hangs[@]}; i += 2)); do
	hanging "${hangs[i]}" "${hangs[i + 1]}" &
done
hanging hangs-at-its-end &
wait
for name in no-socket mute-at-query-cpus-fast panics-and-hangs stubborn hangs-in-{boot,setup,run} hangs-at-its-end; do
	is "$(grep -c '^ok' "$T/tap-$name")" 2 "$name: as it should be, and nothing is left"
	grep -q '^not ok' "$T/tap-$name" && say "$(cat "$T/tap-$name")"
done

# ---- KVM ----

# A guest that hangs with KVM alone is KVM's fault, which is noted; one that hangs without it too says nothing of it.
either() { # FAULT
	FAKE=$1 lab "$1-either" --config either --kernel "$T/kernel" --deadline ${late}s --cache "$T/cache-$1-either"
	echo "$rc" >"$T/rc-$1"
}
if [ -w /dev/kvm ]; then
	either hangs-with-kvm &
	either hangs-in-boot &
	wait
	like "$(<"$T/rc-hangs-with-kvm")" '^[013]$' "a guest that hangs with KVM alone: TCG is taken"
	like "$(tail -n 1 "$T/cache-hangs-with-kvm-either/kvm-failed")" 'the guest hangs in its boot' "it is noted"
	is "$(<"$T/rc-hangs-in-boot")" 2 "a guest that hangs with both is trouble"
	[ ! -e "$T/cache-hangs-in-boot-either/kvm-failed" ]
	ok $? "KVM is not blamed for it"
else
	skip "KVM alone hangs" "no /dev/kvm"
fi

# ---- no harm done ----

harmless() { # FAULT
	FAKE=$1 lab "$1" --kernel "$T/kernel" --deadline 30s --json
	like "$rc $err" '^[013] ' "$1: the result counts"
	is "$(left "$1")" "" "$1: nothing is left"
	is "$(jq -r '.lab | [.configuration, .qemu, .accelerator.used] | join(" ")' "$T/run-$1/run.json")" \
		"one-vcpu 9.9.9 (fake) tcg" "$1: the run knows its lab"
}
harmless none
harmless closes-later
FAKE_WORK_S=1 harmless scribbles
is "$(jq '.lab.responder.errors > 0' "$T/run-scribbles/run.json")" true "a guest that fills the shared memory with random bytes is counted"

# ---- ended while it samples ----

# Twice, as Ctrl-C under timeout(1) and a terminal may: the second finds it busy with ending a guest that takes its time.
mkdir "$T/tmp-twice"
FAKE=stubborn PATH=$T/bin:$PATH TMPDIR=$T/tmp-twice start lab run --config one-vcpu --scenario "$T/idle.ini" --no-report --kernel "$T/kernel" \
	-o "$T/run-twice"
await '[ -s "$T/run-twice/guest/console.log" ]'
sleep 0.3
kill -s INT "$pid"
sleep 0.3
kill -s INT "$pid"
ended
is "$rc $(<"$T/err")" "2 clkdrift: ended by a signal (Interrupt); nothing is kept" "a lab that Ctrl-C ends says so"
is "$(left twice)" "" "twice: nothing is left"
[ ! -e "$T/run-twice" ]
ok $? "nor a run directory"

# ---- ended at any moment ----

seed=${FAULTS_SEED:-$RANDOM}
moments=${FAULTS_MOMENTS:-15}
RANDOM=$seed
tool apt-cache 'sleep 0.05; echo "  Depends: linux-image-9.9-fake"'
tool apt-get 'sleep 0.1; echo no package >$3_9.9.deb; sleep 0.1'
tool dpkg 'mkdir -p $3/boot $3/lib/modules/9.9; sleep 0.1; echo k >$3/boot/vmlinuz-9.9; : >$3/lib/modules/9.9/modules.dep'
export PATH=$T/bin:$PATH
began=${EPOCHREALTIME/./}
lab whole --cache "$T/cache-whole"
whole_us=$((${EPOCHREALTIME/./} - began))
say "seed $seed; a lab takes $whole_us us"
like "$rc $err" '^[013] ' "with a package that is fetched"
is "$(left whole)" "" "nothing is left"
signals=(INT TERM KILL)
for ((i = 0; i < moments; i++)); do
	signal=${signals[i % 3]} name=moment-$i
	at_us=$((RANDOM * whole_us / 32768))
	mkdir "$T/tmp-$name"
	TMPDIR=$T/tmp-$name start lab run --config one-vcpu --scenario "$T/idle.ini" --no-report --cache "$T/cache-$name" \
		-o "$T/run-$name"
	sleep "$(printf '%d.%06d' $((at_us / 1000000)) $((at_us % 1000000)))"
	kill -s $signal "$pid" 2>/dev/null
	ended
	# After SIGKILL those who clear up need a moment.
	[ $signal != KILL ] || await "[ -z \"\$(left $name)\" ]"
	is "$(left $name)" "" "SIG$signal after $at_us us: nothing is left (exit code $rc)"
	[ $signal = KILL ] || [ ! -e "$T/run-$name" ] || [ -s "$T/run-$name/run.json" ]
	ok $? "nor half a run"
done
is "$(pgrep -f "$T/")" "" "no process at all"

# ---- a migration that fails ----

rm "$T"/bin/*
PATH=${PATH#"$T/bin:"}
why=
for program in qemu-system-x86_64 busybox apt-get dpkg; do
	command -v "$program" >/dev/null || why="$program is not installed"
done
give_up() {
	skip "a migration that fails" "$1"
	finish
}
[ "${FAULTS_GUEST-yes}" != no ] || why="FAULTS_GUEST=no"
[ -z "$why" ] || give_up "$why"
cat >"$T/idle.ini" <<-'END'
	[scenario]
	summary = a migration
	[phase migrate]
	duration = 2s
	migrate =
	recovery = 1s
END
other() { # COMMAND: in place of the QEMU that takes the guest over
	printf '#!/bin/sh\ncase "$*" in *-incoming*) %s ;; esac\nexec %s "$@"\n' "$1" "$(command -v qemu-system-x86_64)" >"$T/other"
	mv "$T/other" "$T/bin/qemu-system-x86_64"
	chmod +x "$T/bin/qemu-system-x86_64"
}
other 'echo "qemu: cannot set up guest memory" >&2; exit 1'
lab no-migration -q
! grep -q 'no guest kernel' <<<"$err" || give_up "$err"
like "$rc $err" '^[13] $' "the other QEMU does not start: the guest goes on and its result counts"
is "$(jq -c '.phases[] | select(.name == "migrate").disturbances[0].observed' "$T/run-no-migration/run.json")" false \
	"the migration was not seen"
like "$(jq -c '.phases[] | select(.name == "migrate").disturbances[0]' "$T/run-no-migration/run.json")" \
	'QEMU: exit status 1: qemu: cannot set up guest memory' "with the reason"
like "$(tr -d '\0\r' <"$T/run-no-migration/guest/console.log" | tail -n 1)" 'Power down' "the guest ended by itself"
is "$(left no-migration)" "" "nothing is left"

other "exec tail -f $T/kernel"
mkdir "$T/tmp-mid-migration"
PATH=$T/bin:$PATH TMPDIR=$T/tmp-mid-migration start lab run --config one-vcpu --scenario "$T/idle.ini" --no-report -q \
	-o "$T/run-mid-migration"
waits="pgrep -f 'tail -f $T/kernel' >/dev/null"
await "$waits" || await "$waits"
ok $? "a migration is on its way"
kill -KILL "$pid"
ended
await '[ -z "$(left mid-migration)$(pgrep -f "$T/")" ]'
ok $? "SIGKILL in a migration: nothing is left" "$(left mid-migration)"
finish
