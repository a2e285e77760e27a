#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# The clocks of another machine over shared memory.  Both sides are this machine, so the truth is known:
# no drift at all.
set -u
. ci/t/lib.sh

page=/dev/shm/clkdrift-test-$$
server=
# shellcheck disable=SC2016 # read when it is run
on_exit 'rm -f "$page"'
# shellcheck disable=SC2016
on_exit '[ -z "$server" ] || kill -9 $server 2>/dev/null'

serve() { # the responder in the background
	: >"$T/serve.out"
	perl -e '$SIG{$_} = "DEFAULT" for qw(INT TERM HUP QUIT); exec @ARGV or exit 127' -- \
		"$CLKDRIFT" serve --shm "$page" >"$T/serve.out" 2>"$T/serve.err" </dev/null &
	server=$!
	await "grep -q answering $T/serve.out || ! kill -0 $server 2>/dev/null"
}
end_server() { # SIGNAL: sets rc
	rc=0
	{
		kill -"$1" "$server"
		await "! kill -0 $server" || kill -9 "$server"
		wait "$server" || rc=$?
	} 2>/dev/null # bash tells of what was killed
	server=
}
# CPU time of a process in seconds: to the ns where the kernel counts so, else in ticks.
cpu_s() {
	if cat "/proc/$1"/task/*/schedstat >"$T/cpu" 2>/dev/null; then
		awk '{ s += $1 } END { printf "%.6f", s / 1e9 }' "$T/cpu"
	else
		sed 's/.*) //' "/proc/$1/stat" | awk -v hz="$(getconf CLK_TCK)" '{ printf "%.6f", ($12 + $13) / hz }'
	fi
}
rows() { grep -cE '^[0-9]+,peer,' "$1/samples/slow.csv"; } # of a run
# TSC at the last row of the peer, and of the first clock, in seconds after the first.
last_s() { awk -F, -v hz="$(jq .tsc_hz "$1/run.json")" '/^[0-9]+,peer,/ { if (!first) first = $3; last = $3 }
	END { printf "%.2f", (last - first) / hz }' "$1/samples/slow.csv"; }

# ---- what is refused ----

refuse() { # REGEX ARGUMENT...
	local regex=$1
	shift
	clkdrift "$@"
	like "$rc $(wc -l <"$T/err") $err" "^2 1 clkdrift: .*$regex" "refused: clkdrift $*"
}
refuse 'serve needs --shm PATH' serve
refuse 'the responder runs on one CPU|offline' serve --shm "$page" --cpus 0-1
refuse 'No such file or directory' serve --shm /nonexistent/page
refuse "is not there: start 'clkdrift serve --shm PATH'" run --peer "shm:$page" -o "$T/none"
refuse 'unknown transport' run --peer "wobble:$page" -o "$T/none"
refuse 'no address' run --peer shm -o "$T/none"
head -c 1048576 /dev/zero >"$page"
refuse 'no responder has prepared it' run --peer "shm:$page" -o "$T/none"
echo precious >"$page"
refuse 'is not of a clkdrift' serve --shm "$page"
is "$(cat "$page")" precious "and left alone"
rm "$page"
ok "$([ ! -e "$T/none" ]; echo $?)" "no refused run left a directory"

# ---- what a guest needs ----

clkdrift serve --explain --shm /dev/shm/clk-a
is "$rc$err" 0 "serve --explain"
like "$out" 'memory-backend-file,id=clk,mem-path=/dev/shm/clk-a,size=1M,share=on' "the memory"
like "$out" 'ivshmem-plain,memdev=clk' "the device"
like "$out" 'clkdrift run --peer shm:auto' "what to run in the guest"
sed -n '/<shmem/,/<\/shmem/p' "$T/out" >"$T/shmem.xml"
is "$(xmllint --xpath 'concat(/shmem/@name, " ", /shmem/model/@type, " ", /shmem/size, /shmem/size/@unit)' "$T/shmem.xml")" \
	"clk-a ivshmem-plain 1M" "the XML of libvirt"
[ ! -e /dev/shm/clk-a ]
ok $? "nothing was made"

# ---- asleep, and its file ----

serve
like "$(cat "$T/serve.out")" "answering in $page" "serve says where it answers"
is "$(stat -c '%s %a' "$page")" "1048576 600" "the file: its size, and for its owner alone"
refuse "another 'clkdrift serve'" serve --shm "$page"
before=$(cpu_s "$server")
sleep 5
share=$(perl -e 'printf "%.2f", 100 * ($ARGV[0] - $ARGV[1]) / 5' "$(cpu_s "$server")" "$before")
like "$(awk -v s="$share" 'BEGIN { print (s <= 3) }')" 1 "while nobody asks it takes $share % of a CPU"
for signal in TERM INT HUP; do
	[ -n "$server" ] || serve
	end_server $signal
	is "$rc $([ -e "$page" ] && echo there)" "0 " "SIG$signal: it ends well and removes its file"
	like "$(cat "$T/serve.out")" '^0 exchanges in 0 bursts, 0 of them met late, 0 errors$' "SIG$signal: a summary"
done

# ---- the truth: no drift ----

cat >"$T/idle.ini" <<-END
	[scenario]
	summary = nothing is done
	clocks = monotonic_raw,tsc
	[phase idle]
	duration = 4s
END
serve
clkdrift run "$T/idle.ini" --peer "shm:$page" --reference monotonic_raw --no-report --json -o "$T/run"
like "$rc" '^[013]$' "run --peer" "$err"
is "$(jq -r '[.clocks[] | select(.name | test("^peer")) | .name + ":" + .unit] | join(" ")' "$T/run/run.json")" \
	"peer:ns peer_monotonic:ns peer_realtime:ns peer_tsc:ticks" "four clocks of the other side"
# The responder beside us has no other clocks than we have.
is "$(jq -c '.clocks | map({key: .name, value: [.oscillator, .clocksource]}) | from_entries |
	[.peer == .monotonic_raw, .peer_monotonic == .peer, .peer_realtime == .peer, .peer_tsc == .tsc]' "$T/run/run.json")" \
	'[true,true,true,true]' "they follow the oscillators of ours"
like "$(jq -r '.verdict.reasons | join(" | ")' "$T/out")" 'no independent reference' "and are no proof of them"
is "$(jq '[.clocks[] | select(.name == "peer_tsc") | .hz] == [.clocks[] | select(.name == "tsc") | .hz]' "$T/run/run.json")" \
	true "the rate of its TSC is that of ours"
if [ "$(nproc)" -lt 2 ]; then
	skip "no drift between a clock and itself" "both sides share one CPU"
else
	jq -r '.drift[] | select(.clock == "peer") | [.drift_ppm, .ci_low_ppm, .ci_high_ppm, .systematic_ppm, .width_ns] | @tsv' "$T/out" >"$T/peer"
	read -r got low high bias width <"$T/peer"
	say "peer against monotonic_raw: ${got:-none} ppm, from ${low:-} to ${high:-}, +- ${bias:-}; brackets of ${width:-} ns"
	is "$(awk -v g="${got:-9999}" -v l="${low:-0}" -v h="${high:-0}" -v b="${bias:-0}" 'BEGIN {
		print ((g < 0 ? -g : g) <= 0.005 + (h - l) + b && h - l < 1) }')" 1 "no drift between a clock and itself" \
		"$got ppm, from $low to $high"
fi
like "$(jq '[.tallies[] | select(.clock == "peer") | .kept] | add > 20' "$T/run/run.json")" true "readings were kept"
is "$(jq -r '[.peer_environment.boot_id, (.peer_environment | has("kvm_vcpus"))] | join(" ")' "$T/run/run.json")" \
	"$(cat /proc/sys/kernel/random/boot_id) true" "and what the other side tells of its machine"

# A process beside us counts our own TSC: as KVM would map it with the offset 0.
kvm_says() { # OFFSET
	jq --argjson o "$1" '.peer_environment.kvm_vcpus = [range(256) | {"pid": 7, "fd": 9, "vcpu": ., "tsc_offset": $o,
		"tsc_scaling_ratio": 281474976710656, "frac_bits": 48}]' "$T/run/run.json" >"$T/new.json" && cp "$T/new.json" "$T/run/run.json"
	clkdrift analyze "$T/run" --json
	like "$rc" '^[013]$' "a run that tells of KVM's map is judged" "$err"
	jq -r '.verdict.reasons[] | select(test("as KVM maps it"))' "$T/out" >"$T/map"
}
if [ "$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)" = tsc ]; then
	kvm_says 0
	like "$(cat "$T/map")" 'is as KVM maps it: the host says 0 cycles, not scaled' "the exact map agrees with the measured one"
	kvm_says 100000000
	like "$(cat "$T/map")" 'is not as KVM maps it: the host says 100000000 cycles' "and a wrong one does not"
else
	skip "the exact map" "the TSC is not the clocksource: those of the CPUs may be apart"
fi
end_server TERM
like "$(cat "$T/serve.out")" '^[1-9][0-9]+ exchanges in [1-9][0-9]* bursts, [0-9]+ of them met late, 0 errors$' "the summary"

# ---- a responder that goes and comes back ----

comes_back() { # NAME SIGNAL DIRECTORY
	local run=$3 pid code=0
	serve
	"$CLKDRIFT" run "$T/idle.ini" -d 6s --peer "shm:$page" --no-report -q -o "$run" 2>"$T/err" </dev/null &
	pid=$!
	await "[ -s $run/samples/slow.csv ]"
	sleep 1
	end_server "$2"
	sleep 1
	serve
	wait $pid || code=$?
	like "$code" '^[013]$' "$1: the run goes on to its end" "$(cat "$T/err")"
	is "$(jq '[.tallies[] | select(.clock == "peer") | .failed] | add > 0' "$run/run.json")" true "$1: failures are counted"
	like "$(awk -v s="$(last_s "$run")" 'BEGIN { print (s > 4) }')" 1 "$1: read again afterwards, $(last_s "$run") s after the first"
	end_server TERM
	like "$(cat "$T/serve.out")" '^[1-9][0-9]* exchanges' "$1: the second responder answered"
	[ ! -e "$page" ]
	ok $? "$1: the file is removed"
}
comes_back "killed" KILL "$T/killed"
comes_back "ended" TERM "$T/ended"

# ---- garbage ----

serve
"$CLKDRIFT" run "$T/idle.ini" --peer "shm:$page" --no-report -q -o "$T/garbage" 2>"$T/err" </dev/null &
pid=$!
await "[ -s $T/garbage/samples/slow.csv ]"
perl -e '
	use strict; use warnings; use Time::HiRes qw(time sleep);
	srand 7;
	open my $page, "+<:raw", $ARGV[0] or die;
	my $end = time + 1.5;
	while (time < $end) {
		for (1 .. 100) {
			sysseek $page, 8 * int rand 128, 0;
			syswrite $page, pack "Q", int rand 2 ** 60;
		}
		sleep 0.0005;
	}' "$page"
rc=0
wait $pid || rc=$?
like "$rc" '^[013]$' "garbage in the page: the run goes on to its end" "$(cat "$T/err")"
is "$(wc -l <"$T/serve.err")" 1 "garbage: the responder says so once" "$(cat "$T/serve.err")"
# What came through is what the clock showed: never far from our own.
is "$(awk -F, '/^[0-9]+,peer,/ { if (last && ($4 < last || $4 - last > 8e9)) bad++; last = $4 } END { print bad + 0 }' "$T/garbage/samples/slow.csv")" \
	0 "garbage: no wrong value was taken, of $(rows "$T/garbage")"
clkdrift run "$T/idle.ini" -d 1s --peer "shm:$page" --no-report -q -o "$T/after"
like "$rc $(rows "$T/after")" '^[013] [1-9]' "garbage: the responder goes on to answer" "$err"
end_server TERM
like "$rc $(cat "$T/serve.out")" '[1-9][0-9]* errors$' "garbage: it is counted"
[ ! -e "$page" ]
ok $? "garbage: the file is removed"
finish
