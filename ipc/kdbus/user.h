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
 * @files:	files in messages that were not received yet
 * @told:	limits that the administrator knows the user has reached, bits
 *		of enum kdbus_limit
 * @payer:	whose @files are charged instead, with a reference, or NULL
 */
struct kdbus_user {
	refcount_t ref;
	struct kdbus_domain *domain;
	kuid_t uid;
	atomic_t buses;
	atomic_t conns;
	atomic_t files;
	unsigned long told;
	struct kdbus_user *payer;
};

struct kdbus_user *kdbus_user_get(struct kdbus_domain *domain, kuid_t uid);
struct kdbus_user *kdbus_user_new_anonymous(struct kdbus_domain *domain,
					    struct kdbus_user *payer);
struct kdbus_user *kdbus_user_ref(struct kdbus_user *user);
struct kdbus_user *kdbus_user_unref(struct kdbus_user *user);

/* charge @n to a counter that may not exceed @max */
static inline bool kdbus_user_try_charge(atomic_t *counter, unsigned int n,
					 unsigned int max)
{
	int old = atomic_read(counter);

	do {
		if (n > max || (unsigned int)old > max - n)
			return false;
	} while (!atomic_try_cmpxchg(counter, &old, old + n));

	return true;
}

/* charge one object to a counter that may not exceed @max */
static inline int kdbus_user_charge(atomic_t *counter, unsigned int max)
{
	return kdbus_user_try_charge(counter, 1, max) ? 0 : -EMFILE;
}

static inline void kdbus_user_discharge(atomic_t *counter)
{
	atomic_dec(counter);
}

#endif
