// SPDX-License-Identifier: LGPL-2.1+
/*
 * The order of messages: any two that reach two connections are seen by both in
 * the same order, and nobody hears of a message before it is there.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "monitor_util.h"
#include "kselftest_harness.h"

#define N_SENDERS	4
#define N_SIGNALS	100
#define N_RECEIVERS	3
#define N_WATCHERS	(N_RECEIVERS + 1)	/* and a monitor */

/* between two receivers, so that the way from one to the other is longer */
#define N_IDLE		5

/*
 * Each sender tells each receiver something after each fourth signal, and each
 * receiver tells the next one of each fourth that it got.
 */
#define EVERY		4
#define N_TOLD		(N_SENDERS * N_SIGNALS / EVERY)
#define N_RECEIVED	(N_SENDERS * N_SIGNALS + 2 * N_TOLD)
#define N_WATCHED	(N_SENDERS * N_SIGNALS + 2 * N_TOLD * N_RECEIVERS)

/* in cookies: what it is; of which sender, to whom, and which signal */
enum { SIGNAL, DIRECT, RELAYED };

static __u64 cookie_of(unsigned int kind, unsigned int src, unsigned int dst,
		       unsigned int i)
{
	return kind << 24 | src << 20 | dst << 16 | i;
}

static unsigned int kind_of(__u64 cookie)
{
	return cookie >> 24;
}

static unsigned int sender_of(__u64 cookie)
{
	return cookie >> 20 & 0xf;
}

static unsigned int receiver_of(__u64 cookie)
{
	return cookie >> 16 & 0xf;
}

static unsigned int number_of(__u64 cookie)
{
	return cookie & 0xffff;
}

/* what somebody received, in shared memory */
struct record {
	unsigned int n;
	struct {
		__u64 cookie;
		__u64 seqnum;
	} seen[N_WATCHED];
};

FIXTURE(order) {
	struct domain domain;
	struct conn senders[N_SENDERS];
	struct conn watchers[N_WATCHERS];
	struct record *records;
};

/* Where nobody looks there is a shorter way for messages to one receiver. */
FIXTURE_VARIANT(order) {
	unsigned int n_watchers;
};

FIXTURE_VARIANT_ADD(order, unwatched) {
	.n_watchers = N_RECEIVERS,
};

FIXTURE_VARIANT_ADD(order, with_monitor) {
	.n_watchers = N_RECEIVERS + 1,
};

/* A user of its own, so that it has its own quota, with the rights of root */
static int peer_new_as(struct conn *c, const struct domain *d, uid_t uid,
		       __u64 flags)
{
	int r;

	if (setresuid(uid, 0, 0) < 0)
		return -errno;
	r = peer_new(c, d, flags);
	return setresuid(0, 0, 0) < 0 ? -errno : r;
}

/* wants all signals, but no notifications */
static int subscribe(const struct conn *c)
{
	const __u64 id = KDBUS_MATCH_ID_ANY;
	struct kdbus_cmd_match *match = match_new(1);

	item_add(match, KDBUS_ITEM_ID, &id, sizeof(id));
	return match_add(c, match);
}

FIXTURE_SETUP(order)
{
	const struct domain *d = &self->domain;
	unsigned int i, j;
	struct conn idle;

	ASSERT_EQ(0, domain_enter(&self->domain));
	ASSERT_LE(0, bus_new(d, "0-bus", 0));
	self->records = mmap(NULL, N_WATCHERS * sizeof(*self->records),
			     PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->records);

	for (i = 0; i < N_SENDERS; i++)
		ASSERT_EQ(0, peer_new_as(&self->senders[i], d, ALICE + i, 0));
	for (i = 0; i < N_RECEIVERS; i++) {
		ASSERT_EQ(0, peer_new_as(&self->watchers[i], d,
					 ALICE + N_SENDERS + i, 0));
		ASSERT_EQ(0, subscribe(&self->watchers[i]));
		for (j = 0; j < N_IDLE; j++) {
			ASSERT_EQ(0, conn_new(&idle, d, "0-bus"));
			ASSERT_EQ(0, subscribe(&idle));
		}
	}
	for (; i < variant->n_watchers; i++)
		ASSERT_EQ(0, peer_new(&self->watchers[i], d, MONITOR));
}

FIXTURE_TEARDOWN(order)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

static void send_all(const struct conn *c, unsigned int src,
		     const struct conn *watchers)
{
	unsigned int i, dst;

	for (i = 1; i <= N_SIGNALS; i++) {
		CHECK(signal_to(c, BCAST, cookie_of(SIGNAL, src, 0, i)) == 0);
		for (dst = 0; dst < N_RECEIVERS && i % EVERY == 0; dst++)
			CHECK(send_cookie(c, watchers[dst].id,
					  cookie_of(DIRECT, src, dst, i)) == 0);
	}
}

