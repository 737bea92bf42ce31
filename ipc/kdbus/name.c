// SPDX-License-Identifier: GPL-2.0
#include "name.h"

#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/err.h>
#include <linux/jhash.h>
#include <linux/rculist.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "bus.h"
#include "command.h"
#include "compat.h"
#include "connection.h"
#include "grammar.h"
#include "limits.h"
#include "migrate.h"
#include "notify.h"
#include "policy.h"
#include "security.h"
#include "trace.h"

/* what of the flags of an acquisition is remembered */
#define KDBUS_NAME_SAVED	(KDBUS_NAME_ALLOW_REPLACEMENT | KDBUS_NAME_QUEUE)

/**
 * struct kdbus_name_key - what to look for
 * @str:	any bytes
 * @len:	how many
 */
struct kdbus_name_key {
	const char *str;
	size_t len;
};

static u32 kdbus_name_hash_key(const void *data, u32 len, u32 seed)
{
	const struct kdbus_name_key *key = data;

	return jhash(key->str, key->len, seed);
}

static u32 kdbus_name_hash_object(const void *data, u32 len, u32 seed)
{
	const struct kdbus_name_entry *name = data;

	return jhash(name->name, name->len, seed);
}

/* word by word; the last one overlaps the one before */
static bool kdbus_name_equals(const char *a, const char *b, size_t len)
{
	size_t i;

	if (len < sizeof(u64))
		return !memcmp(a, b, len);

	for (i = 0; i < len - sizeof(u64); i += sizeof(u64))
		if (get_unaligned((const u64 *)(a + i)) !=
		    get_unaligned((const u64 *)(b + i)))
			return false;

	i = len - sizeof(u64);
	return get_unaligned((const u64 *)(a + i)) ==
	       get_unaligned((const u64 *)(b + i));
}

static int kdbus_name_compare(struct rhashtable_compare_arg *arg,
			      const void *object)
{
	const struct kdbus_name_entry *name = object;
	const struct kdbus_name_key *key = arg->key;

	return key->len != name->len ||
	       !kdbus_name_equals(key->str, name->name, key->len);
}

/* the seed is random, so that nobody can choose names that collide */
static const struct rhashtable_params kdbus_name_params = {
	.head_offset = offsetof(struct kdbus_name_entry, hash),
	.hashfn = kdbus_name_hash_key,
	.obj_hashfn = kdbus_name_hash_object,
	.obj_cmpfn = kdbus_name_compare,
	.automatic_shrinking = true,
};

/**
 * kdbus_name_registry_init() - start with no names
 * @registry:	registry of a new bus
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int kdbus_name_registry_init(struct kdbus_name_registry *registry)
{
	mutex_init(&registry->lock);
	registry->last_registration = 0;
	return rhashtable_init(&registry->names, &kdbus_name_params);
}

/**
 * kdbus_name_registry_deinit() - free a registry without names
 * @registry:	registry of a bus that is gone
 *
 * Context: may sleep.
 */
void kdbus_name_registry_deinit(struct kdbus_name_registry *registry)
{
	WARN_ON(atomic_read(&registry->names.nelems));
	rhashtable_destroy(&registry->names);
}

/*
 * Names and owners
 */

/**
 * kdbus_name_free() - free a name without references
 * @ref:	&kdbus_name_entry.ref
 *
 * Context: any.
 */
void kdbus_name_free(struct kref *ref)
{
	struct kdbus_name_entry *name = container_of(ref, struct kdbus_name_entry, ref);

	WARN_ON(!list_empty(&name->owners));
	kfree_rcu(name, rcu);
}

static struct kdbus_name_entry *kdbus_name_new(const char *str)
{
	struct kdbus_name_entry *name;
	size_t len = strlen(str);

	name = kzalloc(struct_size(name, name, len + 1), GFP_KERNEL_ACCOUNT);
	if (!name)
		return NULL;

	kref_init(&name->ref);
	INIT_LIST_HEAD(&name->owners);
	name->len = len;
	memcpy(name->name, str, len + 1);
	return name;
}

