// SPDX-License-Identifier: GPL-2.0
#include "policy-db.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "policy-table.h"

/**
 * struct kdbus_policy_contribution - a set with what its life needs
 * @rcu:	delays freeing for readers
 * @dead_entry:	in &kdbus_policy_db.dead
 * @set:	the set
 */
struct kdbus_policy_contribution {
	struct rcu_head rcu;
	struct list_head dead_entry;
	struct kdbus_policy_set set;
};

/**
 * struct kdbus_policy_version - a table with what its life needs
 * @rcu:	delays freeing for readers
 * @table:	the table
 */
struct kdbus_policy_version {
	struct rcu_head rcu;
	struct kdbus_policy_table table;
};

/**
 * kdbus_policy_db_init() - start with no policy
 * @db:		database
 *
 * Context: any.
 */
void kdbus_policy_db_init(struct kdbus_policy_db *db)
{
	mutex_init(&db->lock);
	RCU_INIT_POINTER(db->version, NULL);
	INIT_LIST_HEAD(&db->dead);
	db->n_dead = 0;
}

static void kdbus_policy_reap(struct kdbus_policy_db *db)
{
	struct kdbus_policy_contribution *contribution, *next;

	list_for_each_entry_safe(contribution, next, &db->dead, dead_entry) {
		list_del(&contribution->dead_entry);
		kvfree_rcu(contribution, rcu);
	}
	db->n_dead = 0;
}

/**
 * kdbus_policy_db_deinit() - free a database
 * @db:		database whose slots are empty and that nobody can find any more
 *
 * Context: any.
 */
void kdbus_policy_db_deinit(struct kdbus_policy_db *db)
{
	struct kdbus_policy_version *version;

	version = rcu_dereference_protected(db->version, true);
	WARN_ON(version && version->table.n != db->n_dead);
	kdbus_policy_reap(db);
	if (version)
		kvfree_rcu(version, rcu);
	mutex_destroy(&db->lock);
}

/*
 * Contributions
 */

/* ids are those of the task that passes them */
static bool kdbus_policy_map_id(u64 type, u64 id, u32 *out)
{
	kuid_t uid;
	kgid_t gid;

	/* nothing is cut off, and -1 is no id anywhere */
	if (id >= (u32)-1)
		return false;

	if (type == KDBUS_POLICY_ACCESS_USER) {
		uid = make_kuid(current_user_ns(), id);
		*out = __kuid_val(uid);
		return uid_valid(uid);
	}

	gid = make_kgid(current_user_ns(), id);
	*out = __kgid_val(gid);
	return gid_valid(gid);
}

/**
 * kdbus_policy_parse() - make a contribution of what user space passed
 * @items:	items that kdbus_items_parse() accepted; all but NAME and
 *		POLICY_ACCESS are skipped
 * @items_size:	bytes at @items
 * @max_names:	most names
 * @wildcards:	names may be wildcards
 *
 * Ids are translated from the user namespace of the calling task.
 *
 * Context: may sleep. @items is not kept.
 * Return: the contribution, the caller's to hand on or to free; or an ERR_PTR:
 *         what kdbus_policy_set_fill() returns, or -ENOMEM.
 */
struct kdbus_policy_contribution *
kdbus_policy_parse(const void *items, size_t items_size, size_t max_names,
		   bool wildcards)
{
	const struct kdbus_policy_rules rules = {
		.max_names = max_names,
		.wildcards = wildcards,
		.map_id = kdbus_policy_map_id,
	};
	struct kdbus_policy_contribution *contribution;
	size_t size;
	int r;

	size = offsetof(struct kdbus_policy_contribution, set) +
	       kdbus_policy_set_size(items, items_size);
	contribution = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!contribution)
		return ERR_PTR(-ENOMEM);

	INIT_LIST_HEAD(&contribution->dead_entry);
	r = kdbus_policy_set_fill(&contribution->set, items, items_size,
				  &rules);
	if (r < 0) {
		kvfree(contribution);
		return ERR_PTR(r);
	}

	return contribution;
}

/**
 * kdbus_policy_free() - free a contribution that was in no database
 * @contribution:	contribution, or NULL
 *
 * Context: may sleep.
 */
void kdbus_policy_free(struct kdbus_policy_contribution *contribution)
{
	kvfree(contribution);
}

/*
 * Writing
 */

static struct kdbus_policy_version *
kdbus_policy_current(const struct kdbus_policy_db *db)
{
	return rcu_dereference_protected(db->version,
					 lockdep_is_held(&db->lock));
}

static struct kdbus_policy_version *
kdbus_policy_new_version(const struct kdbus_policy_version *old,
			 const struct kdbus_policy_set *without,
			 const struct kdbus_policy_set *with)
{
	const struct kdbus_policy_table *table = old ? &old->table : NULL;
	struct kdbus_policy_version *version;
	int r;

	version = kvmalloc(offsetof(struct kdbus_policy_version, table) +
			   kdbus_policy_table_size(table, with),
			   GFP_KERNEL_ACCOUNT);
	if (!version)
		return ERR_PTR(-ENOMEM);

	r = kdbus_policy_table_build(&version->table, table, without, with);
	if (r < 0) {
		kvfree(version);
		return ERR_PTR(r);
	}

	return version;
}

/* afterwards no new reader finds what is not in the new version */
static void kdbus_policy_publish(struct kdbus_policy_db *db,
				 struct kdbus_policy_version *version)
{
	struct kdbus_policy_version *old = kdbus_policy_current(db);

