# SPDX-License-Identifier: GPL-2.0
#
# Builds kdbus.ko with the kernel's own build system, which reads Kbuild;
# "make help" says what else there is.

MODNAME ?= kdbus

# Which kernel: KDIR or KERNELDIR name the directory, KERNELRELEASE (set by
# dkms) or KVER the version; otherwise it is looked for, once and only when it
# is needed.
kver := $(or $(KERNELRELEASE),$(KVER))
headers = $(eval headers := $(or $(KDIR),$(KERNELDIR),\
	$(if $(kver),/lib/modules/$(kver)/build),\
	$(shell scripts/kdir.sh)))$(headers)

# Kernels from 6.12 on want to add type information with pahole, and fail
# without it; the module does not need it.
no-btf = $(if $(shell command -v pahole 2>&1),,CONFIG_DEBUG_INFO_BTF_MODULES=)

kbuild = $(MAKE) -C $(headers) M=$(CURDIR) MODNAME=$(MODNAME) $(no-btf)

selftests := tools/testing/selftests/kdbus
unit := tools/testing/unit
samples := samples/kdbus
bench := tools/bench
fuzz := tools/testing/fuzz

# What the scripts below read from their environment.
export MODNAME KVER JOBS KERNELS TESTS SMP MEM ICOUNT T FUZZ SEED MINIMISE MIN BITS BENCH

PHONY := modules
modules: have-headers
	+$(kbuild) modules

PHONY += modules_install
modules_install: have-headers
	+$(kbuild) modules_install
	scripts/depmod.sh $(headers)

PHONY += have-headers
have-headers:
	@test -f "$(headers)/Makefile" || { \
		echo "kdbus: no kernel headers$(if $(headers), in $(headers));" \
			"on Debian: apt-get install linux-headers-amd64" >&2; \
		exit 1; }

PHONY += selftests samples
selftests samples:
	+$(MAKE) -C $($@)

PHONY += unit
unit:
	+$(MAKE) -C $(unit) check

PHONY += demo shell check check-debug
demo shell check:
	@scripts/$@.sh
check-debug:
	@scripts/check.sh --debug

PHONY += fuzz coverage
fuzz coverage:
	@scripts/$@.sh

PHONY += bench
bench:
	@scripts/bench.sh

PHONY += clean
clean:
	@for dir in $(selftests) $(unit) $(samples) $(bench) $(fuzz); do \
		test ! -f $$dir/Makefile || \
			$(MAKE) -s --no-print-directory -C $$dir clean || exit; \
	done
	@find . -maxdepth 1 -type f \( -name '*.o' -o -name '*.ko' \
		-o -name '*.mod' -o -name '*.mod.c' -o -name '.*.cmd' \
		-o -name modules.order -o -name Module.symvers \) -delete
	@test ! -d ipc || find ipc -type f \( -name '*.o' -o -name '.*.cmd' \
		-o -name '.*.d' -o -name '*.i' -o -name '*.s' \
		-o -name '*.lst' -o -name '*.gcno' \) -delete
	@rm -rf build .tmp_versions

PHONY += help
help:
	@cat scripts/help.txt

.PHONY: $(PHONY)
PHONY += check-kernels
check-kernels:
	@scripts/kernels.sh

# The text of the documentation, and the style of the code.
PHONY += doc-check style
doc-check style:
	@scripts/$@.sh

