// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/limits.h>

#include "quota.h"
#include "unit.h"

#define MIB		(1ULL << 20)

#define MAX_MSGS	256
#define MAX_FDS		16

static int keys[64];	/* their addresses stand for users */

static struct kdbus_account *new_account(void)
{
	struct kdbus_account *account = calloc(1, sizeof(*account));

	if (!account)
		abort();
	return account;
}

/*
 * Messages are remembered here, so that each is discharged with the record it
 * was charged with.
 */
struct record {
	struct kdbus_charge charge;
	struct kdbus_account *account;
	u64 bytes;
	unsigned int fds;
	struct record *next;
};

static struct record *records;

static int charge_sender(struct kdbus_quota *quota,
			 struct kdbus_account *account, u64 sender, u64 bytes,
			 unsigned int fds)
{
	struct record *record = unit_alloc(sizeof(*record));
	int r;

	r = kdbus_quota_charge(quota, account, &record->charge, sender, bytes,
			       fds);
	if (r < 0) {
		free(record);
		return r;
	}

	record->account = account;
	record->bytes = bytes;
	record->fds = fds;
	record->next = records;
	records = record;
	return 0;
}

/* a connection that always has something queued */
#define BUSY	~0ULL

static int charge_account(struct kdbus_quota *quota,
			  struct kdbus_account *account, u64 bytes,
			  unsigned int fds)
{
	struct kdbus_charge standing = { .sender = BUSY };
	int r;

	hlist_add_head(&standing.entry,
		       &account->charges[BUSY % KDBUS_QUOTA_BUCKETS]);
	r = charge_sender(quota, account, BUSY, bytes, fds);
	hlist_del(&standing.entry);
	return r;
}

/* a message of that sender, or of anyone if it is 0 */
static struct kdbus_account *discharge_sender(struct kdbus_quota *quota,
					      struct kdbus_account *account,
					      u64 sender, u64 bytes,
					      unsigned int fds)
{
	struct kdbus_account *surplus;
	struct record **link, *record;

	for (link = &records; *link; link = &(*link)->next)
		if ((*link)->account == account && (*link)->bytes == bytes &&
		    (*link)->fds == fds &&
		    (!sender || (*link)->charge.sender == sender))
			break;
	record = *link;
	CHECK(record);
	*link = record->next;
	surplus = kdbus_quota_discharge(quota, account, &record->charge, bytes,
					fds);
	free(record);
	return surplus;
}

static struct kdbus_account *discharge_account(struct kdbus_quota *quota,
					       struct kdbus_account *account,
					       u64 bytes, unsigned int fds)
{
	return discharge_sender(quota, account, 0, bytes, fds);
}

/* the way that a message's sender is charged */
static int charge_from(struct kdbus_quota *quota, void *user, u64 sender,
		       u64 bytes, unsigned int fds)
{
	struct kdbus_account *account, *fresh = NULL;
	int r;

	account = kdbus_quota_find(quota, user);
	if (!account)
		account = fresh = new_account();

	if (sender == BUSY)
		r = charge_account(quota, account, bytes, fds);
	else
		r = charge_sender(quota, account, sender, bytes, fds);
	if (fresh && r == 0)
		kdbus_quota_add(quota, fresh, user);
	else
		free(fresh);
	return r;
}

static int charge(struct kdbus_quota *quota, void *user, u64 bytes,
		  unsigned int fds)
{
	return charge_from(quota, user, BUSY, bytes, fds);
}

static void discharge_from(struct kdbus_quota *quota, void *user, u64 sender,
			   u64 bytes, unsigned int fds)
{
	struct kdbus_account *account = kdbus_quota_find(quota, user), *surplus;

	CHECK(account);
	surplus = discharge_sender(quota, account, sender, bytes, fds);
	CHECK(surplus != account);
	if (surplus)
		CHECK(surplus->msgs == 0 && surplus->bytes == 0 &&
		      surplus->fds == 0);
	free(surplus);
}