static struct kdbus_name_entry *kdbus_name_find(struct kdbus_bus *bus,
					  const char *str)
{
	const struct kdbus_name_key key = { .str = str, .len = strlen(str) };

	return rhashtable_lookup_fast(&bus->names.names, &key,
				      kdbus_name_params);
}

static struct kdbus_name_owner *kdbus_name_primary(struct kdbus_name_entry *name)
{
	return list_first_entry_or_null(&name->owners, struct kdbus_name_owner,
					name_entry);
}

static struct kdbus_name_owner *kdbus_name_find_owner(struct kdbus_name_entry *name,
						      struct kdbus_conn *conn)
{
	struct kdbus_name_owner *owner;

	list_for_each_entry(owner, &name->owners, name_entry)
		if (owner->conn == conn)
			return owner;

	return NULL;
}

/* where messages to the name go from now on; if nowhere, their senders wait */
static void kdbus_name_set_holder(struct kdbus_name_entry *name,
				  struct kdbus_conn *holder)
{
	struct kdbus_conn *old = name->holder;

	kdbus_conn_lock_two(old ?: holder, holder ?: old);
	WRITE_ONCE(name->holder, holder);
	kdbus_conn_unlock_two(old ?: holder, holder ?: old);
}

/* between an activator and an owner a name goes with its messages */
static void kdbus_name_hand_over(struct kdbus_name_entry *name,
				 struct kdbus_conn *to)
{
	struct kdbus_conn *from = name->holder;

	kdbus_name_set_holder(name, NULL);
	kdbus_migrate(name, from, to);
	kdbus_name_set_holder(name, to);
}

static void kdbus_name_link_owner(struct kdbus_name_owner *owner,
				  struct kdbus_name_entry *name,
				  struct kdbus_conn *conn)
{
	kref_get(&name->ref);
	owner->name = name;
	owner->conn = conn;
	if (owner->flags & KDBUS_NAME_ACTIVATOR) {
		INIT_LIST_HEAD(&owner->name_entry);
		name->activator = owner;
	} else {
		list_add_tail(&owner->name_entry, &name->owners);
	}
	list_add_tail_rcu(&owner->conn_entry, &conn->names);
	conn->n_names++;
}

static void kdbus_name_unlink_owner(struct kdbus_name_owner *owner)
{
	if (owner == owner->name->activator)
		owner->name->activator = NULL;
	list_del(&owner->name_entry);
	list_del_rcu(&owner->conn_entry);
	owner->conn->n_names--;
	kdbus_name_unref(owner->name);
	kfree_rcu(owner, rcu);
}

/* the first in the queue is the primary owner, whatever it was before */
static void kdbus_name_promote(struct kdbus_name_owner *owner)
{
	WRITE_ONCE(owner->flags, (owner->flags & ~KDBUS_NAME_IN_QUEUE) |
				 KDBUS_NAME_PRIMARY);
}

static void kdbus_name_demote(struct kdbus_name_owner *owner)
{
	WRITE_ONCE(owner->flags, (owner->flags & ~KDBUS_NAME_PRIMARY) |
				 KDBUS_NAME_IN_QUEUE);
}

static int kdbus_name_insert(struct kdbus_bus *bus,
			     struct kdbus_name_entry *name)
{
	int r;

	name->registration = bus->names.last_registration + 1;
	r = rhashtable_insert_fast(&bus->names.names, &name->hash,
				   kdbus_name_params);
	/* it does not find room for a chain of unusual length */
	if (r < 0)
		return -ENOMEM;

	bus->names.last_registration++;
	return 0;
}

static void kdbus_name_remove(struct kdbus_bus *bus, struct kdbus_name_entry *name)
{
	rhashtable_remove_fast(&bus->names.names, &name->hash,
			       kdbus_name_params);
	kdbus_name_unref(name);
}

/*
 * Acquiring
 */

/**
 * struct kdbus_name_claim - an acquisition
 * @bus:	bus
 * @conn:	who wants the name
 * @str:	the name
 * @flags:	flags of the command
 * @saved:	what of @flags is remembered
 * @name:	new name, if it does not exist yet
 * @owner:	new owner, if the connection has no claim yet
 * @result:	return_flags of the command
 */
