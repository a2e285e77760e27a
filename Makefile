# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# 'make help' lists the targets.

VERSION := 0.1.0
prefix  ?= /usr/local
B       ?= build

ifeq ($(origin CC),default)
CC := gcc
endif
CFLAGS   ?= -O2 -g
WARN     := -Wall -Wextra -Werror -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes
# clang complains where a sanitizer keeps it from vectorising an 'omp simd' loop.
WARN     += -Wno-pass-failed
PKGS     := hwloc jansson gsl nettle
DATADIR  := $(prefix)/share/clkdrift
CPPFLAGS += -I. -D_GNU_SOURCE -DCLKDRIFT_VERSION='"$(VERSION)"' -DCLKDRIFT_DATADIR='"$(DATADIR)"'
# -fopenmp-simd: sums marked 'omp simd' may be added in any order; nothing else of OpenMP.
ALL_CFLAGS = -std=gnu17 -fopenmp-simd $(WARN) -MMD -MP -pthread $(CFLAGS) $(shell pkg-config --cflags $(PKGS))
LIBS       = $(shell pkg-config --libs $(PKGS)) -lcsv -linih -lcpupower -lm -pthread

# What a fresh Debian 12 needs, beside make itself. A library stands in bench/lab/i386.packages too.
DEPS := gcc libc6-dev pkgconf libhwloc-dev libcsv-dev libjansson-dev libgsl-dev nettle-dev libinih-dev libcpupower-dev gnuplot-nox stress-ng
# What the tests need on top: ci/t runs as an ordinary user too, and fuzzes with clang.
TEST_DEPS := libcmocka-dev strace perl jq libxml2-utils util-linux procps mount iproute2 clang libclang-rt-14-dev shellcheck mandoc bash-completion
# What 'clkdrift lab' needs: guests of this machine's kind, and their ACPI tables.
LAB_DEPS := qemu-system-x86 busybox-static acpica-tools

