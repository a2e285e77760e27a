#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# The tree itself: the arrows between the folders, the scripts, the man page, what documents name.
. ci/t/lib.sh

said=$(ci/arrows 2>&1)
ok $? "includes follow the arrows" "$said"

# Each of these must be found, or the line above says nothing.
turned() { # NAME FILE LINE
	rm -rf "$T/tree"
	mkdir "$T/tree"
	cp -r results probes analysis bench "$T/tree"
	echo "$3" >>"$T/tree/$2"
	ci/arrows "$T/tree" >/dev/null 2>&1
	is $? 1 "$1 is found"
}
turned "a result that includes a probe" results/run.c '#include "probes/tsc.h"'
turned "a probe that includes the bench" probes/tsc.c '#include "bench/stage.h"'
turned "a test of a probe that includes the bench" probes/slow_test.c '#include "bench/stage.h"'
turned "an analysis that includes a probe" analysis/fit.c '#include "probes/probe.h"'
turned "an analysis that reads a clock" analysis/fit.c 'int x(void) { return clock_gettime(0, 0); }'
turned "a probe that prints" probes/tsc.c 'int x(void) { return printf("x"); }'

if command -v shellcheck >/dev/null; then
	said=$(shellcheck -x -S warning ci/t/*.t ci/t/lib.sh ci/arrows ci/bench ci/deps ci/lab ci/run-test ci/unpack ci/fuzz/run .ci/run 2>&1)
	ok $? "shellcheck" "$said"
else
	skip "shellcheck" "it is not installed"
fi
if command -v mandoc >/dev/null; then
	said=$(mandoc -T lint -W warning bench/clkdrift.1 2>&1)
	ok $? "the man page" "$said"
else
	skip "the man page" "mandoc is not installed"
fi

# What the README and the man page tell a user to type exists.
"$CLKDRIFT" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p' >"$T/commands"
missing=$(grep -oE '(build/clkdrift|\$ clkdrift|    clkdrift) [a-z]+' README.md | awk '{ print $NF }' | sort -u | grep -vxFf "$T/commands")
is "$missing" "" "every command in the README exists"
missing=$(while read -r command; do grep -q "^\.\(It \)\?Cm $command" bench/clkdrift.1 || echo "$command"; done <"$T/commands")
is "$missing" "" "every command stands in the man page"
missing=$(for scenario in bench/scenarios/*.ini; do
	name=$(basename "$scenario" .ini)
	grep -q "\`$name\`" README.md || echo "$name"
done)
is "$missing" "" "every scenario stands in the README"

finish