struct kdbus_name_claim {
	struct kdbus_bus *bus;
	struct kdbus_conn *conn;
	const char *str;
	u64 flags;
	u64 saved;
	struct kdbus_name_entry *name;
	struct kdbus_name_owner *owner;
	u64 result;
};

/* link the new owner; readers take what it says for true from then on */
static struct kdbus_name_owner *
kdbus_name_claim_owner(struct kdbus_name_claim *claim,
		       struct kdbus_name_entry *name, u64 flags)
{
	struct kdbus_name_owner *owner = claim->owner;

	claim->owner = NULL;
	owner->flags = flags;
	kdbus_name_link_owner(owner, name, claim->conn);
	return owner;
}

static int kdbus_name_claim_new(struct kdbus_name_claim *claim)
{
	struct kdbus_name_entry *name = claim->name;
	struct kdbus_name_owner *owner;
	int r;

	r = kdbus_name_insert(claim->bus, name);
	if (r < 0)
		return r;

	/* the registry has the reference now */
	claim->name = NULL;
	owner = kdbus_name_claim_owner(claim, name,
				       claim->saved | KDBUS_NAME_PRIMARY);
	/* who finds that it holds the name finds it among its names, too */
	kdbus_name_set_holder(name, claim->conn);
	claim->result = owner->flags | KDBUS_NAME_ACQUIRED;
	kdbus_notify_name(claim->bus, KDBUS_ITEM_NAME_ADD, NULL, 0, claim->conn,
			  owner->flags, name->name);
	return 0;
}

/* take the name over from its activator, with the messages that wait there */
static void kdbus_name_claim_activated(struct kdbus_name_claim *claim,
				       struct kdbus_name_entry *name)
{
	struct kdbus_name_owner *activator = name->activator;
	u64 old_flags = activator->flags;
	struct kdbus_name_owner *owner;

	kdbus_name_demote(activator);
	owner = kdbus_name_claim_owner(claim, name, claim->saved |
				       KDBUS_NAME_PRIMARY);
	kdbus_name_hand_over(name, claim->conn);
	claim->result = owner->flags | KDBUS_NAME_ACQUIRED;
	kdbus_notify_name(claim->bus, KDBUS_ITEM_NAME_CHANGE, activator->conn,
			  old_flags, claim->conn, owner->flags, name->name);
}

/* push the primary owner from its place */
static void kdbus_name_claim_replace(struct kdbus_name_claim *claim,
				     struct kdbus_name_entry *name,
				     struct kdbus_name_owner *owner)
{
	struct kdbus_name_owner *prim = kdbus_name_primary(name);
	struct kdbus_conn *old = prim->conn;
	u64 old_flags = prim->flags;

	/* readers may see no primary owner for a moment, but never two */
	if (old_flags & KDBUS_NAME_QUEUE)
		kdbus_name_demote(prim);
	else
		kdbus_name_unlink_owner(prim);

	if (!owner)
		owner = kdbus_name_claim_owner(claim, name, claim->saved |
					       KDBUS_NAME_PRIMARY);
	list_move(&owner->name_entry, &name->owners);
	WRITE_ONCE(owner->flags, claim->saved | KDBUS_NAME_PRIMARY);

	kdbus_name_set_holder(name, claim->conn);
	claim->result = owner->flags | KDBUS_NAME_ACQUIRED;
	kdbus_notify_name(claim->bus, KDBUS_ITEM_NAME_CHANGE, old, old_flags,
			  claim->conn, owner->flags, name->name);
}

/* somebody else is the primary owner and stays it */
static int kdbus_name_claim_queue(struct kdbus_name_claim *claim,
				  struct kdbus_name_entry *name,
				  struct kdbus_name_owner *owner)
{
	u64 acquired = 0;

	if (!(claim->flags & KDBUS_NAME_QUEUE)) {
		claim->result = claim->saved;
		if (!owner)
			return -EEXIST;
		/* does not want to wait any longer */
		kdbus_name_unlink_owner(owner);
		return 0;
	}

	if (!owner) {
		owner = kdbus_name_claim_owner(claim, name, claim->saved |
					       KDBUS_NAME_IN_QUEUE);
		acquired = KDBUS_NAME_ACQUIRED;
	}
	WRITE_ONCE(owner->flags, claim->saved | KDBUS_NAME_IN_QUEUE);
	claim->result = owner->flags | acquired;
	return 0;
}

