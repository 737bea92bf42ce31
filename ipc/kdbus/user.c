// SPDX-License-Identifier: GPL-2.0
#include "user.h"

#include <linux/err.h>
#include <linux/slab.h>

#include "domain.h"

static struct kdbus_user *kdbus_user_new(struct kdbus_domain *domain,
					 kuid_t uid)
{
	struct kdbus_user *user;

	user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
	if (!user)
		return NULL;

	refcount_set(&user->ref, 1);
	kdbus_node_ref(&domain->node);
	user->domain = domain;
	user->uid = uid;
	atomic_set(&user->buses, 0);
	atomic_set(&user->conns, 0);
	atomic_set(&user->files, 0);

	return user;
}

static void kdbus_user_free(struct kdbus_user *user)
{
	WARN_ON(atomic_read(&user->buses) || atomic_read(&user->conns) ||
		atomic_read(&user->files));
	kdbus_user_unref(user->payer);
	kdbus_node_unref(&user->domain->node);
	kfree(user);
}

/**
 * kdbus_user_get() - find or make the accounting object of a uid
 * @domain:	domain
 * @uid:	valid uid
 *
 * Context: may sleep; takes the domain's users_lock.
 * Return: the user with a reference for the caller, or ERR_PTR(-ENOMEM).
 */
struct kdbus_user *kdbus_user_get(struct kdbus_domain *domain, kuid_t uid)
{
	struct kdbus_user *user;
	int r;

	mutex_lock(&domain->users_lock);

	user = xa_load(&domain->users, __kuid_val(uid));
	if (user) {
		kdbus_user_ref(user);
		goto exit_unlock;
	}

	user = kdbus_user_new(domain, uid);
	if (!user) {
		user = ERR_PTR(-ENOMEM);
		goto exit_unlock;
	}

	r = xa_insert(&domain->users, __kuid_val(uid), user,
		      GFP_KERNEL_ACCOUNT);
	if (r < 0) {
		kdbus_user_free(user);
		user = ERR_PTR(r);
	}

exit_unlock:
	mutex_unlock(&domain->users_lock);
	return user;
}

/**
 * kdbus_user_new_anonymous() - make an accounting object that is nobody's
 * @domain:	domain
 * @payer:	who is charged for its files in flight, or NULL
 *
 * Context: may sleep.
 * Return: the user with a reference for the caller, or ERR_PTR(-ENOMEM).
 */
struct kdbus_user *kdbus_user_new_anonymous(struct kdbus_domain *domain,
					    struct kdbus_user *payer)
{
	struct kdbus_user *user = kdbus_user_new(domain, INVALID_UID);

	if (!user)
		return ERR_PTR(-ENOMEM);

	if (payer)
		user->payer = kdbus_user_ref(payer);
	return user;
}

/**
 * kdbus_user_ref() - take a reference
 * @user:	user the caller has a reference on, or whose domain's users_lock
 *		it holds
 *
 * Context: any.
 * Return: @user
 */
struct kdbus_user *kdbus_user_ref(struct kdbus_user *user)
{
	refcount_inc(&user->ref);
	return user;
}

/**
 * kdbus_user_unref() - drop a reference
 * @user:	user, or NULL
 *
 * Context: may sleep; may take the domain's users_lock.
 * Return: NULL
 */
struct kdbus_user *kdbus_user_unref(struct kdbus_user *user)
{
	if (user && refcount_dec_and_mutex_lock(&user->ref,
						&user->domain->users_lock)) {
		if (uid_valid(user->uid))
			xa_erase(&user->domain->users, __kuid_val(user->uid));
		mutex_unlock(&user->domain->users_lock);
		kdbus_user_free(user);
	}

	return NULL;
}
