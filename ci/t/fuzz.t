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
ci/fuzz/run "${FUZZ_SECONDS:-2}" >"$log" 2>&1
why=0
while IFS= read -r line; do
	case $line in
	"fuzz "*": FAILED"*)
		tests=$((tests + 1)) failures=$((failures + 1))
		echo "not ok $tests - $line"
		why=1 ;;
	"fuzz "*)
		tests=$((tests + 1))
		echo "ok $tests - $line"
		why=0 ;;
	*)
		[ $why = 0 ] || echo "# ${line#\# }" ;;
	esac
done <"$log"
[ $tests -gt 0 ] || sed 's/^/# /' "$log"
targets=$(find ci/fuzz -name '*.c' | wc -l)
tests=$((tests + 1))
if [ $((tests - 1)) = "$targets" ]; then
	echo "ok $tests - all $targets targets ran"
else
	failures=$((failures + 1))
	echo "not ok $tests - $((tests - 1)) of $targets targets ran"
fi
echo "1..$tests"
[ $failures = 0 ]
