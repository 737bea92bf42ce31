/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_RCUPDATE_H
#define UNIT_LINUX_RCUPDATE_H

#include <linux/rculist.h>

/* nobody is reading */
#define kfree_rcu(_p, _rcu)	free(_p)

#define smp_wmb()	do { } while (0)
#define smp_rmb()	do { } while (0)

#endif