	rcu_assign_pointer(db->version, version);
	if (old)
		kvfree_rcu(old, rcu);
	kdbus_policy_reap(db);
}

/**
 * kdbus_policy_db_set() - put a contribution into a slot
 * @db:			database
 * @slot:		slot, of which only this database knows; what is in it is
 *			replaced
 * @contribution:	what kdbus_policy_parse() returned
 * @live:		it counts at once; otherwise only its names are taken,
 *			until kdbus_policy_db_enable()
 *
 * The replacement is one step to every check.
 *
 * Context: may sleep; takes @db->lock.
 * Return: 0, the contribution belongs to @db then; -EEXIST if it has an entry
 *         twice or one that another slot has; -ENOMEM. After an error it is
 *         still the caller's.
 */
int kdbus_policy_db_set(struct kdbus_policy_db *db,
			struct kdbus_policy_contribution **slot,
			struct kdbus_policy_contribution *contribution,
			bool live)
{
	struct kdbus_policy_contribution *old;
	struct kdbus_policy_version *version;

	mutex_lock(&db->lock);

	old = *slot;
	version = kdbus_policy_new_version(kdbus_policy_current(db),
					   old ? &old->set : NULL,
					   &contribution->set);
	if (!IS_ERR(version)) {
		if (live)
			contribution->set.state = KDBUS_POLICY_LIVE;
		*slot = contribution;
		kdbus_policy_publish(db, version);
		if (old)
			kvfree_rcu(old, rcu);
	}

	mutex_unlock(&db->lock);
	return PTR_ERR_OR_ZERO(version);
}

/**
 * kdbus_policy_db_enable() - let a contribution count
 * @contribution:	contribution that is in a slot, or NULL
 *
 * Context: any; who sets or clears the slot does not do so now.
 */
void kdbus_policy_db_enable(struct kdbus_policy_contribution *contribution)
{
	if (contribution)
		WRITE_ONCE(contribution->set.state, KDBUS_POLICY_LIVE);
}

/**
 * kdbus_policy_db_disable() - let a contribution count no more
 * @contribution:	contribution that is in a slot, or NULL
 *
 * Its names stay taken.
 *
 * Context: any; who sets or clears the slot does not do so now.
 */
void kdbus_policy_db_disable(struct kdbus_policy_contribution *contribution)
{
	if (contribution)
		WRITE_ONCE(contribution->set.state, KDBUS_POLICY_RESERVED);
}

/**
 * kdbus_policy_db_clear() - take away what is in a slot
 * @db:		database
 * @slot:	slot, may be empty
 *
 * It stops to count at once, and its names are free, also if there is no memory.
 *
 * Context: may sleep; takes @db->lock.
 */
void kdbus_policy_db_clear(struct kdbus_policy_db *db,
			   struct kdbus_policy_contribution **slot)
{
	struct kdbus_policy_contribution *contribution;
	struct kdbus_policy_version *version;

	mutex_lock(&db->lock);

	contribution = *slot;
	*slot = NULL;
	if (!contribution)
		goto exit_unlock;

	WRITE_ONCE(contribution->set.state, KDBUS_POLICY_DEAD);
	list_add_tail(&contribution->dead_entry, &db->dead);
	db->n_dead += contribution->set.n;

	version = kdbus_policy_current(db);
	if (db->n_dead * 2 >= version->table.n) {
		version = kdbus_policy_new_version(version, NULL, NULL);
		if (!IS_ERR(version))
			kdbus_policy_publish(db, version);
	}

exit_unlock:
	mutex_unlock(&db->lock);
}

/*
 * Reading
 */

/* groups_search() is not for modules; they are sorted */
static bool kdbus_policy_in_group(const void *data, u32 id)
{
	const struct cred *cred = data;
	const struct group_info *groups = cred->group_info;
	kgid_t gid = KGIDT_INIT(id);
	int low = 0, high = groups->ngroups, middle;

	if (gid_eq(cred->egid, gid))
		return true;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (gid_eq(groups->gid[middle], gid))
			return true;
		if (gid_lt(groups->gid[middle], gid))
			low = middle + 1;
		else
			high = middle;
	}

	return false;
}

/**
 * kdbus_policy_db_read() - take the policy as it is now
 * @db:		database
 *
 * A check that has several questions puts them all to one version.
 *
 * Context: under RCU, or with @db->lock held; until that ends the version can be
 *          used.
 * Return: the version, NULL if there is nothing in @db.
 */
const struct kdbus_policy_version *
kdbus_policy_db_read(const struct kdbus_policy_db *db)
{
	return rcu_dereference_check(db->version, lockdep_is_held(&db->lock));
}

/**
 * kdbus_policy_query() - ask what somebody may do with a name
 * @version:	what kdbus_policy_db_read() returned
 * @cred:	who: the effective uid, the effective gid and the supplementary
 *		groups count
 * @name:	name
 *
 * Context: any.
 * Return: KDBUS_POLICY_SEE, _TALK or _OWN; or KDBUS_POLICY_NONE.
 */
int kdbus_policy_query(const struct kdbus_policy_version *version,
		       const struct cred *cred, const char *name)
{
	const struct kdbus_policy_subject subject = {
		.uid = __kuid_val(cred->euid),
		.in_group = kdbus_policy_in_group,
		.cred = cred,
	};

	return version ? kdbus_policy_table_query(&version->table, name,
						  &subject) :
			 KDBUS_POLICY_NONE;
}