static void discharge(struct kdbus_quota *quota, void *user, u64 bytes,
		      unsigned int fds)
{
	discharge_from(quota, user, 0, bytes, fds);
}

static size_t count_accounts(const struct kdbus_quota *quota, bool empty_only)
{
	struct kdbus_account *account;
	size_t i, n = 0;

	for (i = 0; i < KDBUS_QUOTA_BUCKETS; i++)
		hlist_for_each_entry(account, &quota->accounts[i], entry)
			n += !empty_only || account->msgs == 0;
	return n;
}

static void init(struct kdbus_quota *quota, u64 pool_size)
{
	memset(quota, 0xa5, sizeof(*quota));
	kdbus_quota_init(quota, pool_size, MAX_MSGS, MAX_FDS);
}

static size_t deinit(struct kdbus_quota *quota)
{
	struct kdbus_account *account;
	size_t n = 0;

	while ((account = kdbus_quota_deinit(quota))) {
		free(account);
		n++;
	}
	CHECK(count_accounts(quota, false) == 0);
	CHECK(!quota->idle);
	return n;
}

static void test_init(void)
{
	struct kdbus_quota quota;

	init(&quota, 16 * MIB);
	CHECK(quota.pool_size == 16 * MIB);
	CHECK(quota.max_msgs == MAX_MSGS && quota.max_fds == MAX_FDS);
	CHECK(quota.bytes == 0);
	CHECK(!quota.idle);
	CHECK(count_accounts(&quota, false) == 0);
	CHECK(!kdbus_quota_find(&quota, &keys[0]));
	CHECK(!kdbus_quota_find(&quota, NULL));
	CHECK(deinit(&quota) == 0);
}

static void test_find(void)
{
	struct kdbus_account *accounts[64];
	struct kdbus_quota quota;
	size_t i, k;

	init(&quota, 16 * MIB);
	for (i = 0; i < 64; i++) {
		accounts[i] = new_account();
		CHECK_EQ(charge_account(&quota, accounts[i], 8, 0), 0);
		kdbus_quota_add(&quota, accounts[i], &keys[i]);
		CHECK(accounts[i]->user == &keys[i]);
		for (k = 0; k < 64; k++)
			CHECK(kdbus_quota_find(&quota, &keys[k]) ==
			      (k <= i ? accounts[k] : NULL));
	}
	for (i = 0; i < 64; i++)
		discharge(&quota, &keys[i], 8, 0);
	CHECK(deinit(&quota) == 1);
}

/* a lone user of a pool of 16 MiB has 2796202 bytes */
static void test_example(void)
{
	struct kdbus_quota quota;

	init(&quota, 16 * MIB);
	CHECK_EQ(charge(&quota, &keys[0], 2 * MIB, 0), 0);
	CHECK_EQ(charge(&quota, &keys[0], 2 * MIB, 0), -ENOBUFS);
	CHECK_EQ(charge(&quota, &keys[1], 2 * MIB, 0), 0);
	CHECK_EQ(charge(&quota, &keys[0], 2796202 - 2 * MIB, 0), -ENOBUFS);
	discharge(&quota, &keys[1], 2 * MIB, 0);
	CHECK_EQ(charge(&quota, &keys[0], 2796203 - 2 * MIB, 0), -ENOBUFS);
	CHECK_EQ(charge(&quota, &keys[0], 2796202 - 2 * MIB, 0), 0);
	CHECK_EQ(quota.bytes, 2796202);
	discharge(&quota, &keys[0], 2 * MIB, 0);
	discharge(&quota, &keys[0], 2796202 - 2 * MIB, 0);
	CHECK_EQ(quota.bytes, 0);
	deinit(&quota);
}