static int kdbus_name_claim(struct kdbus_name_claim *claim)
{
	struct kdbus_name_owner *owner, *prim;
	struct kdbus_name_entry *name;

	lockdep_assert_held(&claim->bus->names.lock);

	/* the policy may have changed while the lock was waited for */
	if (!kdbus_policy_may_own(claim->conn, current_cred(), claim->str) ||
	    !kdbus_security_own(claim->conn, claim->str))
		return -EPERM;

	name = kdbus_name_find(claim->bus, claim->str);
	owner = name ? kdbus_name_find_owner(name, claim->conn) : NULL;
	if (!owner && claim->conn->n_names >= KDBUS_CONN_MAX_NAMES) {
		kdbus_limit_refused(claim->conn->user, KDBUS_LIMIT_NAMES);
		return -E2BIG;
	}
	if (!name)
		return kdbus_name_claim_new(claim);

	prim = kdbus_name_primary(name);
	if (!prim) {
		kdbus_name_claim_activated(claim, name);
		return 0;
	}
	if (owner && owner == prim) {
		WRITE_ONCE(owner->flags, claim->saved | KDBUS_NAME_PRIMARY);
		claim->result = owner->flags;
		return 0;
	}
	if ((prim->flags & KDBUS_NAME_ALLOW_REPLACEMENT) &&
	    (claim->flags & KDBUS_NAME_REPLACE_EXISTING)) {
		kdbus_name_claim_replace(claim, name, owner);
		return 0;
	}

	return kdbus_name_claim_queue(claim, name, owner);
}

enum {
	NAME_NEGOTIATE,
	NAME_NAME,
};

static const struct kdbus_item_spec kdbus_name_items[] = {
	[NAME_NEGOTIATE] = { .type = KDBUS_ITEM_NEGOTIATE },
	[NAME_NAME] = { .type = KDBUS_ITEM_NAME, .mandatory = true },
};

static const struct kdbus_command_spec kdbus_name_acquire_spec = {
	.size = sizeof(struct kdbus_cmd),
	.flags = KDBUS_NAME_REPLACE_EXISTING | KDBUS_NAME_ALLOW_REPLACEMENT |
		 KDBUS_NAME_QUEUE,
	.has_return_flags = true,
	.n_items = ARRAY_SIZE(kdbus_name_items),
	.items = kdbus_name_items,
};

static const struct kdbus_command_spec kdbus_name_release_spec = {
	.size = sizeof(struct kdbus_cmd),
	.has_return_flags = true,
	.n_items = ARRAY_SIZE(kdbus_name_items),
	.items = kdbus_name_items,
};

static int kdbus_name_acquire(struct kdbus_name_claim *claim)
{
	struct kdbus_conn *conn = claim->conn;
	int r;

	claim->name = kdbus_name_new(claim->str);
	claim->owner = kzalloc(sizeof(*claim->owner), GFP_KERNEL_ACCOUNT);
	r = -ENOMEM;
	if (!claim->name || !claim->owner)
		goto exit;

	r = -ECONNRESET;
	if (!kdbus_active_acquire(&conn->active))
		goto exit;
	mutex_lock(&claim->bus->names.lock);
	r = kdbus_name_claim(claim);
	mutex_unlock(&claim->bus->names.lock);
	kdbus_active_release(&conn->active);

exit:
	kdbus_name_unref(claim->name);
	kfree(claim->owner);
	return r;
}

/**
 * kdbus_cmd_name_acquire() - KDBUS_CMD_NAME_ACQUIRE
 * @conn:	connection
 * @argp:	struct kdbus_cmd in user space
 *
 * Context: may sleep, touches user memory.
 * Return: 0; framing errors; -EINVAL for a bad name; -EPERM if the policy does
 *         not let @conn own it; -E2BIG if @conn has too many names; -EEXIST if
 *         it is owned by somebody else; -ECONNRESET; -ENOMEM; -EFAULT if the
 *         result cannot be written, although the name was acquired.
 */