# I386_ROOT=DIR compiles for i386 against that private root ('make lab-i386' sets it): this machine's own compiler
# does it, without packages of its own. off_t and time_t have 64 bits, as everywhere else; SSE2 rounds as x86-64 does.
ifdef I386_ROOT
override CC += -m32 -march=i686 -msse2 -mfpmath=sse -Wno-psabi --sysroot=$(I386_ROOT) -B$(wildcard $(I386_ROOT)/usr/lib/gcc/i686-linux-gnu/*)
CPPFLAGS += -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
export PKG_CONFIG_SYSROOT_DIR = $(I386_ROOT)
export PKG_CONFIG_LIBDIR = $(I386_ROOT)/usr/lib/i386-linux-gnu/pkgconfig
# Unit tests run on this machine, with the root's loader and libraries.
TEST_LDFLAGS = -Wl,--dynamic-linker=$(I386_ROOT)/lib/ld-linux.so.2,--disable-new-dtags,-rpath=$(subst $() ,:,$(addprefix $(I386_ROOT),/lib/i386-linux-gnu /usr/lib/i386-linux-gnu))
endif

SRC   := $(filter-out %_test.c,$(wildcard results/*.c probes/*.c analysis/*.c bench/*.c))
TESTS := $(wildcard results/*_test.c probes/*_test.c analysis/*_test.c bench/*_test.c)
CLOCKS := $(patsubst probes/clock_%.c,%,$(filter-out %_test.c probes/clock_reader.c,$(wildcard probes/clock_*.c)))
DISTURBANCES := $(patsubst bench/disturb_%.c,%,$(filter-out %_test.c,$(wildcard bench/disturb_*.c)))
CANDIDATES := $(patsubst bench/candidate_%.c,%,$(filter-out %_test.c,$(wildcard bench/candidate_*.c)))
LIB_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out bench/main.c,$(SRC))) $(addprefix $(B)/gen/,clocks.o disturbances.o candidates.o)
TEST_BIN := $(patsubst %.c,$(B)/%,$(TESTS))

.PHONY: all run check check-unit check-asan check-tsan check-i386 fuzz bench lab lab-i386 deps test-deps install clean help FORCE
.DELETE_ON_ERROR:

# 'make V=1' shows the commands.
Q := $(if $(V),,@)
say = @$(if $(V),true,echo '  $(1)')

all: $(B)/clkdrift

$(B)/clkdrift: $(B)/bench/main.o $(B)/libclkdrift.a
	$(call say,LINK  $@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/libclkdrift.a: $(LIB_OBJ)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC    $<)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

$(B)/gen/%.o: $(B)/gen/%.c $(B)/flags
	$(call say,CC    $<)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

# A unit test includes the .c file that it tests, so that it reaches the private functions.
$(B)/%_test: %_test.c $(B)/libclkdrift.a
	@mkdir -p $(@D)
	$(call say,TEST  $<)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LDFLAGS) $(TEST_LDFLAGS) -o $@ $< $(B)/libclkdrift.a $(LIBS) -lcmocka

# The tables of clocks, disturbances and candidate files come from the file names; the files below are replaced only when they change.
$(B)/gen/clocks.c: FORCE
	@mkdir -p $(@D)
	@{ echo '#include "probes/clock_reader.h"'; \
	   for c in $(sort $(CLOCKS)); do echo "extern const struct clock_reader clock_$$c;"; done; \
	   echo 'const struct clock_reader *const clock_readers[] = {'; \
	   for c in $(sort $(CLOCKS)); do echo "	&clock_$$c,"; done; \
	   echo '	0,'; echo '};'; } > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(B)/gen/disturbances.c: FORCE
	@mkdir -p $(@D)
	@{ echo '#include "bench/disturbance.h"'; \
	   for d in $(sort $(DISTURBANCES)); do echo "extern const struct disturbance disturb_$$d;"; done; \
	   echo 'const struct disturbance *const disturbances[] = {'; \
	   for d in $(sort $(DISTURBANCES)); do echo "	&disturb_$$d,"; done; \
	   echo '	0,'; echo '};'; } > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(B)/gen/candidates.c: FORCE
	@mkdir -p $(@D)
	@{ echo '#include "bench/candidate.h"'; \
	   for c in $(sort $(CANDIDATES)); do echo "extern const struct candidate candidate_$$c;"; done; \
	   echo 'const struct candidate *const candidates[] = {'; \
	   for c in $(sort $(CANDIDATES)); do echo "	&candidate_$$c,"; done; \
	   echo '	0,'; echo '};'; } > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CPPFLAGS) $(CFLAGS) $(WARN)' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# Our own sub-makes build on all CPUs, unless the user said how.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

# Helpers of the tests and of `make bench`.
HELPERS := $(patsubst ci/helpers/%.c,$(B)/ci/%,$(wildcard ci/helpers/*.c))
$(B)/ci/%: ci/helpers/%.c $(B)/libclkdrift.a
	@mkdir -p $(@D)
	$(call say,CC    $<)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< $(B)/libclkdrift.a $(LIBS)

# Measures this machine and says where the report is.  Inconclusive is an answer, not a failure.
run: deps
	@$(MAKE) --no-print-directory $(JOBS) all
	@$(B)/clkdrift run; code=$$?; [ $$code -ne 2 ]

# ci/t/*.t are whole-program tests, the rest are unit tests; prove counts them together.
check: test-deps
	@$(MAKE) --no-print-directory $(JOBS) all $(TEST_BIN) $(HELPERS)
	@CLKDRIFT=$(abspath $(B))/clkdrift BUILD=$(abspath $(B)) prove --timer --exec ci/run-test $(TEST_BIN) ci/t/*.t

check-unit: all $(TEST_BIN)
	@BUILD=$(abspath $(B)) prove --exec ci/run-test $(TEST_BIN)

check-asan: test-deps
	@$(MAKE) --no-print-directory $(JOBS) B=build-asan check-unit \
		CFLAGS='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'
	@CLKDRIFT=$(abspath build-asan)/clkdrift TEST_DEADLINE=1200 prove --exec ci/run-test ci/t/golden.t ci/t/bad_input.t ci/t/datagrams.t

# Ring, sampler and recorder: what threads share.
TSAN_TESTS := probes/ring_test probes/probe_test probes/recorder_test probes/slow_test probes/crosscpu_test bench/session_test
check-tsan: test-deps
	@$(MAKE) --no-print-directory $(JOBS) B=build-tsan CFLAGS='-O1 -g -fsanitize=thread' $(TSAN_TESTS:%=build-tsan/%)
	@prove --exec ci/run-test $(TSAN_TESTS:%=build-tsan/%)

fuzz: test-deps
	@ci/fuzz/run $(or $(SECONDS),60)

bench: test-deps
	@$(MAKE) --no-print-directory all $(HELPERS)
	@CLKDRIFT=$(abspath $(B))/clkdrift BUILD=$(abspath $(B)) ci/bench

lab:
	@ci/deps $(DEPS) $(LAB_DEPS) jq perl
	@$(MAKE) --no-print-directory $(JOBS) all $(B)/ci/findings
	@CLKDRIFT=$(abspath $(B))/clkdrift BUILD=$(abspath $(B)) ci/lab

# The program of i386 guests, and what else they need; bench/lab/i386.packages has the libraries.
I386_MAKE = root=$$($(B)/clkdrift lab setup --arch i386) && $(MAKE) --no-print-directory $(JOBS) B=build-i386 I386_ROOT="$$root"
lab-i386: deps
	@$(MAKE) --no-print-directory $(JOBS) all
	@$(I386_MAKE) all

# Takes a kernel that runs 32-bit programs.
check-i386: lab-i386
	@ci/deps $(TEST_DEPS)
	@$(I386_MAKE) check-unit

install: all
	install -D -m 755 $(B)/clkdrift $(DESTDIR)$(prefix)/bin/clkdrift
	install -D -m 644 bench/clkdrift.1 $(DESTDIR)$(prefix)/share/man/man1/clkdrift.1
	install -D -m 644 bench/completion.bash $(DESTDIR)$(prefix)/share/bash-completion/completions/clkdrift
	install -D -m 644 -t $(DESTDIR)$(DATADIR)/analysis analysis/*.csv
	install -D -m 644 -t $(DESTDIR)$(DATADIR)/analysis/profiles analysis/profiles/*.csv
	install -D -m 644 -t $(DESTDIR)$(DATADIR)/bench/scenarios bench/scenarios/*.ini
	install -D -m 644 -t $(DESTDIR)$(DATADIR)/bench/lab bench/lab/*
	[ ! -e build-i386/clkdrift ] || install -D -m 755 build-i386/clkdrift $(DESTDIR)$(DATADIR)/i386/clkdrift

# Installs only what is missing; an ordinary user with everything there passes.
deps:
	@ci/deps $(DEPS)

test-deps:
	@ci/deps $(DEPS) $(TEST_DEPS) $(LAB_DEPS)

clean:
	rm -rf build build-asan build-tsan build-i386

help:
	@echo 'make run         install what is missing, build, measure this machine for 30 s'
	@echo 'make check       install what is missing, build, run all tests'
	@echo 'make             build only'
	@echo 'make bench       precision and speed, side by side with what they are compared to'
	@echo 'make lab         known truths of guests under QEMU, expected and measured'
	@echo 'make check-asan  unit tests and hostile input under AddressSanitizer and UBSan'
	@echo 'make lab-i386    fetch and build what 32-bit guests are made of'
	@echo 'make check-i386  unit tests as 32-bit programs'
	@echo 'make check-tsan  the threads under ThreadSanitizer'
	@echo 'make fuzz        the readers under libFuzzer, SECONDS=60 each'
	@echo 'make install     into prefix=$(prefix), under DESTDIR'
	@echo 'make clean'

-include $(shell find $(B) -name '*.d' 2>/dev/null)