/* row 1: more is accounted than half of the pool */
static void test_half(void)
{
	struct kdbus_account account = {};
	struct kdbus_quota quota;

	init(&quota, 4096);
	quota.bytes = 2048;
	CHECK_EQ(charge_account(&quota, &account, 0, 0), 0);
	discharge_account(&quota, &account, 0, 0);
	CHECK_EQ(charge_account(&quota, &account, 1, 0), -ENOBUFS);
	quota.bytes = 2049;
	CHECK_EQ(charge_account(&quota, &account, 0, 0), -ENOBUFS);
	CHECK_EQ(charge_account(&quota, &account, 1, 0), -ENOBUFS);

	/* even if it is the user's own */
	account.bytes = 2049;
	CHECK_EQ(charge_account(&quota, &account, 0, 0), -ENOBUFS);

	/* an odd size is rounded down */
	quota.pool_size = 4099;
	CHECK_EQ(charge_account(&quota, &account, 0, 0), -ENOBUFS);
	account.bytes = 0;
	CHECK_EQ(charge_account(&quota, &account, 0, 0), 0);
	discharge_account(&quota, &account, 0, 0);
	quota.bytes = 2050;
	CHECK_EQ(charge_account(&quota, &account, 0, 0), -ENOBUFS);
}

/* row 2: one third, truncated, exactly to the byte */
static void test_third(void)
{
	struct kdbus_quota quota;
	u64 pool, share;

	for (pool = 0; pool < 500; pool++) {
		share = pool / 2 / 3;
		init(&quota, pool);
		CHECK_EQ(charge(&quota, &keys[0], share + 1, 0), -ENOBUFS);
		CHECK_EQ(charge(&quota, &keys[0], share, 0), 0);
		CHECK_EQ(charge(&quota, &keys[0], 1, 0), -ENOBUFS);
		CHECK_EQ(charge(&quota, &keys[0], 0, 0), 0);
		CHECK_EQ(charge(&quota, &keys[0], U64_MAX, 0), -ENOBUFS);

		/* the next one gets a third of what is left */
		share = (pool / 2 - share) / 3;
		CHECK_EQ(charge(&quota, &keys[1], share + 1, 0), -ENOBUFS);
		CHECK_EQ(charge(&quota, &keys[1], share, 0), 0);

		/* by which the first one's share is smaller than what it has */
		if (share >= 3)
			CHECK_EQ(charge(&quota, &keys[0], 0, 0), -ENOBUFS);

		while (kdbus_quota_find(&quota, &keys[0])->msgs > 1)
			discharge(&quota, &keys[0], 0, 0);
		discharge(&quota, &keys[0], pool / 2 / 3, 0);
		discharge(&quota, &keys[1], share, 0);
		CHECK_EQ(quota.bytes, 0);
		deinit(&quota);
	}
}

/* row 2: never 4 GiB in one account, however large the pool is */
static void test_u32(void)
{
	static const u64 pools[] = { 1ULL << 40, 1ULL << 63, U64_MAX };
	struct kdbus_quota quota;
	size_t i;

	for (i = 0; i < sizeof(pools) / sizeof(*pools); i++) {
		init(&quota, pools[i]);
		CHECK_EQ(charge(&quota, &keys[0], 1ULL << 32, 0), -ENOBUFS);
		CHECK_EQ(charge(&quota, &keys[0], U64_MAX, 0), -ENOBUFS);
		CHECK_EQ(charge(&quota, &keys[0], U32_MAX, 0), 0);
		CHECK_EQ(charge(&quota, &keys[0], 1, 0), -ENOBUFS);
		CHECK_EQ(charge(&quota, &keys[0], 0, 0), 0);
		CHECK_EQ(charge(&quota, &keys[1], U32_MAX, 0), 0);
		CHECK_EQ(quota.bytes, 2LL * U32_MAX);
		discharge(&quota, &keys[0], 0, 0);
		discharge(&quota, &keys[0], U32_MAX, 0);
		CHECK_EQ(charge(&quota, &keys[0], U32_MAX - 1, 0), 0);
		CHECK_EQ(charge(&quota, &keys[0], 2, 0), -ENOBUFS);
		CHECK_EQ(charge(&quota, &keys[0], 1, 0), 0);
		discharge(&quota, &keys[0], 1, 0);
		discharge(&quota, &keys[0], U32_MAX - 1, 0);
		discharge(&quota, &keys[1], U32_MAX, 0);
		CHECK_EQ(quota.bytes, 0);
		deinit(&quota);
	}
}

