# SPDX-License-Identifier: GPL-2.0
#
# Builds kdbus.ko with the kernel's own build system, which reads Kbuild;
# "make help" says what else there is.

MODNAME ?= kdbus

# Also in debian/changelog and CHANGELOG.
VERSION := 0.9.0

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

# clang, for a kernel that was built by gcc. Of CC the kernel's build system
# only knows when it is on the command line.
clang-cc := $(if $(filter command,$(origin CC)),$(findstring clang,$(CC)))
clang = $(if $(clang-cc)$(LLVM),$(shell scripts/clang.sh $(headers) \
	$(if $(clang-cc),"CC=$(CC)") "LLVM=$(LLVM)"))
kbuild = $(MAKE) -C $(headers) M=$(CURDIR) MODNAME=$(MODNAME) $(no-btf) $(clang)

selftests := tools/testing/selftests/kdbus
unit := tools/testing/unit
samples := samples/kdbus
bench := tools/bench
boot := tools/testing/boot
fuzz := tools/testing/fuzz

# What the scripts below read from their environment.
export MODNAME KVER SUITE JOBS KERNELS TESTS SMP MEM ICOUNT T FUZZ SEED MINIMISE MIN BITS BENCH

PHONY := modules
modules: have-headers
	+$(kbuild) modules

PHONY += modules_install
modules_install: have-headers
	+$(kbuild) modules_install
	scripts/depmod.sh $(headers)

# Everything: the module for one kernel and what is around it. The module of
# dkms is built again for each kernel.
install-parts := install-tools install-header install-boot install-dkms-source

PHONY += $(install-parts)
install-tools: samples
$(install-parts):
	+$(MAKE) -C packaging $@ VERSION=$(VERSION)

PHONY += install uninstall
install: modules install-tools install-header install-boot
	+$(MAKE) modules_install INSTALL_MOD_PATH=$(DESTDIR)

# For the kernel that is named, or for all, and without headers.
uninstall:
	+$(MAKE) -C packaging $@ VERSION=$(VERSION)
	scripts/depmod.sh --remove "$(DESTDIR)" $(kver)

PHONY += dkms-install dkms-uninstall
dkms-install: install-dkms-source
	dkms add kdbus/$(VERSION)
	dkms autoinstall $(if $(kver),-k $(kver))

dkms-uninstall:
	-dkms remove kdbus/$(VERSION) --all
	rm -rf $(DESTDIR)/usr/src/kdbus-$(VERSION)

# With a key and a certificate of your own, for Secure Boot.
SIGN_KEY ?= /var/lib/dkms/mok.key
SIGN_CERT ?= /var/lib/dkms/mok.pub
SIGN_HASH ?= sha256

PHONY += sign
sign: modules
	@scripts/sign.sh $(headers) $(SIGN_HASH) "$(SIGN_KEY)" \
		"$(SIGN_CERT)" $(MODNAME).ko

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

# The text of the documentation, and the style of the code.
PHONY += doc-check style
doc-check style:
	@scripts/$@.sh

PHONY += demo shell check check-debug
demo shell check:
	@scripts/$@.sh
check-debug:
	@scripts/check.sh --debug

PHONY += check-kernels
check-kernels:
	@scripts/kernels.sh

PHONY += check-packages
check-packages:
	@scripts/packages.sh

PHONY += fuzz coverage
fuzz coverage:
	@scripts/$@.sh

PHONY += bench
bench:
	@scripts/bench.sh

PHONY += clean
clean:
	@for dir in $(selftests) $(unit) $(samples) $(bench) $(boot) $(fuzz); do \
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
	@sed 1d scripts/help.txt

.PHONY: $(PHONY)
