/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_POLICY_TABLE_H
#define KDBUS_POLICY_TABLE_H

/**
 * DOC: Policy tables
 *
 * A policy entry says who may see, talk to or own a name, or all names with one
 * more element than its own (a wildcard). What one command contributes is a set
 * of entries. A table is a list of the entries of several sets, sorted, so that
 * looking a name up takes two binary searches, however many entries there are.
 *
 * Sets and tables never change once they are made, but for the state of a set.
 * To change a policy is to build another table. So a reader that has a table has
 * all of one policy.
 *
 * Everything here works on memory that the caller provides, never sleeps, takes
 * no lock and uses no kernel object, so that it is tested on its own in user
 * space.
 */

#include <linux/types.h>
#include <linux/kdbus.h>

/* what a query returns if nothing is granted; below KDBUS_POLICY_SEE */
#define KDBUS_POLICY_NONE	(-1)

/**
 * struct kdbus_policy_grant - one access
 * @id:		uid or gid as the kernel counts them; 0 for everyone
 * @type:	KDBUS_POLICY_ACCESS_*
 * @access:	KDBUS_POLICY_SEE, _TALK or _OWN
 */
struct kdbus_policy_grant {
	u32 id;
	u8 type;
	u8 access;
};

/**
 * struct kdbus_policy_entry - who may do what with a name
 * @set:	set it is part of
 * @grants:	accesses; none means that nobody may do anything
 * @n_grants:	number of @grants
 * @name:	name, without the last element of a wildcard
 * @len:	bytes of @name
 * @wildcard:	entry for all names that have one element more than @name
 */
struct kdbus_policy_entry {
	const struct kdbus_policy_set *set;
	const struct kdbus_policy_grant *grants;
	size_t n_grants;
	const char *name;
	size_t len;
	bool wildcard;
};

/**
 * enum kdbus_policy_state - state of a set
 * @KDBUS_POLICY_RESERVED: keeps its names from being taken, grants nothing and
 *			hides nothing
 * @KDBUS_POLICY_LIVE:	counts
 * @KDBUS_POLICY_DEAD:	as if it were not there
 */
enum kdbus_policy_state {
	KDBUS_POLICY_RESERVED,
	KDBUS_POLICY_LIVE,
	KDBUS_POLICY_DEAD,
};

/**
 * struct kdbus_policy_set - what one command contributes
 * @state:	enum kdbus_policy_state, may change at any time
 * @n:		number of @entries
 * @entries:	entries in the order of the items; what they point to is behind
 *		them
 */
struct kdbus_policy_set {
	u8 state;
	size_t n;
	struct kdbus_policy_entry entries[];
};

/**
 * struct kdbus_policy_table - entries that are looked up together
 * @n:		number of @entries
 * @entries:	by name, the exact one before the wildcard
 */
struct kdbus_policy_table {
	size_t n;
	const struct kdbus_policy_entry *entries[];
};

/**
 * struct kdbus_policy_rules - what a set may contain
 * @max_names:	most names
 * @wildcards:	names may be wildcards
 * @map_id:	translates an id that user space passed for
 *		KDBUS_POLICY_ACCESS_USER or _GROUP; false if there is no such id
 */
struct kdbus_policy_rules {
	size_t max_names;
	bool wildcards;
	bool (*map_id)(u64 type, u64 id, u32 *out);
};

/**
 * struct kdbus_policy_subject - who a query is about
 * @uid:	effective uid
 * @in_group:	tells whether the effective or a supplementary gid is the given
 *		one
 * @cred:	first argument of @in_group
 */
struct kdbus_policy_subject {
	u32 uid;
	bool (*in_group)(const void *cred, u32 gid);
	const void *cred;
};

size_t kdbus_policy_set_size(const void *items, size_t items_size);
int kdbus_policy_set_fill(struct kdbus_policy_set *set, const void *items,
			  size_t items_size,
			  const struct kdbus_policy_rules *rules);

size_t kdbus_policy_table_size(const struct kdbus_policy_table *old,
			       const struct kdbus_policy_set *with);
int kdbus_policy_table_build(struct kdbus_policy_table *table,
			     const struct kdbus_policy_table *old,
			     const struct kdbus_policy_set *without,
			     const struct kdbus_policy_set *with);
int kdbus_policy_table_query(const struct kdbus_policy_table *table,
			     const char *name,
			     const struct kdbus_policy_subject *subject);

#endif