/* row 3: messages, counted for each user */
static void test_msgs(void)
{
	struct kdbus_quota quota;
	int i;

	init(&quota, 16 * MIB);
	for (i = 0; i < MAX_MSGS; i++)
		CHECK_EQ(charge(&quota, &keys[0], 8, 0), 0);
	CHECK_EQ(charge(&quota, &keys[0], 8, 0), -ENOBUFS);
	CHECK_EQ(charge(&quota, &keys[0], 0, 0), -ENOBUFS);
	CHECK_EQ(charge(&quota, &keys[1], 8, 0), 0);
	discharge(&quota, &keys[0], 8, 0);
	CHECK_EQ(charge(&quota, &keys[0], 8, 0), 0);
	CHECK_EQ(charge(&quota, &keys[0], 8, 0), -ENOBUFS);
	for (i = 0; i < MAX_MSGS; i++)
		discharge(&quota, &keys[0], 8, 0);
	discharge(&quota, &keys[1], 8, 0);
	deinit(&quota);
}

/* row 4: file descriptors, counted for each user */
static void test_fds(void)
{
	struct kdbus_quota quota;

	init(&quota, 16 * MIB);
	CHECK_EQ(charge(&quota, &keys[0], 8, MAX_FDS + 1), -EMFILE);
	CHECK_EQ(charge(&quota, &keys[0], 8, UINT_MAX), -EMFILE);
	CHECK_EQ(charge(&quota, &keys[0], 8, 10), 0);
	CHECK_EQ(charge(&quota, &keys[0], 8, 7), -EMFILE);
	CHECK_EQ(charge(&quota, &keys[0], 8, UINT_MAX - 9), -EMFILE);
	CHECK_EQ(charge(&quota, &keys[0], 8, 6), 0);
	CHECK_EQ(charge(&quota, &keys[0], 8, 1), -EMFILE);
	CHECK_EQ(charge(&quota, &keys[0], 8, 0), 0);
	CHECK_EQ(charge(&quota, &keys[1], 8, MAX_FDS), 0);
	discharge(&quota, &keys[0], 8, 6);
	CHECK_EQ(charge(&quota, &keys[0], 8, 7), -EMFILE);
	CHECK_EQ(charge(&quota, &keys[0], 8, 6), 0);
	discharge(&quota, &keys[0], 8, 6);
	discharge(&quota, &keys[0], 8, 10);
	discharge(&quota, &keys[0], 8, 0);
	discharge(&quota, &keys[1], 8, MAX_FDS);
	deinit(&quota);
}

/* bytes and messages are tested before file descriptors */
static void test_order(void)
{
	struct kdbus_quota quota;
	int i;

	init(&quota, 16 * MIB);
	CHECK_EQ(charge(&quota, &keys[0], 16 * MIB, 17), -ENOBUFS);
	for (i = 0; i < MAX_MSGS; i++)
		CHECK_EQ(charge(&quota, &keys[0], 8, 0), 0);
	CHECK_EQ(charge(&quota, &keys[0], 8, 17), -ENOBUFS);
	for (i = 0; i < MAX_MSGS; i++)
		discharge(&quota, &keys[0], 8, 0);
	quota.bytes = 8 * MIB + 1;
	CHECK_EQ(charge(&quota, &keys[0], 0, 17), -ENOBUFS);
	deinit(&quota);
}

