#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# 'clkdrift serve --udp' under 100 000 datagrams made from valid ones (ci/helpers/datagrams), without and with a key: it
# answers the valid ones, and nothing else.  DATAGRAMS, DATAGRAMS_SEED: how many, which.
. ci/t/lib.sh

count=${DATAGRAMS:-100000}
seed=${DATAGRAMS_SEED:-$RANDOM}
say "seed $seed"
head -c 32 /dev/urandom >"$T/key"
chmod 600 "$T/key"
printf '[scenario]\nsummary = idle\nclocks = monotonic_raw\n[phase idle]\nduration = 1s\n' >"$T/idle.ini"
on_exit '[ -z "${pid-}" ] || kill -9 $pid 2>/dev/null'
export ASAN_OPTIONS=${ASAN_OPTIONS-detect_leaks=1}

rss_kb() { awk '/^VmRSS:/ { print $2 }' "/proc/$pid/status"; }
sum() { # WORD: of the sent
	sed -n "s/.*\(^\|, \)\([0-9]*\) $1.*/\2/p" "$T/sent" | awk '{ s += $1 } END { print s + 0 }'
}
dropped() { # WORD: of serve's summary, which leaves out what is 0
	sed -n "s/.*, \([0-9]*\) dropped: $1.*/\1/p" "$T/out" | awk '{ s += $1 } END { print s + 0 }'
}

for keyed in "" "$T/key"; do
	name="without a key"
	[ -z "$keyed" ] || name="with a key"
	: >"$T/out"
	start serve --udp 0 ${keyed:+--key "$keyed"}
	await "grep -q answering $T/out || ! kill -0 $pid 2>/dev/null"
	port=$(sed -n 's/^answering at udp:127.0.0.1:\([0-9]*\).*/\1/p' "$T/out")
	# Code and stack are in the memory then.
	perl ci/helpers/datagrams "$port" $((seed + 1)) 2000 ${keyed:+"$keyed"} >"$T/sent"
	ok $? "$name: the first 2000" "$(cat "$T/sent")"
	before=$(rss_kb)
	perl ci/helpers/datagrams "$port" "$seed" "$count" ${keyed:+"$keyed"} >>"$T/sent"
	ok $? "$name: each valid one of $count datagrams is answered, and no other" "$(cat "$T/sent")"
	after=$(rss_kb)
	[ $((${after:-999999} - before)) -le 256 ]
	ok $? "$name: its memory stays what it is, from $before kB to $after kB"
	say "$(tail -n 1 "$T/sent")"
	"$CLKDRIFT" run "$T/idle.ini" -c 0 --peer "udp:127.0.0.1:$port${keyed:+:key=$keyed}" --no-report -q -o "$T/run-$port" 2>"$T/run.err"
	like "$? $(jq '[.tallies[] | select(.clock == "peer") | .kept] | add > 3' "$T/run-$port/run.json")" '^[013] true$' \
		"$name: afterwards it is read as before"
	is "$(jq -r '.clocks | map({key: .name, value: .oscillator}) | from_entries | .peer == .monotonic_raw' "$T/run-$port/run.json")" \
		true "$name: it is on this machine, and no other oscillator"
	kill -TERM "$pid"
	ended
	is "$rc $(cat "$T/err")" "0 " "$name: it ends well"
	for word in "wrong length" "wrong magic" "other version" "unknown kind" "wrong HMAC" "field out of range"; do
		is "$(dropped "$word")" "$(sum "$word")" "$name: dropped: $word"
	done
	is "$(($(dropped replayed) + $(dropped "too old")))" "$(sum "spent or unknown")" "$name: dropped: replayed or too old"
	# The run asked too.
	is "$(awk '/ messages, / { gsub(/[^0-9]+/, " "); t = $1; for (i = 2; i <= NF; i++) s += $i; print t == s }' "$T/out")" 1 \
		"$name: the summary adds up"
	is "$(awk -v s="$(sum sent)" -v a="$(sum answered)" '/ messages, / { print ($1 - s == $3 - a && $3 > a) }' "$T/out")" 1 \
		"$name: nothing was lost on the way" "$(cat "$T/out"); $(cat "$T/sent")"
done
finish