int kdbus_cmd_name_acquire(struct kdbus_conn *conn, void __user *argp)
{
	struct kdbus_command command kdbus_uninitialized;
	struct kdbus_cmd __user *user = argp;
	struct kdbus_name_claim claim = {
		.bus = conn->bus,
		.conn = conn,
	};
	const struct kdbus_cmd *cmd;
	int r;

	r = kdbus_command_import(&command, &kdbus_name_acquire_spec, argp);
	if (r != 0)
		goto exit;

	cmd = command.data;
	claim.str = command.items[NAME_NAME]->str;
	claim.flags = cmd->flags;
	claim.saved = cmd->flags & KDBUS_NAME_SAVED;

	r = -EINVAL;
	if (!kdbus_name_is_valid(claim.str, false))
		goto exit;
	r = -EPERM;
	if (!kdbus_policy_may_own(conn, current_cred(), claim.str) ||
	    !kdbus_security_own(conn, claim.str)) {
		trace_kdbus_deny_own(conn->id, claim.str);
		goto exit;
	}

	r = kdbus_name_acquire(&claim);
	if ((r >= 0 || r == -EEXIST) && claim.result &&
	    put_user(claim.result, &user->return_flags))
		r = -EFAULT;

exit:
	kdbus_command_release(&command);
	return min(r, 0);
}

/*
 * Releasing
 */

static void kdbus_name_drop_owner(struct kdbus_name_owner *owner)
{
	struct kdbus_name_entry *name = owner->name;
	struct kdbus_conn *conn = owner->conn;
	struct kdbus_bus *bus = conn->bus;
	struct kdbus_name_owner *next;
	u64 flags = owner->flags;

	lockdep_assert_held(&bus->names.lock);

	/* the registry's reference keeps the name until it is removed */
	kdbus_name_unlink_owner(owner);
	if (flags & KDBUS_NAME_IN_QUEUE)
		return;

	next = kdbus_name_primary(name) ?: name->activator;
	if (!next) {
		kdbus_name_set_holder(name, NULL);
		kdbus_notify_name(bus, KDBUS_ITEM_NAME_REMOVE, conn, flags,
				  NULL, 0, name->name);
		kdbus_name_remove(bus, name);
		return;
	}

	kdbus_name_promote(next);
	if (next == name->activator)
		kdbus_name_hand_over(name, next->conn);
	else
		kdbus_name_set_holder(name, next->conn);
	kdbus_notify_name(bus, KDBUS_ITEM_NAME_CHANGE, conn, flags, next->conn,
			  next->flags, name->name);
}

static int kdbus_name_release(struct kdbus_conn *conn, const char *str)
{
	struct kdbus_name_owner *owner;
	struct kdbus_name_entry *name;

	name = kdbus_name_find(conn->bus, str);
	if (!name)
		return -ESRCH;
	owner = kdbus_name_find_owner(name, conn);
	if (!owner)
		return kdbus_policy_may_see_name(conn, current_cred(), str) ?
		       -EADDRINUSE : -ESRCH;

	kdbus_name_drop_owner(owner);
	return 0;
}

/**
 * kdbus_cmd_name_release() - KDBUS_CMD_NAME_RELEASE
 * @conn:	connection
 * @argp:	struct kdbus_cmd in user space
 *
 * Context: may sleep, touches user memory.
 * Return: 0; framing errors; -ESRCH if there is no such name, or none that
 *         @conn may see; -EADDRINUSE if @conn neither owns it nor waits for it;
 *         -ECONNRESET.
 */
int kdbus_cmd_name_release(struct kdbus_conn *conn, void __user *argp)
{
	struct kdbus_command command kdbus_uninitialized;
	struct kdbus_bus *bus = conn->bus;
	int r;

	r = kdbus_command_import(&command, &kdbus_name_release_spec, argp);
	if (r != 0)
		goto exit;

	r = -ECONNRESET;
	if (!kdbus_active_acquire(&conn->active))
		goto exit;
	mutex_lock(&bus->names.lock);
	r = kdbus_name_release(conn, command.items[NAME_NAME]->str);
	mutex_unlock(&bus->names.lock);
	kdbus_active_release(&conn->active);

exit:
	kdbus_command_release(&command);
	return min(r, 0);
}

