/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_BUG_H
#define UNIT_LINUX_BUG_H

/*
 * A warning is counted: the test that did not announce it fails.
 */

#include <stdbool.h>

#include_next <linux/bug.h>

bool unit_warn(const char *file, int line, const char *condition);

#undef WARN_ON
#define WARN_ON(_condition)						\
	((_condition) ? unit_warn(__FILE__, __LINE__, #_condition) : false)

#undef WARN_ON_ONCE
#define WARN_ON_ONCE(_condition)	WARN_ON(_condition)

#endif
