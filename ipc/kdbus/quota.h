/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_QUOTA_H
#define KDBUS_QUOTA_H

/**
 * DOC: Quota
 *
 * What the users of a bus may keep queued on one receiver. Each receiver has
 * one &struct kdbus_quota with one &struct kdbus_account per sending user that
 * has something queued there. Half of the pool is the receiver's own (for
 * slices it has not released yet); of the other half a user may hold one third
 * of what the other users leave.
 *
 * The connections of one user share its account. One that has nothing queued
 * there gets a message through although the others have used up what the user
 * may have, if it is no more than a sixteenth of it; the user as a whole may get
 * twice its due that way, but nothing of the receiver's own half. To know who
 * has something queued, the account links a record of each charge. It is part of
 * the message, so that nothing has to be allocated for it.
 *
 * A new account is charged first and added then, so that a refused message
 * leaves no trace.
 *
 * The sums are pure: no lock, no allocation, no kernel object. The user is an
 * opaque key. The caller serialises all calls on one &struct kdbus_quota,
 * provides the memory for accounts and keeps the user alive as long as its
 * account exists.
 */

#include <linux/list.h>
#include <linux/types.h>

#define KDBUS_QUOTA_BUCKETS	8

/* part of what a user may have that each of its connections can count on */
#define KDBUS_QUOTA_SPARED	16

/**
 * struct kdbus_charge - one message that is charged
 * @entry:	in &kdbus_account.charges
 * @sender:	id of the connection that sent it
 */
struct kdbus_charge {
	struct hlist_node entry;
	u64 sender;
};

/**
 * struct kdbus_account - what one user has queued on one receiver
 * @entry:	in &kdbus_quota.accounts
 * @user:	key, compared by address
 * @bytes:	bytes in slices
 * @msgs:	number of messages
 * @fds:	number of file descriptors in these messages
 * @charges:	the messages, hashed by sender
 */
struct kdbus_account {
	struct hlist_node entry;
	void *user;
	u64 bytes;
	unsigned int msgs;
	unsigned int fds;
	struct hlist_head charges[KDBUS_QUOTA_BUCKETS];
};

/**
 * struct kdbus_quota - accounts of one receiver
 * @pool_size:	bytes of the receiver's pool, constant
 * @max_msgs:	messages per user, constant
 * @max_fds:	file descriptors per user, constant
 * @bytes:	sum of the accounts' bytes
 * @idle:	an account that is in @accounts but empty, or NULL. One is kept,
 *		the one used last, so that a queue which toggles between empty
 *		and one message does not allocate for each
 * @accounts:	hashed by user
 */
struct kdbus_quota {
	u64 pool_size;
	unsigned int max_msgs;
	unsigned int max_fds;
	u64 bytes;
	struct kdbus_account *idle;
	struct hlist_head accounts[KDBUS_QUOTA_BUCKETS];
};

void kdbus_quota_init(struct kdbus_quota *quota, u64 pool_size,
		      unsigned int max_msgs, unsigned int max_fds);
struct kdbus_account *kdbus_quota_find(struct kdbus_quota *quota, void *user);
void kdbus_quota_add(struct kdbus_quota *quota, struct kdbus_account *account,
		     void *user);
int kdbus_quota_charge(struct kdbus_quota *quota, struct kdbus_account *account,
		       struct kdbus_charge *charge, u64 sender, u64 bytes,
		       unsigned int fds);
struct kdbus_account *kdbus_quota_discharge(struct kdbus_quota *quota,
					    struct kdbus_account *account,
					    struct kdbus_charge *charge,
					    u64 bytes, unsigned int fds);
struct kdbus_account *kdbus_quota_deinit(struct kdbus_quota *quota);

#endif