/* a refused charge changes nothing */
static void test_refusal(void)
{
	struct kdbus_account *account, before;
	struct kdbus_quota quota, quota_before;

	init(&quota, 16 * MIB);
	CHECK_EQ(charge(&quota, &keys[0], MIB, 9), 0);
	account = kdbus_quota_find(&quota, &keys[0]);

	before = *account;
	quota_before = quota;
	CHECK_EQ(charge_account(&quota, account, 2 * MIB, 1), -ENOBUFS);
	CHECK_EQ(charge_account(&quota, account, 8, 8), -EMFILE);
	CHECK(!memcmp(account, &before, sizeof(before)));
	CHECK(!memcmp(&quota, &quota_before, sizeof(quota)));

	/* also not that an account is the idle one */
	discharge(&quota, &keys[0], MIB, 9);
	CHECK(quota.idle == account);
	CHECK_EQ(charge(&quota, &keys[0], 8, 17), -EMFILE);
	CHECK(quota.idle == account);

	/* and whom the quota does not know remains unknown */
	CHECK_EQ(charge(&quota, &keys[1], 8, 17), -EMFILE);
	CHECK(!kdbus_quota_find(&quota, &keys[1]));
	CHECK(count_accounts(&quota, false) == 1);
	CHECK(deinit(&quota) == 1);
}

/* one connection that takes all does not block those that have nothing queued */
static void test_spared(void)
{
	const u64 share = 16 * MIB / 2 / 3, part = share / 16;
	struct kdbus_quota quota;
	u64 i;

	init(&quota, 16 * MIB);
	CHECK_EQ(charge_from(&quota, &keys[0], 1, share, 0), 0);
	CHECK_EQ(charge_from(&quota, &keys[0], 1, 1, 0), -ENOBUFS);
	CHECK_EQ(charge_from(&quota, &keys[0], 2, part + 1, 0), -ENOBUFS);
	CHECK_EQ(charge_from(&quota, &keys[0], 2, part, 0), 0);
	CHECK_EQ(charge_from(&quota, &keys[0], 2, 1, 0), -ENOBUFS);

	/* as often as it takes to get twice the share, and no more */
	for (i = 3; i <= 17; i++)
		CHECK_EQ(charge_from(&quota, &keys[0], i, part, 0), 0);
	CHECK_EQ(charge_from(&quota, &keys[0], i, part, 0), -ENOBUFS);
	/* other users have a third of the rest */
	CHECK_EQ(charge(&quota, &keys[1], part * 5, 0), 0);

	/* whose message was received may send the next one */
	discharge_from(&quota, &keys[0], 9, part, 0);
	CHECK_EQ(charge_from(&quota, &keys[0], 8, 8, 0), -ENOBUFS);
	CHECK_EQ(charge_from(&quota, &keys[0], 9, 8, 0), 0);
	discharge_from(&quota, &keys[0], 9, 8, 0);

	for (i = 2; i <= 17; i++)
		if (i != 9)
			discharge_from(&quota, &keys[0], i, part, 0);
	discharge(&quota, &keys[0], share, 0);
	discharge(&quota, &keys[1], part * 5, 0);
	CHECK_EQ(quota.bytes, 0);
	deinit(&quota);
}

/* the receiver's own half is not touched */
static void test_spared_half(void)
{
	struct kdbus_quota quota;
	int i;

	init(&quota, 6000);
	for (i = 0; i < 8; i++)
		charge(&quota, &keys[i], (3000 - quota.bytes) / 3, 0);
	CHECK(quota.bytes < 3000 && quota.bytes > 2800);
	for (i = 1; charge_from(&quota, &keys[0], 100 + i, 1, 0) == 0; i++)
		CHECK(i < 3000);
	CHECK(quota.bytes <= 3000);
	while (records) {
		struct kdbus_account *account = records->account;

		free(discharge_account(&quota, account, records->bytes,
				       records->fds));
	}
	CHECK_EQ(quota.bytes, 0);
	deinit(&quota);
}

