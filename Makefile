# SPDX-License-Identifier: GPL-2.0-only
# concprof's build.  `make help` lists what there is; objects lie under build/, the program at ./concprof.

CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0
B := build
# `make V=1` shows the whole commands.
Q := $(if $(V),,@)
say = $(if $(V),@true,@printf '  %-8s %s\n')

# Debian 12's packages, by what needs them.
DEPS_BUILD := gcc clang bpftool pkg-config libbpf-dev libelf-dev libdw-dev libiberty-dev libjansson-dev \
	zlib1g-dev liblzma-dev libncurses-dev libprotobuf-c-dev protobuf-c-compiler
DEPS_TEST := check python3 gunicorn wrk libpython3.11 redis-server redis-tools memcached mariadb-server sysbench postgresql procps iproute2 jq xz-utils \
	gdb libc6-dbg g++ golang-go musl-tools nginx-light nodejs chromium mandoc zsh fish python3-uvicorn python3-uvloop python3-tornado \
	python3-aiohttp python3-gi gir1.2-glib-2.0 tmux
DEPS_FUZZ := clang libclang-rt-14-dev binutils xz-utils
DEPS_LINT := clang-format clang-tidy cppcheck shellcheck
DEPS_BENCH := libbpf-tools linux-perf nodejs mariadb-server
# Those whose known answer stands under emulation, too.
VM_SAMPLES := lock-sleep:alone pool-idle
DEPS_VM = $(shell sed -e 's/\#.*//' tests/vm/packages.txt)

