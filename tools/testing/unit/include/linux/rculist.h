/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_RCULIST_H
#define UNIT_LINUX_RCULIST_H

/*
 * One thread needs no RCU.
 */

#include <linux/list.h>

#define __rcu

#define rcu_dereference(_p)			(_p)
#define rcu_dereference_protected(_p, _c)	(_p)
#define rcu_access_pointer(_p)			(_p)
#define rcu_assign_pointer(_p, _v)		((_p) = (_v))
#define RCU_INIT_POINTER(_p, _v)		((_p) = (_v))

struct rcu_head {
	void *unused[2];
};

#define hlist_add_head_rcu(_node, _head)	hlist_add_head(_node, _head)
#define hlist_del_rcu(_node)			hlist_del(_node)
#define hlist_first_rcu(_head)			((_head)->first)
#define hlist_next_rcu(_node)			((_node)->next)
#define hlist_for_each_entry_rcu(_pos, _head, _member)			\
	hlist_for_each_entry(_pos, _head, _member)

#endif
