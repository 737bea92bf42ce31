// SPDX-License-Identifier: GPL-2.0
#include "quota.h"

#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math64.h>

static struct hlist_head *kdbus_quota_bucket(struct kdbus_quota *quota,
					     void *user)
{
	return &quota->accounts[hash_ptr(user, ilog2(KDBUS_QUOTA_BUCKETS))];
}

/**
 * kdbus_quota_init() - start with nothing queued
 * @quota:	quota; uninitialised before
 * @pool_size:	bytes of the receiver's pool
 * @max_msgs:	messages that a user may have queued
 * @max_fds:	file descriptors that a user may have queued
 *
 * Context: any.
 */
void kdbus_quota_init(struct kdbus_quota *quota, u64 pool_size,
		      unsigned int max_msgs, unsigned int max_fds)
{
	size_t i;

	quota->pool_size = pool_size;
	quota->max_msgs = max_msgs;
	quota->max_fds = max_fds;
	quota->bytes = 0;
	quota->idle = NULL;
	for (i = 0; i < KDBUS_QUOTA_BUCKETS; i++)
		INIT_HLIST_HEAD(&quota->accounts[i]);
}

/**
 * kdbus_quota_find() - find the account of a user
 * @quota:	quota
 * @user:	key
 *
 * Context: any; serialised by the caller.
 * Return: the account, which may be empty and stays the quota's; or NULL if the
 *         user has none.
 */
struct kdbus_account *kdbus_quota_find(struct kdbus_quota *quota, void *user)
{
	struct kdbus_account *account;

	hlist_for_each_entry(account, kdbus_quota_bucket(quota, user), entry)
		if (account->user == user)
			return account;

	return NULL;
}

/**
 * kdbus_quota_add() - link an account
 * @quota:	quota
 * @account:	account that is not linked and was zeroed before use. It is the
 *		quota's until kdbus_quota_discharge() or kdbus_quota_deinit()
 *		return it
 * @user:	key, which no linked account has
 *
 * A new account is charged first and linked only if that went well; then a
 * charge that is refused leaves nothing behind and @account is still the
 * caller's. An account that is linked while it is empty takes the place of the
 * idle one if that is vacant. Otherwise it is not lost, but it is one too many
 * until its user queues something.
 *
 * Context: any; serialised by the caller.
 */
void kdbus_quota_add(struct kdbus_quota *quota, struct kdbus_account *account,
		     void *user)
{
	account->user = user;
	hlist_add_head(&account->entry, kdbus_quota_bucket(quota, user));
	if (account->msgs == 0 && !quota->idle)
		quota->idle = account;
}

static struct hlist_head *kdbus_account_bucket(struct kdbus_account *account,
					       u64 sender)
{
	return &account->charges[sender % KDBUS_QUOTA_BUCKETS];
}

static bool kdbus_account_has_sender(struct kdbus_account *account, u64 sender)
{
	struct kdbus_charge *charge;

	hlist_for_each_entry(charge, kdbus_account_bucket(account, sender),
			     entry)
		if (charge->sender == sender)
			return true;

	return false;
}

/* what a user may have; the users together must not have half of the pool */
static u64 kdbus_quota_share(const struct kdbus_quota *quota,
			     const struct kdbus_account *account)
{
	/* one third of what the others leave, and never 4 GiB */
	u64 share = div_u64(quota->pool_size / 2 - quota->bytes +
			    account->bytes, 3);

	return min_t(u64, share, U32_MAX);
}

static int kdbus_quota_test(const struct kdbus_quota *quota,
			    const struct kdbus_account *account, u64 share,
			    u64 bytes, unsigned int fds)
{
	if (share < account->bytes || share - account->bytes < bytes ||
	    account->msgs >= quota->max_msgs)
		return -ENOBUFS;
	if (fds > 0 && (u64)account->fds + fds > quota->max_fds)
		return -EMFILE;
	return 0;
}