LAYERS := base model symbol runtime analysis report source render diff cli
# The encoder of pprof's format is made from its description.
PROTO := $(B)/proto/profile.pb-c
HTML := $(B)/html/report.css.h $(B)/html/report.js.h
# Prints man page and completions, for the build alone.
DOCS_MAIN := userspace/cli/make_docs.c
DOCS := $(B)/doc/concprof.1 $(B)/doc/concprof.bash $(B)/doc/concprof.zsh $(B)/doc/concprof.fish
SRCS := $(filter-out $(DOCS_MAIN),$(foreach l,$(LAYERS),$(sort $(wildcard userspace/$(l)/*.c)))) $(sort $(wildcard tui/*.c)) $(PROTO).c
OBJS := $(SRCS:%.c=$(B)/obj/%.o)
SAMPLE_COMMON := samples/sample.c samples/tally.c
SAMPLES := $(filter-out $(SAMPLE_COMMON:%.c=$(B)/%),$(patsubst samples/%.c,$(B)/samples/%,$(sort $(wildcard samples/*.c))))
UNIT_SRCS := $(sort $(wildcard tests/unit/*.c))
UNIT_OBJS := $(UNIT_SRCS:%.c=$(B)/test/%.o) \
	$(patsubst %.c,$(B)/test/%.o,$(filter-out userspace/cli/main.c,$(SRCS)))
KERNEL_SRCS := $(sort $(wildcard tests/kernel/*.c))
KERNEL_OBJS := $(KERNEL_SRCS:%.c=$(B)/obj/%.o) $(filter-out $(B)/obj/userspace/cli/main.o,$(OBJS))
# names.c measures concprof's own objects; the other programs of bench are workloads, of one file each.
BENCH_OWN := $(B)/bench/names
BENCH_SCREEN := $(B)/bench/screen
BENCH := $(patsubst tests/bench/%.c,$(B)/bench/%,$(sort $(wildcard tests/bench/*.c)))

# Harnesses, and the parts of the program that they reach: nothing that needs a running kernel.
FUZZ := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(sort $(wildcard tests/fuzz/*_fuzz.c)))
FUZZ_PARTS := $(filter-out userspace/cli/% userspace/source/% tui/%,$(SRCS)) $(wildcard userspace/source/capture_*.c)
FUZZ_PART_OBJS := $(FUZZ_PARTS:%.c=$(B)/fuzz/obj/%.o)
FUZZ_OBJS := $(FUZZ_PART_OBJS) $(FUZZ:$(B)/fuzz/%=$(B)/fuzz/obj/tests/fuzz/%.o) \
	$(B)/fuzz/obj/tests/fuzz/capture_seed.o
FUZZ_RUNTIME = $(wildcard $(shell $(CLANG) -print-runtime-dir 2>/dev/null)/libclang_rt.fuzzer*.a)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
PKGS := libbpf libelf libdw jansson zlib liblzma libprotobuf-c ncursesw
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS = $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null) -liberty -lm
CFLAGS ?= -O2 -g
CFLAGS_ALL = -std=gnu11 -D_GNU_SOURCE -DCONCPROF_VERSION='"$(VERSION)"' $(WARN) -fno-strict-aliasing \
	-fno-omit-frame-pointer -fstack-protector-strong -Iuserspace -I. -I$(B) $(PKG_CFLAGS)
FUZZ_SANITIZE := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all

ARCH := $(shell uname -m)
BPF_ARCH := $(if $(filter aarch64,$(ARCH)),arm64,x86)
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra -Werror -Ivmlinux -Ibpf \
	-I/usr/include/$(ARCH)-linux-gnu

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

all: need-build concprof ## build ./concprof (needs no root)

concprof: $(OBJS)
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(OBJS) $(PKG_LIBS)

$(B)/obj/%.o: %.c
	$(say) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# The BPF side: one object, stripped of DWARF by bpftool, then turned into a C skeleton.
$(B)/bpf/%.bpf.o: bpf/%.bpf.c
	$(say) BPF $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/bpf/concprof.o: $(B)/bpf/concprof.bpf.o
	$(say) BPFGEN $@
	$(Q)$(BPFTOOL) gen object $@ $<

$(B)/bpf/concprof.skel.h: $(B)/bpf/concprof.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name concprof_bpf > $@

$(filter $(B)/obj/userspace/source/% $(B)/test/userspace/source/%,$(OBJS) $(UNIT_OBJS)): | $(B)/bpf/concprof.skel.h

$(PROTO).c: userspace/render/profile.proto
	$(say) PROTO $@
	@mkdir -p $(@D)
	$(Q)protoc-c --c_out=$(@D) -I$(<D) $<

$(PROTO).h: $(PROTO).c ;

$(foreach d,obj test fuzz/obj,$(B)/$(d)/userspace/render/pprof.o) $(B)/test/tests/unit/render_formats_test.o: | $(PROTO).h

# Style and script of the HTML report as string literals, a line each.
$(B)/html/%.h: userspace/render/html/% Makefile
	$(say) EMBED $@
	@mkdir -p $(@D)
	$(Q){ echo 'static const char $(subst .,_,$*)[] ='; \
		sed -e 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$$/\\n"/' $<; echo ';'; } > $@

$(foreach d,obj test fuzz/obj,$(B)/$(d)/userspace/render/html_page.o): $(HTML)

samples: $(SAMPLES) ## build the sample programs with known answers

# Frame pointers, so that their stacks are whole; -O1 keeps their functions apart.
$(B)/samples/%: samples/%.c $(SAMPLE_COMMON)
	$(say) SAMPLE $@
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O1 -g -fno-omit-frame-pointer -fno-optimize-sibling-calls $(WARN) -pthread \
		-Isamples -MMD -MP -MF $@.d -o $@ $< $(SAMPLE_COMMON)

$(filter-out $(BENCH_OWN) $(BENCH_SCREEN),$(BENCH)): $(B)/bench/%: tests/bench/%.c
	$(say) BENCH $@
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g $(WARN) -pthread -MMD -MP -MF $@.d -o $@ $<

$(BENCH_OWN): $(B)/bench/%: $(B)/obj/tests/bench/%.o $(filter $(B)/obj/userspace/base/% $(B)/obj/userspace/model/% \
		$(B)/obj/userspace/symbol/%,$(OBJS))
	$(say) BENCH $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(PKG_LIBS)

$(BENCH_SCREEN): $(B)/bench/%: $(B)/obj/tests/bench/%.o $(filter $(B)/obj/userspace/base/% $(B)/obj/userspace/model/% \
		$(B)/obj/userspace/analysis/% $(B)/obj/userspace/report/% $(B)/obj/tui/%,$(OBJS))
	$(say) BENCH $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/test/%.o: %.c
	$(say) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(SANITIZE) $(CFLAGS_ALL) -Itests/unit $(shell $(PKG_CONFIG) --cflags check) -MMD -MP -c -o $@ $<

$(B)/unit_tests: $(UNIT_OBJS)
	$(say) LD $@
	$(Q)$(CC) $(SANITIZE) -o $@ $^ $(PKG_LIBS) $(shell $(PKG_CONFIG) --libs check)

# Against the running kernel, so with the program's own objects: what is tested is what runs.
$(B)/tests/kernel_tests: $(KERNEL_OBJS)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(PKG_LIBS) $(shell $(PKG_CONFIG) --libs check) -pthread

# Reads an interpreter as concprof does, for check_python_walk.py.
$(B)/tests/python_walk: $(B)/obj/tests/e2e/python_walk.o $(filter $(B)/obj/userspace/base/% $(B)/obj/userspace/model/% \
		$(B)/obj/userspace/symbol/% $(B)/obj/userspace/runtime/%,$(OBJS))
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(PKG_LIBS)

$(KERNEL_SRCS:%.c=$(B)/obj/%.o): CFLAGS_ALL += $(shell $(PKG_CONFIG) --cflags check)

$(B)/fuzz/obj/%.o: %.c
	$(say) FUZZCC $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_SANITIZE) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/fuzz/parts.a: $(FUZZ_PART_OBJS)
	$(say) AR $@
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(FUZZ): $(B)/fuzz/%: $(B)/fuzz/obj/tests/fuzz/%.o $(B)/fuzz/parts.a
	$(say) LD $@
	$(Q)$(CLANG) $(FUZZ_SANITIZE) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS)

$(B)/fuzz/capture_seed: $(B)/fuzz/obj/tests/fuzz/capture_seed.o $(B)/fuzz/parts.a
	$(say) LD $@
	$(Q)$(CLANG) $(FUZZ_SANITIZE) -o $@ $^ $(PKG_LIBS)

demo: deps ## install what is missing, build, profile a contended sample for 5 s
	@$(MAKE) --no-print-directory all $(B)/samples/lock-cpu
	@tests/e2e/demo.sh

test: deps deps-test deps-fuzz ## install what is missing, build and pass all tests (root for the kernel's part)
	@$(MAKE) --no-print-directory -j2 all samples bench-programs $(B)/unit_tests $(B)/tests/kernel_tests \
		$(B)/tests/python_walk doc \
		$(if $(FUZZ_RUNTIME),fuzz-programs)
	@tests/run.sh

unit: $(B)/unit_tests ## unit tests alone (no root)
	$(B)/unit_tests

fuzz-programs: $(FUZZ) $(B)/fuzz/capture_seed

FUZZ_SECONDS ?= 60
fuzz: deps-fuzz ## hostile files against each parser, FUZZ_SECONDS=60 in all
	@$(MAKE) --no-print-directory -j2 fuzz-programs
	@tests/fuzz/run.sh $(FUZZ_SECONDS)

samples-soak: all samples ## every sample's verdict, ten times
	@tests/e2e/samples.sh --times 10

bench-programs: $(BENCH)

bench: deps deps-bench all samples bench-programs ## cost beside other tools, paired: docs/BENCHMARKS.md
	@tests/bench/bench.sh

vm-deps:
	@$(call apt_missing,$(DEPS_VM))

vm-test: vm-deps all samples $(B)/tests/kernel_tests ## kernel tests and three samples on Debian 12's own kernel under qemu
	@tests/vm/kernel.sh $(B)/vm/kernel
	@tests/vm/test.sh $(B)/vm/kernel -- tests/e2e/samples.sh $(VM_SAMPLES)

$(B)/make_docs: $(DOCS_MAIN:%.c=$(B)/obj/%.o) $(filter-out $(B)/obj/userspace/cli/main.o,$(OBJS))
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/doc/concprof.1: $(B)/make_docs
	$(say) DOC $@
	@mkdir -p $(@D)
	$(Q)$(B)/make_docs man > $@

$(B)/doc/concprof.%: $(B)/make_docs
	$(say) DOC $@
	@mkdir -p $(@D)
	$(Q)$(B)/make_docs $* > $@

doc: $(DOCS) ## man page and shell completions

install: all doc ## install below $(DESTDIR)$(PREFIX)
	install -D -m 0755 concprof $(DESTDIR)$(PREFIX)/bin/concprof
	install -D -m 0644 README.md $(DESTDIR)$(PREFIX)/share/doc/concprof/README.md
	install -D -m 0644 $(B)/doc/concprof.1 $(DESTDIR)$(PREFIX)/share/man/man1/concprof.1
	install -D -m 0644 $(B)/doc/concprof.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/concprof
	install -D -m 0644 $(B)/doc/concprof.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_concprof
	install -D -m 0644 $(B)/doc/concprof.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/concprof.fish

C_FILES = $(shell git ls-files '*.c' '*.h' 2>/dev/null)
format: ## reformat the C files
	clang-format -i $(C_FILES)

lint: deps-lint $(B)/bpf/concprof.skel.h $(PROTO).h $(HTML) ## formatting, clang-tidy, cppcheck, layers, scripts
	@CC="$(CC)" CLANG="$(CLANG)" tests/lint.sh '$(CFLAGS_ALL)'

clean: ## remove what was built
	rm -rf $(B) concprof concprof-report.json

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# Packages: asked for by name, and only what is missing.
apt_missing = missing=""; for p in $(1); do \
		dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q '^install ok installed' || missing="$$missing $$p"; \
	done; \
	if [ -n "$$missing" ]; then \
		[ "$$(id -u)" = 0 ] || { echo "make: missing packages:$$missing (sudo apt-get install$$missing)" >&2; exit 1; }; \
		echo "installing:$$missing"; \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$missing >/dev/null; \
	fi

deps: ## install the packages that the build needs (root)
	@$(call apt_missing,$(DEPS_BUILD))
deps-test:
	@$(call apt_missing,$(DEPS_TEST))
deps-fuzz:
	@$(call apt_missing,$(DEPS_FUZZ))
deps-lint:
	@$(call apt_missing,$(DEPS_LINT))
deps-bench:
	@$(call apt_missing,$(DEPS_BENCH))

# Without root, say what is missing instead of failing in the middle.
need-build:
	@missing=""; for p in $(DEPS_BUILD); do \
		dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q '^install ok installed' || missing="$$missing $$p"; \
	done; \
	if [ -n "$$missing" ]; then echo "make: missing packages:$$missing (sudo make deps installs them)" >&2; exit 1; fi

.PHONY: all samples demo doc test unit samples-soak bench bench-programs vm-deps vm-test install format lint clean help \
	deps deps-test deps-fuzz deps-lint deps-bench need-build fuzz fuzz-programs

-include $(BENCH_SCREEN:$(B)/bench/%=$(B)/obj/tests/bench/%.d) $(BENCH_OWN:$(B)/bench/%=$(B)/obj/tests/bench/%.d) $(B)/obj/tests/e2e/python_walk.d $(OBJS:.o=.d) $(DOCS_MAIN:%.c=$(B)/obj/%.d) $(UNIT_OBJS:.o=.d) $(KERNEL_SRCS:%.c=$(B)/obj/%.d) $(B)/bpf/concprof.bpf.d $(SAMPLES:=.d) $(BENCH:=.d) \
	$(FUZZ_OBJS:.o=.d)