/**
 * kdbus_name_release_all() - a connection leaves all its names
 * @conn:	connection that was deactivated and drained
 *
 * In the order in which they were acquired.
 *
 * Context: may sleep; takes the registry's lock.
 */
void kdbus_name_release_all(struct kdbus_conn *conn)
{
	struct kdbus_name_owner *owner, *next;

	mutex_lock(&conn->bus->names.lock);
	list_for_each_entry_safe(owner, next, &conn->names, conn_entry)
		kdbus_name_drop_owner(owner);
	mutex_unlock(&conn->bus->names.lock);
}

/*
 * Activators
 */

/**
 * kdbus_name_activator_new() - allocate what it takes to have a name activated
 * @str:	valid name
 *
 * Context: may sleep.
 * Return: the owner, the caller's to pass to kdbus_name_reserve() or to free; or
 *         NULL if there is no memory.
 */
struct kdbus_name_owner *kdbus_name_activator_new(const char *str)
{
	struct kdbus_name_owner *owner;

	owner = kzalloc(sizeof(*owner), GFP_KERNEL_ACCOUNT);
	if (!owner)
		return NULL;

	owner->flags = KDBUS_NAME_ACTIVATOR | KDBUS_NAME_IN_QUEUE;
	owner->name = kdbus_name_new(str);
	if (!owner->name) {
		kfree(owner);
		return NULL;
	}

	return owner;
}

/**
 * kdbus_name_activator_free() - free an owner that was not reserved
 * @owner:	what kdbus_name_activator_new() returned, or NULL
 *
 * Context: any.
 */
void kdbus_name_activator_free(struct kdbus_name_owner *owner)
{
	if (owner)
		kdbus_name_unref(owner->name);
	kfree(owner);
}

/**
 * kdbus_name_reserve() - prepare to have a name activated
 * @conn:	activator that is about to be published, and that has the policy
 *		for the name, so that there is no other activator
 * @owner:	what kdbus_name_activator_new() returned
 *
 * Senders to a new name wait until kdbus_name_activate() is called, which has
 * to happen before the registry's lock is released.
 *
 * Context: may sleep. The registry's lock is held.
 * Return: 0, @owner is linked to the name and to @conn then; or -ENOMEM, and
 *         @owner is still the caller's.
 */
int kdbus_name_reserve(struct kdbus_conn *conn, struct kdbus_name_owner *owner)
{
	struct kdbus_name_entry *new = owner->name, *name;
	struct kdbus_bus *bus = conn->bus;
	int r;

	lockdep_assert_held(&bus->names.lock);

	name = kdbus_name_find(bus, new->name);
	if (name) {
		WARN_ON(name->activator);
		kdbus_name_unref(new);
	} else {
		name = new;
		r = kdbus_name_insert(bus, name);
		if (r < 0)
			return r;
	}

	kdbus_name_link_owner(owner, name, conn);
	return 0;
}

/**
 * kdbus_name_activate() - begin to hold a name for who may come
 * @owner:	what kdbus_name_reserve() returned, of a published connection
 *
 * Context: may sleep. The registry's lock is held.
 */
void kdbus_name_activate(struct kdbus_name_owner *owner)
{
	struct kdbus_name_entry *name = owner->name;

	if (kdbus_name_primary(name))
		return;

	kdbus_name_promote(owner);
	kdbus_name_set_holder(name, owner->conn);
	kdbus_notify_name(owner->conn->bus, KDBUS_ITEM_NAME_ADD, NULL, 0,
			  owner->conn, owner->flags, name->name);
}

/**
 * kdbus_name_follow() - move messages that were left behind
 * @name:	name
 * @from:	connection that held the name before
 *
 * Does nothing if the name is gone, or if @from ends: then it drops what is left
 * in its queue, and settles what it owes, both without the registry's lock.
 *
 * Context: may sleep; takes an active reference on @from and the registry's
 *          lock.
 */
void kdbus_name_follow(const struct kdbus_name_entry *name,
		       struct kdbus_conn *from)
{
	if (!kdbus_active_acquire(&from->active))
		return;