/* messages and descriptors are spared likewise */
static void test_spared_numbers(void)
{
	struct kdbus_quota quota;
	u64 i;

	init(&quota, 16 * MIB);
	for (i = 0; i < MAX_MSGS; i++)
		CHECK_EQ(charge_from(&quota, &keys[0], 1, 8, 0), 0);
	CHECK_EQ(charge_from(&quota, &keys[0], 1, 8, 0), -ENOBUFS);
	for (i = 0; i < MAX_MSGS; i++) {
		CHECK_EQ(charge_from(&quota, &keys[0], 1000 + i, 8, 0), 0);
		CHECK_EQ(charge_from(&quota, &keys[0], 1000 + i, 8, 0),
			 -ENOBUFS);
	}
	CHECK_EQ(charge_from(&quota, &keys[0], 2, 8, 0), -ENOBUFS);
	for (i = 0; i < 2 * MAX_MSGS; i++)
		discharge(&quota, &keys[0], 8, 0);

	CHECK_EQ(charge_from(&quota, &keys[0], 1, 8, MAX_FDS), 0);
	CHECK_EQ(charge_from(&quota, &keys[0], 1, 8, 1), -EMFILE);
	CHECK_EQ(charge_from(&quota, &keys[0], 2, 8, 2), -EMFILE);
	for (i = 2; i < 2 + MAX_FDS; i++)
		CHECK_EQ(charge_from(&quota, &keys[0], i, 8, 1), 0);
	CHECK_EQ(charge_from(&quota, &keys[0], i, 8, 1), -EMFILE);
	CHECK_EQ(charge_from(&quota, &keys[0], i, 8, 0), 0);
	discharge(&quota, &keys[0], 8, 0);
	for (i = 0; i < MAX_FDS; i++)
		discharge(&quota, &keys[0], 8, 1);
	discharge(&quota, &keys[0], 8, MAX_FDS);
	deinit(&quota);
}

/* one user's queue that toggles needs one account only */
static void test_toggle(void)
{
	struct kdbus_account *account;
	struct kdbus_quota quota;
	int i;

	init(&quota, 16 * MIB);
	CHECK_EQ(charge(&quota, &keys[0], 64, 1), 0);
	account = kdbus_quota_find(&quota, &keys[0]);
	CHECK(!quota.idle);

	for (i = 0; i < 10; i++) {
		CHECK(!discharge_account(&quota, account, 64, 1));
		CHECK(quota.idle == account);
		CHECK(quota.bytes == 0);
		CHECK(kdbus_quota_find(&quota, &keys[0]) == account);
		CHECK_EQ(charge(&quota, &keys[0], 64, 1), 0);
		CHECK(!quota.idle);
	}

	/* it is not empty before its last message is gone */
	CHECK_EQ(charge(&quota, &keys[0], 0, 0), 0);
	CHECK(!discharge_account(&quota, account, 64, 1));
	CHECK(!quota.idle);
	CHECK(!discharge_account(&quota, account, 0, 0));
	CHECK(quota.idle == account);
	CHECK(deinit(&quota) == 1);
}

/* of two empty accounts the one that was used last stays */
static void test_idle(void)
{
	struct kdbus_account *a, *b, *surplus;
	struct kdbus_quota quota;

	init(&quota, 16 * MIB);
	CHECK_EQ(charge(&quota, &keys[0], 64, 0), 0);
	CHECK_EQ(charge(&quota, &keys[1], 64, 0), 0);
	a = kdbus_quota_find(&quota, &keys[0]);
	b = kdbus_quota_find(&quota, &keys[1]);

	CHECK(!discharge_account(&quota, a, 64, 0));
	CHECK(quota.idle == a);
	surplus = discharge_account(&quota, b, 64, 0);
	CHECK(surplus == a);
	CHECK(a->user == &keys[0]);
	CHECK(quota.idle == b);
	CHECK(!kdbus_quota_find(&quota, &keys[0]));
	CHECK(kdbus_quota_find(&quota, &keys[1]) == b);
	CHECK(count_accounts(&quota, false) == 1);

	/* what was unlinked can be used again */
	memset(a, 0, sizeof(*a));
	CHECK_EQ(charge_account(&quota, a, 64, 0), 0);
	kdbus_quota_add(&quota, a, &keys[2]);
	CHECK(kdbus_quota_find(&quota, &keys[2]) == a);
	CHECK(quota.idle == b);
	discharge(&quota, &keys[2], 64, 0);
	CHECK(quota.idle == a);
	CHECK(deinit(&quota) == 1);
}