/* tells the next one what it got */
static void relay(const struct conn *c, __u64 cookie, unsigned int self,
		  const struct conn *watchers)
{
	unsigned int dst = (self + 1) % N_RECEIVERS;

	if (kind_of(cookie) == SIGNAL && number_of(cookie) % EVERY == 0)
		CHECK(send_cookie(c, watchers[dst].id,
				  cookie_of(RELAYED, sender_of(cookie), dst,
					    number_of(cookie))) == 0);
}

static void watch(const struct conn *watchers, unsigned int self,
		  struct record *record)
{
	const __u64 n = self < N_RECEIVERS ? N_RECEIVED : N_WATCHED;
	const struct conn *c = &watchers[self];
	const struct kdbus_msg *msg;
	__u64 cookie;

	while (record->n < n) {
		readable_wait(c);
		/* readable, but nothing there: something was lost */
		msg = receive(c);
		CHECK(msg);
		cookie = msg->cookie;
		record->seen[record->n].cookie = cookie;
		record->seen[record->n++].seqnum = seqnum(msg);
		CHECK(conn_free(c, msg_offset(c, msg)) == 0);
		if (self < N_RECEIVERS)
			relay(c, cookie, self, watchers);
	}
	CHECK(lost(c) == 0 && receive_cookie(c) == 0);
}

static bool comes_to(__u64 cookie, unsigned int watcher)
{
	return kind_of(cookie) == SIGNAL || watcher >= N_RECEIVERS ||
	       receiver_of(cookie) == watcher;
}

/* the next message from @i on that @watcher gets, too */
static unsigned int skip(const struct record *record, unsigned int i,
			 unsigned int watcher)
{
	while (i < record->n && !comes_to(record->seen[i].cookie, watcher))
		i++;
	return i;
}

/* Two that got the same messages, apart from others, got them in one order. */
static bool agree(const struct record *records, unsigned int a, unsigned int b)
{
	const struct record *x = &records[a], *y = &records[b];
	unsigned int i, j;

	i = skip(x, 0, b);
	j = skip(y, 0, a);
	while (i < x->n && j < y->n) {
		if (x->seen[i].cookie != y->seen[j].cookie ||
		    x->seen[i].seqnum != y->seen[j].seqnum)
			return false;
		i = skip(x, i + 1, b);
		j = skip(y, j + 1, a);
	}
	return i == x->n && j == y->n;
}

static bool numbers_grow(const struct record *record)
{
	__u64 last = 0;
	unsigned int i;

	for (i = 0; i < record->n; i++) {
		if (record->seen[i].seqnum <= last)
			return false;
		last = record->seen[i].seqnum;
	}
	return true;
}

/*
 * The signals of a sender come in the order in which it sent them, and what
 * tells of one comes later than that.
 */
static bool effects_follow(const struct record *record)
{
	unsigned int heard_of[N_SENDERS] = {};
	unsigned int i, src, number;

	for (i = 0; i < record->n; i++) {
		src = sender_of(record->seen[i].cookie);
		number = number_of(record->seen[i].cookie);
		if (kind_of(record->seen[i].cookie) != SIGNAL) {
			if (heard_of[src] < number)
				return false;
		} else if (++heard_of[src] != number) {
			return false;
		}
	}
	return true;
}

/* Children start together, when the write end is closed. */
static pid_t fork_at_gate(const int gate[2])
{
	pid_t pid = fork_as(0, 0);
	char c;

	if (pid == 0) {
		close(gate[1]);
		CHECK(read(gate[0], &c, 1) == 0);
	}
	return pid;
}

TEST_F_TIMEOUT(order, is_the_same_for_all, 120)
{
	const unsigned int n = variant->n_watchers;
	pid_t senders[N_SENDERS], watchers[N_WATCHERS];
	unsigned int i, j;
	int gate[2];

	ASSERT_EQ(0, pipe2(gate, O_CLOEXEC));
	for (i = 0; i < n; i++) {
		watchers[i] = fork_at_gate(gate);
		if (watchers[i] == 0) {
			watch(self->watchers, i, &self->records[i]);
			_exit(0);
		}
	}
	for (i = 0; i < N_SENDERS; i++) {
		senders[i] = fork_at_gate(gate);
		if (senders[i] == 0) {
			send_all(&self->senders[i], i, self->watchers);
			_exit(0);
		}
	}
	close(gate[1]);
	for (i = 0; i < N_SENDERS; i++)
		EXPECT_EQ(0, child_wait(senders[i]));
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, child_wait(watchers[i]));

	for (i = 0; i < n; i++) {
		EXPECT_TRUE(numbers_grow(&self->records[i])) {
			TH_LOG("watcher %u", i);
		}
		EXPECT_TRUE(effects_follow(&self->records[i])) {
			TH_LOG("watcher %u", i);
		}
		for (j = 0; j < i; j++)
			EXPECT_TRUE(agree(self->records, i, j)) {
				TH_LOG("watchers %u and %u", i, j);
			}
	}
}

KDBUS_HARNESS_MAIN
