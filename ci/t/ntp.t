#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# Against real NTP servers: chronyd in a network namespace of its own, which shares the kernel's clock and does not
# touch it (-x).  So the truth is known: the server's time is CLOCK_REALTIME.
# shellcheck disable=SC2016 # what await is given, it expands itself
. ci/t/lib.sh

give_up() { # REASON
	echo "1..0 # SKIP $1"
	exit 0
}
[ "$(id -u)" = 0 ] || give_up "needs root for a network namespace"
command -v ip >"$T/out" || give_up "there is no ip (iproute2)"
chronyd=$(PATH=$PATH:/usr/sbin command -v chronyd)
if [ -z "$chronyd" ]; then
	chronyd=${BUILD:-$PWD/build}/ci/chronyd
	mkdir -p "${chronyd%/*}"
	ci/unpack chrony usr/sbin/chronyd "$chronyd" 2>"$T/err" || give_up "no chronyd, and $(cat "$T/err")"
fi
"$chronyd" -v >"$T/out" 2>&1 || give_up "chronyd does not run here: $(tail -n 1 "$T/out")"

# Link-local, unique local (RFC 4193), and one for benchmarks (RFC 2544), which to the program is a public one.
ns=clkdrift-ntp-$$
near=cdn$$
far=cdf$$
ip netns add "$ns" 2>"$T/err" || give_up "no network namespace: $(cat "$T/err")"
on_exit "ip netns del $ns"
ip link add "${near:0:15}" type veth peer name "${far:0:15}" netns "$ns" 2>"$T/err" || give_up "no veth: $(cat "$T/err")"
on_exit "ip link del ${near:0:15} 2>/dev/null"
{
	ip addr add 169.254.231.1/30 dev "${near:0:15}" &&
		ip addr add 198.19.231.1/30 dev "${near:0:15}" &&
		ip addr add fdc1:0:d::1/64 dev "${near:0:15}" nodad &&
		ip link set "${near:0:15}" up &&
		ip -n "$ns" addr add 169.254.231.2/30 dev "${far:0:15}" &&
		ip -n "$ns" addr add 198.19.231.2/30 dev "${far:0:15}" &&
		ip -n "$ns" addr add fdc1:0:d::2/64 dev "${far:0:15}" nodad &&
		ip -n "$ns" link set "${far:0:15}" up && ip -n "$ns" link set lo up
} 2>"$T/err" || give_up "the namespace cannot be set up: $(cat "$T/err")"

# chronyd NAME PORT DIRECTIVE...: in the foreground of a job, so that its end is ours.
serve() {
	local name=$1
	printf '%s\n' "port $2" "cmdport 0" "bindcmdaddress /" "pidfile $T/$name.pid" "allow all" "${@:3}" >"$T/$name.conf"
	: >"$T/$name.log"
	ip netns exec "$ns" "$chronyd" -x -d -u root -f "$T/$name.conf" >"$T/$name.log" 2>&1 &
	on_exit "kill $! 2>/dev/null; wait $! 2>/dev/null"
	await "grep -q 'Disabled control' $T/$name.log" || say "$(cat "$T/$name.log")"
}
serve good 123 "local stratum 5"
serve unsynchronised 124
serve refusing 125 "local stratum 5" "deny 169.254.231.0/24"

clkdrift run -d 8s -c 0 --clocks monotonic_raw,realtime --reference realtime --ntp 169.254.231.2 --ntp '[fdc1:0:d::2]:123' \
	--ntp 198.19.231.2:123 --ntp 169.254.231.2:124 --ntp 169.254.231.2:125 --ntp 169.254.231.2:126 -o "$T/run" --no-report
run_json() { jq -r "$1" "$T/run/run.json"; }
[ "$rc" != 2 ]
ok $? "a run with NTP servers" "exit code $rc: $err"

server() { run_json ".ntp[] | select(.clock == \"$1\") | $2"; }
for clock in ntp-169.254.231.2 ntp-fdc1:0:d::2 ntp-198.19.231.2; do
	is "$(server "$clock" '"\(.leap) \(.stratum) \(.refid) \(.asked > 3) \(.asked == .answered) \(.answered == .stamped)"')" \
		"0 5 7F7F0101 true true true" "$clock: what it says of itself"
	is "$(run_json ".clocks[] | select(.name == \"$clock\") | .oscillator")" "$clock" "$clock: its own oscillator"
done
is "$(server ntp-169.254.231.2 .interval_s)" 1 "a server nearby is asked every second"
is "$(server ntp-198.19.231.2 '"\(.interval_s) \(.asked <= 6)"')" "64 true" "a public one every 64 s, after a burst with 2 s between"

reason() { run_json ".unavailable[] | select(.name == \"$1\") | .reason"; }
like "$(reason ntp-169.254.231.2:124)" 'alarm: it is not synchronised' "a server that is not synchronised"
like "$(reason ntp-169.254.231.2:125)" 'silent: it does not answer' "a server that does not talk to us"
like "$(reason ntp-169.254.231.2:126)" 'unreachable: ' "no server at all"
like "$out" 'ntp-169.254.231.2:124.*not synchronised' "the output says so"

# Each reading of the server against the nearest one of CLOCK_REALTIME before and after it: inside the bracket, and the
# middle off by no more than half of it.
offsets() { # CLOCK
	perl -e '
		use strict; use warnings;
		my ($run, $clock, $hz) = @ARGV;
		my @real;
		open my $cpu, "<", "$run/samples/cpu000.csv" or die; <$cpu>;
		while (<$cpu>) { chomp; my ($c, $lo, $v, $hi) = split /,/; push @real, [($lo + $hi) / 2, $v, ($hi - $lo) / 2] if $c eq "realtime"; }
		open my $slow, "<", "$run/samples/slow.csv" or die; <$slow>;
		my ($n, $out, $worst, $i) = (0, 0, 0, 0);
		while (<$slow>) {
			chomp; my (undef, $c, $lo, $v, $hi) = split /,/;
			next if $c ne $clock;
			my $mid = ($lo + $hi) / 2;
			$i++ while $i + 2 < @real && $real[$i + 1][0] < $mid;
			my ($a, $b) = @real[$i, $i + 1];
			# Values of ns since 1970 are not exact as doubles: differences to the first are.
			my $true = ($b->[1] - $a->[1]) * ($mid - $a->[0]) / ($b->[0] - $a->[0]);
			my $off = ($v - $a->[1]) - $true;
			my $half = ($hi - $lo) / 2 / $hz * 1e9;
			my $slack = ($a->[2] + $b->[2]) / $hz * 1e9 + 200;
			$n++; $out++ if abs($off) > $half + $slack;
			$worst = abs($off) if abs($off) > $worst;
		}
		printf "%d %d %.0f\n", $n, $out, $worst' -- "$T/run" "$1" "$(run_json .tsc_hz)"
}
for clock in ntp-169.254.231.2 ntp-fdc1:0:d::2 ntp-198.19.231.2; do
	read -r n outside worst <<<"$(offsets "$clock")"
	[ "${n:-0}" -ge 3 ] && [ "$outside" = 0 ]
	ok $? "$clock: the offset agrees with the truth within its bound" "$outside of $n readings are outside"
	say "$clock: $n readings, the worst off by $worst ns, least delay $(server "$clock" .delay_min_ns) ns"
done
finish
