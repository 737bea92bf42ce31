/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Comes right after the configuration and compiler_types.h, see clang.sh. clang
 * knows the address space of variables that each processor has, but forgets the
 * segment where one is an operand of assembly.
 */
#undef CONFIG_CC_HAS_NAMED_AS
#undef CONFIG_CC_HAS_NAMED_AS_FIXED_SANITIZERS
#undef CONFIG_USE_X86_SEG_SUPPORT

/* newer kernels have concluded that already */
#ifdef __percpu_seg_override
#undef __percpu_seg_override
#define __percpu_seg_override
#endif
