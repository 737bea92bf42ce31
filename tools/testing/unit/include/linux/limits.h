/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_LIMITS_H
#define UNIT_LINUX_LIMITS_H

/* the C library needs those of the system, the kernel has more */
#include_next <linux/limits.h>

#ifndef U32_MAX
#define U32_MAX		((__u32)~0U)
#endif
#ifndef U64_MAX
#define U64_MAX		((__u64)~0ULL)
#endif

#endif
