#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# The stored runs of results/golden still give what they gave, to nine digits: compilers differ in
# the last of the fifteen.  Where a change of the analysis is meant, 'UPDATE=1 ci/t/golden.t' writes
# the new numbers; look at the difference.
set -u
. ci/t/lib.sh

nine_digits() { perl -pe 's/(?<![\w.])-?\d+\.\d+(e[-+]\d+)?/sprintf "%.9g", $&/ge' "$1"; }

for golden in results/golden/*/; do
	name=$(basename "$golden")
	mkdir "$T/$name"
	cp -r "$golden/run.json" "$golden/samples" "$T/$name"
	clkdrift analyze "$T/$name" --json
	if [ "${UPDATE-}" = 1 ]; then
		mkdir -p "$golden/expected"
		cp "$T/$name/drift.csv" "$T/$name/steps.csv" "$golden/expected"
	fi
	for file in drift.csv steps.csv; do
		difference=$(diff <(nine_digits "$golden/expected/$file") <(nine_digits "$T/$name/$file") 2>&1)
		ok $? "$name: $file" "$difference"
	done
	cp "$T/out" "$T/$name.json"
done

# What was put into them (results/golden/README.md) is found.
truth() { # RUN FILTER NAME
	like "$(jq "$2" "$T/$1.json")" '^true$' "$1: $3"
}
within() { # LOW HIGH of a row: is this inside?
	echo "(.ci_low_ppm - .systematic_ppm <= $1 and .ci_high_ppm + .systematic_ppm >= $1)"
}
truth minimal ".drift[0] | $(within 12.5)" "the drift"
truth step ".drift[0] | $(within 2)" "the drift beside the step"
truth step '.steps | length == 1 and (.[0] | .ci_low_ns <= 5000 and .ci_high_ns >= 5000 and
	(.cause | startswith("settime")))' "the step and its cause"
truth killed "[.drift[] | select(.phase == \"idle\") | $(within -100)] | all and length == 2" "the drift of the whole phase"
truth killed "[.drift[] | select(.phase == \"load\" and .cpu == 1) | $(within -100)] | all and length == 1" "the drift of the phase that was cut"
truth killed '.losses | .cut_rows == 1 and .inverted == 1 and .backward == 1 and .stored == 139' "what is odd is counted"
finish
