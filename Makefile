# SPDX-License-Identifier: GPL-2.0
#
# What can be asked for; Kbuild says what is built, tools/ says how the rest
# is done.  "make help" lists the targets.

KDIR ?= /lib/modules/$(shell uname -r)/build
KERNEL ?= 6.12
MINUTES ?= 10

kbuild = $(MAKE) -C $(KDIR) M=$(CURDIR)

all: modules

headers:
	@test -f $(KDIR)/Makefile || { \
	  echo "goalloc: no kernel headers in $(KDIR): apt-get install linux-headers-$$(uname -r), or make KDIR=<build tree of a kernel>" >&2; \
	  exit 1; }

modules: headers
	+$(kbuild) modules

modules_install: headers
	+$(kbuild) modules_install

# Needs no headers, so it does by hand what kbuild's clean does.
clean:
	rm -rf build Module.symvers modules.order
	find . -name .git -prune -o -type f \( -name '*.o' -o -name '*.ko' \
		-o -name '*.mod' -o -name '*.mod.c' -o -name '.*.cmd' \
		-o -name '*.symversions' -o -name '*.o.d' -o -name '*.a' \
		-o -name modules.order -o -name '.module-common.o' \) \
		-exec rm -f {} +

demo:
	KERNEL=$(KERNEL) tools/vm/demo

vm:
	KERNEL=$(KERNEL) tools/vm/shell

test:
	tools/testing/run $(SUITES)

test-all:
	tools/testing/run -a

test-detectors:
	tools/testing/run detectors

soak:
	tools/testing/soak $(if $(filter-out file,$(origin KERNEL)),-k $(KERNEL)) \
		$(if $(MINUTES),-m $(MINUTES)) $(if $(SEED),-S $(SEED))

check:
	tools/testing/run planted style sparse cocci

style:
	tools/testing/run style

sizeclasses:
	sh tools/check-sizeclasses.sh

fuzz:
	tools/testing/fuzz/run -m $(MINUTES)

coverage:
	tools/testing/coverage

bench:
	tools/bench/run -k $(KERNEL)

docs:
	tools/build/docs

help:
	@sed -n 's/^#| \{0,1\}//p' Makefile

#| goalloc: the Go runtime's memory manager for Linux kernel modules
#|
#|   make                   goalloc.ko and its users, for the running kernel
#|   make KDIR=<tree>       the same for another kernel (headers or build tree)
#|   make modules_install   install them below /lib/modules
#|   make clean             remove everything that was built here
#|
#|   make demo              store files in a heap of a test VM, and see a managed one collected
#|   make vm                a root shell in that VM
#|       KERNEL=6.1|6.12|6.12-rt|7.x   which stock Debian kernel (default 6.12)
#|       KERNEL=plain|debug|um|PATH    or test kernel, see tools/vm/README
#|
#|   make test              the tests that find most for their time: what CI runs
#|       SUITES="..."               others; tools/testing/run -l lists, -h explains
#|   make test-all          every test, on every kernel
#|   make test-detectors    that bugs which are planted are seen, by each checker
#|   make soak              random load from every CPU and context, in UML
#|       MINUTES=20 KERNEL=um SEED=<number of a run to see again>
#|   make fuzz              random programs of API calls, in User-Mode Linux with KASAN
#|       MINUTES=10                 for so long
#|   make coverage          which lines the tests reach: Documentation/coverage.txt
#|   make check             what can be checked without running it: style, W=1, sparse, cocci
#|   make style             checkpatch, shellcheck, kernel-doc, spelling, documentation
#|   make bench             what operations cost, and those of the kernel's allocators
#|   make docs              Documentation/ and kernel-doc as HTML, in build/docs
#|   make sizeclasses       compare the size-class table with its generator
#|
#| Kernels, sources and test kernels are kept in $GOALLOC_CACHE
#| (default ~/.cache/goalloc); the host's own kernel is left alone.

.PHONY: all headers modules modules_install clean demo vm test test-all test-detectors \
	soak fuzz coverage check style sizeclasses bench docs help