/* accounts may be linked before they are charged */
static void test_add_empty(void)
{
	struct kdbus_account *a = new_account(), *b = new_account();
	struct kdbus_quota quota;

	init(&quota, 16 * MIB);
	kdbus_quota_add(&quota, a, &keys[0]);
	CHECK(quota.idle == a);
	CHECK_EQ(charge_account(&quota, a, 64, 17), -EMFILE);
	CHECK(quota.idle == a);

	/* one too many, but neither lost nor in the way */
	kdbus_quota_add(&quota, b, &keys[1]);
	CHECK(quota.idle == a);
	CHECK_EQ(charge_account(&quota, b, 64, 17), -EMFILE);
	CHECK(quota.idle == a);
	CHECK(kdbus_quota_find(&quota, &keys[1]) == b);
	CHECK_EQ(charge_account(&quota, b, 64, 0), 0);
	CHECK(quota.idle == a);
	CHECK(discharge_account(&quota, b, 64, 0) == a);
	CHECK(quota.idle == b);
	free(a);

	a = new_account();
	kdbus_quota_add(&quota, a, &keys[0]);
	CHECK(deinit(&quota) == 2);
}

/* at the end nothing may be charged, but what is there is given back */
static void test_deinit(void)
{
	struct kdbus_quota quota;
	size_t i;

	init(&quota, 16 * MIB);
	for (i = 0; i < 20; i++)
		CHECK_EQ(charge(&quota, &keys[i], 64, 0), 0);
	for (i = 0; i < 17; i++)
		discharge(&quota, &keys[i], 64, 0);
	CHECK(deinit(&quota) == 4);
	CHECK_EQ(unit_take_warnings(), 3);
	while (records) {
		struct record *record = records;

		records = record->next;
		free(record);
	}
}

struct model_user {
	u64 bytes[2 * MAX_MSGS];
	unsigned int fds[2 * MAX_MSGS];
	u64 senders[2 * MAX_MSGS];
	unsigned int n;
};

struct model {
	u64 pool_size;
	struct model_user users[8];
};

static size_t n_spared;

/* the rules word by word, from nothing but what is queued */
static int model_charge(const struct model *model, size_t user, u64 sender,
			u64 bytes, unsigned int fds)
{
	u64 half = model->pool_size / 2, all = 0, own = 0, share, twice;
	unsigned int n = model->users[user].n;
	size_t i, k, own_fds = 0;
	bool busy = false;
	int r = 0;

	for (i = 0; i < 8; i++)
		for (k = 0; k < model->users[i].n; k++) {
			all += model->users[i].bytes[k];
			if (i != user)
				continue;
			own += model->users[i].bytes[k];
			own_fds += model->users[i].fds[k];
			busy |= model->users[i].senders[k] == sender;
		}

	if (half < all)
		return -ENOBUFS;
	share = (half - all + own) / 3;
	if (share < own || share - own < bytes || own + bytes > U32_MAX)
		r = -ENOBUFS;
	else if (n >= MAX_MSGS)
		r = -ENOBUFS;
	else if (fds > 0 && own_fds + fds > MAX_FDS)
		r = -EMFILE;
	if (r == 0 || busy)
		return r;

	/* the only message of a connection */
	twice = half / 3 * 2 < U32_MAX ? half / 3 * 2 : U32_MAX;
	share = share < U32_MAX ? share : U32_MAX;
	if (bytes > share / 16 || all + bytes > half || own + bytes > twice ||
	    n >= 2 * MAX_MSGS || fds > 1 || own_fds + fds > 2 * MAX_FDS)
		return r;
	n_spared++;
	return 0;
}

