#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# A machine of 256 CPUs that is not there: placement, storage and analysis, with the simulated clock.
. ci/t/lib.sh
export HWLOC_SYNTHETIC="package:4 [numa] core:32 pu:2"

clkdrift run idle -d 2s --interval 50ms --burst 2 --clocks sim:drift=3:noise=20:delay=40 --no-report --json -o "$T/run" --seed 1
is "$rc" 0 "the run is judged stable"
is "$err" "" "and says nothing on stderr"
is "$(json '.drift | length')" 256 "one drift for each CPU"
is "$(json '[.drift[].cpu] | unique | length')" 256 "each CPU once"
is "$(json '[.drift[] | select(.drift_ppm > 2.9 and .drift_ppm < 3.1)] | length')" 256 "each near the truth"
find "$T/run/samples" -name 'cpu*.csv' | wc -l >"$T/count"
is "$(cat "$T/count")" 256 "one file for each CPU"
is "$(find "$T/run/samples" -name 'cpu*.csv' | sort | tail -1)" "$T/run/samples/cpu255.csv" "the last is cpu255.csv"
is "$(jq '[.cpus[].package] | unique | length' "$T/run/run.json")" 4 "four packages"
is "$(jq '[.cpus[].core] | unique | length' "$T/run/run.json")" 128 "128 cores"
is "$(jq '[.cpus[].pinned] | any' "$T/run/run.json")" false "nothing is bound to a CPU that is not there"
like "$(jq -r .topology "$T/run/run.json")" '^synthetic: 4 packages, 128 cores' "the topology says what it is"
[ ! -e "$T/run/crosscpu.csv" ]
ok $? "no exchange between CPUs that are not there"

cp "$T/out" "$T/first"
clkdrift analyze "$T/run" --json
cmp -s "$T/first" "$T/out"
ok $? "analyze gives the same"
clkdrift analyze "$T/run"
[ "$(wc -l <"$T/out")" -lt 40 ]
ok $? "the text stays readable: one row stands for 256"
like "$out" 'on the CPU where it is worst' "and says so"

clkdrift run idle -d 0.5s --clocks sim -c 3,64-66,255 --no-report -q -o "$T/five"
is "$(find "$T/five/samples" -type f -printf '%f ' | tr ' ' '\n' | sort | xargs)" \
	"cpu003.csv cpu064.csv cpu065.csv cpu066.csv cpu255.csv" "--cpus picks five of them"
clkdrift run idle -d 0.5s -c 0-256 -o "$T/no"
is "$rc" 2 "CPU 256 does not exist"
like "$err" '^clkdrift: cpus 0-256: CPU 256 is offline' "and the error says so"
clkdrift run idle -d 0.5s --clocks monotonic -o "$T/no"
is "$rc" 2 "real clocks of another machine are refused"
like "$err" 'use --clocks sim' "with what to do"
finish
