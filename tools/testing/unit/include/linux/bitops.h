/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_BITOPS_H
#define UNIT_LINUX_BITOPS_H

#include_next <linux/bitops.h>

static inline unsigned long __ffs64(u64 word)
{
	return __builtin_ctzll(word);
}

#endif