static void model_compare(const struct model *model, struct kdbus_quota *quota)
{
	struct kdbus_account *account;
	u64 all = 0, bytes;
	unsigned int fds;
	size_t i, k;

	for (i = 0; i < 8; i++) {
		const struct model_user *user = &model->users[i];

		bytes = 0;
		fds = 0;
		for (k = 0; k < user->n; k++) {
			bytes += user->bytes[k];
			fds += user->fds[k];
		}
		all += bytes;

		account = kdbus_quota_find(quota, &keys[i]);
		if (!account) {
			CHECK(user->n == 0);
			continue;
		}
		CHECK(account->bytes == bytes && account->fds == fds &&
		      account->msgs == user->n);
		CHECK((account == quota->idle) == (user->n == 0));
	}
	CHECK(quota->bytes == all);
	CHECK(count_accounts(quota, true) == !!quota->idle);
}

static void model_step(struct model *model, struct kdbus_quota *quota,
		       unsigned int fill)
{
	size_t i = unit_random_below(8);
	struct model_user *user = &model->users[i];
	unsigned int fds = unit_random_below(4) ? 0 : unit_random_below(18);
	u64 bytes = unit_random() % (model->pool_size / 24 + 2);
	/* few that send often and many that send now and then */
	u64 sender = 100 + unit_random_below(unit_random_below(2) ? 2 : 400);
	int r;

	switch (unit_random_below(16)) {
	case 0:
		bytes = model->pool_size - unit_random_below(3);
		break;
	case 1 ... 4:
		bytes = unit_random_below(3);
		break;
	}

	if (unit_random_below(100) < fill) {
		r = model_charge(model, i, sender, bytes, fds);
		CHECK_EQ(charge_from(quota, &keys[i], sender, bytes, fds), r);
		if (r == 0) {
			user->bytes[user->n] = bytes;
			user->fds[user->n] = fds;
			user->senders[user->n] = sender;
			user->n++;
		}
	} else if (user->n > 0) {
		size_t k = unit_random_below(user->n);

		discharge_from(quota, &keys[i], user->senders[k],
			       user->bytes[k], user->fds[k]);
		user->n--;
		user->bytes[k] = user->bytes[user->n];
		user->fds[k] = user->fds[user->n];
		user->senders[k] = user->senders[user->n];
	}
}

static void test_random(void)
{
	static const u64 pools[] = {
		4096, 4099, 65536, 16 * MIB, 1ULL << 33, 1ULL << 38,
	};
	static const unsigned int fills[] = { 30, 50, 60, 95 };
	static struct model model;
	struct kdbus_quota quota;
	size_t i, k, step;

	n_spared = 0;
	for (i = 0; i < sizeof(pools) / sizeof(*pools); i++) {
		memset(&model, 0, sizeof(model));
		model.pool_size = pools[i];
		init(&quota, pools[i]);

		for (step = 0; step < 4 * 3000; step++) {
			model_step(&model, &quota, fills[step / 3000]);
			model_compare(&model, &quota);
		}

		for (k = 0; k < 8; k++)
			while (model.users[k].n > 0) {
				struct model_user *user = &model.users[k];

				user->n--;
				discharge(&quota, &keys[k],
					  user->bytes[user->n],
					  user->fds[user->n]);
			}
		model_compare(&model, &quota);
		CHECK(deinit(&quota) == 1);
	}
	CHECK(n_spared > 100);
}

static const struct unit_test tests[] = {
	{ "nothing queued at first", test_init },
	{ "accounts are found by user", test_find },
	{ "the example of a 16 MiB pool", test_example },
	{ "half of the pool is the receiver's", test_half },
	{ "one third of what the others leave", test_third },
	{ "never 4 GiB", test_u32 },
	{ "number of messages", test_msgs },
	{ "number of file descriptors", test_fds },
	{ "which limit is reported", test_order },
	{ "a connection with nothing queued is spared", test_spared },
	{ "the receiver's half is not spared", test_spared_half },
	{ "messages and descriptors are spared", test_spared_numbers },
	{ "a refusal leaves no trace", test_refusal },
	{ "a queue that toggles keeps its account", test_toggle },
	{ "one empty account stays", test_idle },
	{ "an account linked before it is charged", test_add_empty },
	{ "deinit gives back all accounts", test_deinit },
	{ "random queues against a model", test_random },
};

UNIT_MAIN(tests)
