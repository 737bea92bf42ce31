/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_USER_H
#define KDBUS_USER_H

/**
 * DOC: Users
 *
 * Accounting objects. There is one per domain and uid as long as something is
 * charged to it. What a user has queued at a receiver is in the receiver's
 * quota, with the user as key.
 */

#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/refcount.h>
#include <linux/uidgid.h>

struct kdbus_domain;

/**
 * struct kdbus_user - who is charged
 * @ref:	references
 * @domain:	domain, with a reference
 * @uid:	key in the domain, invalid if the user is anonymous
 * @buses:	buses charged
 * @conns:	connections charged
 */
struct kdbus_user {
	refcount_t ref;
	struct kdbus_domain *domain;
	kuid_t uid;
	atomic_t buses;
	atomic_t conns;
};

struct kdbus_user *kdbus_user_get(struct kdbus_domain *domain, kuid_t uid);
struct kdbus_user *kdbus_user_new_anonymous(struct kdbus_domain *domain);
struct kdbus_user *kdbus_user_ref(struct kdbus_user *user);
struct kdbus_user *kdbus_user_unref(struct kdbus_user *user);

/* charge one to a counter that may not exceed @max */
static inline int kdbus_user_charge(atomic_t *counter, unsigned int max)
{
	int old = atomic_read(counter);

	do {
		if ((unsigned int)old >= max)
			return -EMFILE;
	} while (!atomic_try_cmpxchg(counter, &old, old + 1));

	return 0;
}

static inline void kdbus_user_discharge(atomic_t *counter)
{
	atomic_dec(counter);
}

#endif