	mutex_lock(&from->bus->names.lock);
	if (name->holder && name->holder != from)
		kdbus_migrate_stragglers(name, from, name->holder);
	mutex_unlock(&from->bus->names.lock);
	kdbus_active_release(&from->active);
}

/*
 * Looking up
 */

/* wait until a name that changes hands has a holder again, or is gone */
static int kdbus_name_wait(struct kdbus_bus *bus)
{
	if (mutex_lock_killable(&bus->names.lock) < 0)
		return -EINTR;
	mutex_unlock(&bus->names.lock);
	return 0;
}

/**
 * kdbus_name_get() - look a name up
 * @bus:	bus
 * @str:	any bytes
 * @len:	how many
 *
 * Context: any.
 * Return: the name with a reference for the caller, or NULL if there is none,
 *         or if it is about to go. What is found is a valid name.
 */
struct kdbus_name_entry *kdbus_name_get(struct kdbus_bus *bus, const char *str,
					size_t len)
{
	const struct kdbus_name_key key = { .str = str, .len = len };
	struct kdbus_name_entry *name;

	rcu_read_lock();
	name = rhashtable_lookup(&bus->names.names, &key, kdbus_name_params);
	if (name && !kref_get_unless_zero(&name->ref))
		name = NULL;
	rcu_read_unlock();

	return name;
}

/**
 * kdbus_name_get_holder() - find who holds a name that was looked up
 * @name:	name the caller has a reference on
 *
 * Whether the connection still holds the name has to be checked under its lock.
 *
 * Context: any.
 * Return: the holder with a reference for the caller; or NULL if nobody holds the
 *         name right now, or any more.
 */
struct kdbus_conn *kdbus_name_get_holder(const struct kdbus_name_entry *name)
{
	struct kdbus_conn *conn;

	rcu_read_lock();
	conn = READ_ONCE(name->holder);
	if (conn && !kref_get_unless_zero(&conn->ref))
		conn = NULL;
	rcu_read_unlock();

	return conn;
}

/* find a holder that is alive, under RCU; with references */
static struct kdbus_conn *kdbus_name_find_holder(struct kdbus_bus *bus,
						 const char *str,
						 struct kdbus_name_entry **out)
{
	struct kdbus_name_entry *name;
	struct kdbus_conn *conn;

	while ((name = kdbus_name_find(bus, str))) {
		conn = READ_ONCE(name->holder);
		if (!conn)
			return ERR_PTR(-EAGAIN);
		/* both go when the name changes hands: look again then */
		if (!kref_get_unless_zero(&name->ref))
			continue;
		if (kref_get_unless_zero(&conn->ref)) {
			*out = name;
			return conn;
		}
		kdbus_name_unref(name);
	}

	return ERR_PTR(-ESRCH);
}

/**
 * kdbus_name_resolve() - find who holds a name
 * @bus:	bus
 * @name:	name
 * @out:	where to store the name, with a reference for the caller
 *
 * Whether the connection still holds the name has to be checked under its lock.
 *
 * Context: may sleep; takes the registry's lock if the name is changing hands.
 * Return: the holder with a reference for the caller; or an ERR_PTR: -ESRCH if
 *         nobody holds the name; -EINTR if the task is killed while it waits.
 */
struct kdbus_conn *kdbus_name_resolve(struct kdbus_bus *bus, const char *name,
				      struct kdbus_name_entry **out)
{
	struct kdbus_conn *conn;
	int r;

	for (;;) {
		rcu_read_lock();
		conn = kdbus_name_find_holder(bus, name, out);
		rcu_read_unlock();
		if (conn != ERR_PTR(-EAGAIN))
			return conn;

		r = kdbus_name_wait(bus);
		if (r < 0)
			return ERR_PTR(r);
	}
}

/**
 * kdbus_name_is_owned() - ask whether a connection owns a name
 * @conn:	struct kdbus_conn
 * @name:	name
 *
 * Context: under RCU.
 * Return: true if it is the primary owner.
 */
bool kdbus_name_is_owned(const void *conn, const char *name)
{
	const struct kdbus_conn *owner = conn;
	const struct kdbus_name_entry *found;

	found = kdbus_name_find(owner->bus, name);
	return found && READ_ONCE(found->holder) == owner;
}