/* the same for the only message of a connection */
static int kdbus_quota_test_spared(const struct kdbus_quota *quota,
				   const struct kdbus_account *account,
				   u64 share, u64 bytes, unsigned int fds)
{
	u64 half = quota->pool_size / 2;
	u64 max_bytes = min_t(u64, div_u64(half, 3) * 2, U32_MAX);
	unsigned int spared_fds = quota->max_fds / KDBUS_QUOTA_SPARED;

	/* a share may have shrunk since it was used */
	if (bytes > share / KDBUS_QUOTA_SPARED || bytes > half - quota->bytes ||
	    account->bytes > max_bytes || bytes > max_bytes - account->bytes ||
	    account->msgs >= 2 * quota->max_msgs)
		return -ENOBUFS;
	if (fds > spared_fds || fds > 2 * quota->max_fds - account->fds)
		return -EMFILE;
	return 0;
}

/**
 * kdbus_quota_charge() - charge a message
 * @quota:	quota
 * @account:	account of the sender: one of @quota, or a new one, zeroed, that
 *		the caller adds to @quota right after this succeeded
 * @charge:	record of the charge; uninitialised before. Is linked until
 *		kdbus_quota_discharge()
 * @sender:	id of the connection that sends
 * @bytes:	bytes in the message's slice
 * @fds:	number of its file descriptors
 *
 * Takes constant time if the message fits what the user may have. If not, the
 * messages of the user are looked at, which are bounded.
 *
 * Context: any; serialised by the caller.
 * Return: 0; -ENOBUFS if the user has no room for the bytes or has too many
 *         messages queued; -EMFILE if it would have too many file descriptors
 *         queued. Nothing is charged if it is not 0.
 */
int kdbus_quota_charge(struct kdbus_quota *quota, struct kdbus_account *account,
		       struct kdbus_charge *charge, u64 sender, u64 bytes,
		       unsigned int fds)
{
	u64 share;
	int r;

	if (quota->pool_size / 2 < quota->bytes)
		return -ENOBUFS;

	share = kdbus_quota_share(quota, account);
	r = kdbus_quota_test(quota, account, share, bytes, fds);
	if (r < 0 && !kdbus_account_has_sender(account, sender) &&
	    kdbus_quota_test_spared(quota, account, share, bytes, fds) == 0)
		r = 0;
	if (r < 0)
		return r;

	if (quota->idle == account)
		quota->idle = NULL;

	charge->sender = sender;
	hlist_add_head(&charge->entry, kdbus_account_bucket(account, sender));
	quota->bytes += bytes;
	account->bytes += bytes;
	account->msgs++;
	account->fds += fds;
	return 0;
}

/**
 * kdbus_quota_discharge() - take back the charge of a message
 * @quota:	quota
 * @account:	account of @quota that was charged
 * @charge:	record of the charge
 * @bytes:	bytes, as charged
 * @fds:	number of file descriptors, as charged
 *
 * An account that gets empty with this becomes the idle one. The one that was
 * idle before goes: who sent last is the most likely to send next.
 *
 * Context: any; serialised by the caller.
 * Return: an account other than @account, unlinked and empty, for the caller to
 *         free; or NULL.
 */
struct kdbus_account *kdbus_quota_discharge(struct kdbus_quota *quota,
					    struct kdbus_account *account,
					    struct kdbus_charge *charge,
					    u64 bytes, unsigned int fds)
{
	struct kdbus_account *idle;

	hlist_del(&charge->entry);
	quota->bytes -= bytes;
	account->bytes -= bytes;
	account->msgs--;
	account->fds -= fds;
	if (account->msgs > 0)
		return NULL;

	idle = quota->idle;
	quota->idle = account;
	if (idle)
		hlist_del(&idle->entry);
	return idle;
}

/**
 * kdbus_quota_deinit() - take back the accounts, one with each call
 * @quota:	quota with nothing charged. Once this was called, nothing else
 *		may be
 *
 * Context: any; serialised by the caller.
 * Return: an account, unlinked, for the caller to free; or NULL if there is
 *         none left.
 */
struct kdbus_account *kdbus_quota_deinit(struct kdbus_quota *quota)
{
	struct kdbus_account *account;
	size_t i;

	quota->idle = NULL;

	for (i = 0; i < KDBUS_QUOTA_BUCKETS; i++) {
		if (hlist_empty(&quota->accounts[i]))
			continue;

		account = hlist_entry(quota->accounts[i].first,
				      struct kdbus_account, entry);
		WARN_ON(account->bytes || account->msgs || account->fds);
		hlist_del(&account->entry);
		return account;
	}

	return NULL;
}
