#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# A short run of every fuzz target; 'make fuzz' is the long one.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${BUILD:-$PWD/build}/fuzz
export B
tests=0 failures=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
	clang -x c -fsanitize=fuzzer,address -o /dev/null - 2>"$log"; then
	echo "1..0 # SKIP clang cannot build a fuzzer here: $(tail -n 1 "$log")"
	exit 0
fi
for file in ci/fuzz/*.c; do
	target=$(basename "$file" .c)
	tests=$((tests + 1))
	if ci/fuzz/run "${FUZZ_SECONDS:-2}" "$target" >"$log" 2>&1; then
		echo "ok $tests - $(tail -n 1 "$log")"
	else
		failures=$((failures + 1))
		echo "not ok $tests - fuzz $target"
		sed 's/^/# /' "$log"
	fi
done
echo "1..$tests"
[ $failures = 0 ]
