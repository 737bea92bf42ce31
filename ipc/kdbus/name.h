/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_NAME_H
#define KDBUS_NAME_H

/**
 * DOC: Well-known names
 *
 * A name exists while somebody owns it or waits for it, or has it activated.
 * Its owners form a queue; the first one is the primary owner, which holds the
 * name: messages to the name go there. If there is none the activator holds it.
 *
 * Writers hold the registry's @lock, which also puts all notifications of a bus
 * into one order. Senders look a name up under RCU, and when they commit they
 * make sure, under the receiver's lock, that the receiver still holds the name:
 * @holder is only changed with the locks of the old and the new holder held.
 * While messages migrate nobody holds the name, and senders wait for the
 * registry's lock.
 */

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

struct cred;
struct kdbus_bus;
struct kdbus_conn;

/**
 * struct kdbus_name_entry - a well-known name
 * @ref:		references; the registry has one
 * @rcu:		delays freeing for look-ups
 * @hash:		in &kdbus_name_registry.names
 * @registration:	number of this life of the name, never used twice on a
 *			bus
 * @holder:		who gets messages; NULL while the name changes hands, and
 *			once it is gone
 * @owners:		&struct kdbus_name_owner in order, under the registry's
 *			lock
 * @activator:		who holds the name if nobody owns it, or NULL; under the
 *			registry's lock
 * @len:		bytes of @name without the NUL
 * @name:		the name
 */
struct kdbus_name_entry {
	struct kref ref;
	struct rcu_head rcu;
	struct rhash_head hash;
	u64 registration;
	struct kdbus_conn *holder;
	struct list_head owners;
	struct kdbus_name_owner *activator;
	size_t len;
	char name[];
};

/**
 * struct kdbus_name_owner - a connection that owns a name, waits for it or has
 *			     it activated
 * @rcu:	delays freeing for those who walk &kdbus_conn.names
 * @name:	name, with a reference
 * @conn:	connection; outlives this
 * @flags:	KDBUS_NAME_* as user space sees them; written under the
 *		registry's lock
 * @name_entry:	in &kdbus_name_entry.owners, empty for an activator
 * @conn_entry:	in &kdbus_conn.names
 */
struct kdbus_name_owner {
	struct rcu_head rcu;
	struct kdbus_name_entry *name;
	struct kdbus_conn *conn;
	u64 flags;
	struct list_head name_entry;
	struct list_head conn_entry;
};

/**
 * struct kdbus_name_registry - the names of a bus
 * @lock:		serialises writers, notifications and changes of
 *			&kdbus_bus.conns; may sleep. The locks of endpoints and
 *			connections nest in it
 * @names:		names, read under RCU
 * @last_registration:	last number given to a name, under @lock
 */
struct kdbus_name_registry {
	struct mutex lock;
	struct rhashtable names;
	u64 last_registration;
};

int kdbus_name_registry_init(struct kdbus_name_registry *registry);
void kdbus_name_registry_deinit(struct kdbus_name_registry *registry);

int kdbus_cmd_name_acquire(struct kdbus_conn *conn, void __user *argp);
int kdbus_cmd_name_release(struct kdbus_conn *conn, void __user *argp);
void kdbus_name_release_all(struct kdbus_conn *conn);
struct kdbus_name_owner *kdbus_name_activator_new(const char *str);
void kdbus_name_activator_free(struct kdbus_name_owner *owner);
int kdbus_name_reserve(struct kdbus_conn *conn, struct kdbus_name_owner *owner);
void kdbus_name_activate(struct kdbus_name_owner *owner);
void kdbus_name_follow(const struct kdbus_name_entry *name,
		       struct kdbus_conn *from);

struct kdbus_name_entry *kdbus_name_get(struct kdbus_bus *bus, const char *str,
					size_t len);
struct kdbus_conn *kdbus_name_get_holder(const struct kdbus_name_entry *name);
struct kdbus_conn *kdbus_name_resolve(struct kdbus_bus *bus, const char *name,
				      struct kdbus_name_entry **out);
size_t kdbus_name_collect_as(const struct kdbus_conn *from,
			     const struct kdbus_conn *to,
			     const struct cred *cred, void *buf, size_t size);
size_t kdbus_name_collect(const void *conn, const void *viewer, void *buf,
			  size_t size);
bool kdbus_name_is_owned(const void *conn, const char *name);
void kdbus_name_free(struct kref *ref);

/**
 * kdbus_name_ref() - take a reference
 * @name:	name the caller has a reference on, or NULL
 *
 * Context: any.
 * Return: @name
 */
static inline struct kdbus_name_entry *
kdbus_name_ref(struct kdbus_name_entry *name)
{
	if (name)
		kref_get(&name->ref);
	return name;
}

/**
 * kdbus_name_unref() - drop a reference
 * @name:	name, or NULL
 *
 * Context: any.
 * Return: NULL
 */
static inline struct kdbus_name_entry *
kdbus_name_unref(struct kdbus_name_entry *name)
{
	if (name)
		kref_put(&name->ref, kdbus_name_free);
	return NULL;
}

#endif
