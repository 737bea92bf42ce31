// SPDX-License-Identifier: LGPL-2.1+
/*
 * The order of messages: any two that reach two connections are seen by both in
 * the same order, and nobody hears of a message before it is there.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#include "monitor_util.h"
#include "kdbus_harness.h"

/* how long a round takes depends on the machine */
#define N_ROUNDS	8
#define N_SECONDS	10

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

struct peers {
	int bus;
	struct conn senders[N_SENDERS];
	struct conn watchers[N_WATCHERS];
	struct conn idle[N_IDLE * N_RECEIVERS];
};

FIXTURE(order) {
	struct domain domain;
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

static int peers_new(struct peers *p, const struct domain *d,
		     unsigned int n_watchers)
{
	struct conn *idle = p->idle;
	unsigned int i, j;
	uid_t uid = ALICE;
	int r;

	p->bus = bus_new(d, "0-bus", 0);
	if (p->bus < 0)
		return p->bus;
	for (i = 0; i < N_SENDERS; i++) {
		r = peer_new_as(&p->senders[i], d, uid++, 0);
		if (r < 0)
			return r;
	}
	for (i = 0; i < N_RECEIVERS; i++) {
		r = peer_new_as(&p->watchers[i], d, uid++, 0) ?:
		    subscribe(&p->watchers[i]);
		if (r < 0)
			return r;
		for (j = 0; j < N_IDLE; j++, idle++) {
			r = conn_new(idle, d, "0-bus") ?: subscribe(idle);
			if (r < 0)
				return r;
		}
	}
	for (; i < n_watchers; i++) {
		r = peer_new(&p->watchers[i], d, MONITOR);
		if (r < 0)
			return r;
	}
	return 0;
}

static void peers_close(struct peers *p, unsigned int n_watchers)
{
	unsigned int i;

	for (i = 0; i < N_SENDERS; i++)
		conn_close(&p->senders[i]);
	for (i = 0; i < n_watchers; i++)
		conn_close(&p->watchers[i]);
	for (i = 0; i < N_IDLE * N_RECEIVERS; i++)
		conn_close(&p->idle[i]);
	close(p->bus);
}

FIXTURE_SETUP(order)
{
	ASSERT_EQ(0, domain_enter(&self->domain));
	self->records = mmap(NULL, N_WATCHERS * sizeof(*self->records),
			     PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->records);
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

/* how many of the children failed */
static unsigned int run(const struct peers *p, unsigned int n_watchers,
			struct record *records)
{
	pid_t pids[N_SENDERS + N_WATCHERS];
	unsigned int i, failed = 0;
	int gate[2];

	CHECK(pipe2(gate, O_CLOEXEC) == 0);
	for (i = 0; i < N_SENDERS + n_watchers; i++) {
		pids[i] = fork_at_gate(gate);
		if (pids[i] == 0) {
			if (i < N_SENDERS)
				send_all(&p->senders[i], i, p->watchers);
			else
				watch(p->watchers, i - N_SENDERS,
				      &records[i - N_SENDERS]);
			_exit(0);
		}
	}
	close(gate[0]);
	close(gate[1]);
	while (i-- > 0)
		failed += child_wait(pids[i]) != 0;
	return failed;
}

TEST_F(order, is_the_same_for_all)
{
	const unsigned int n = variant->n_watchers;
	const time_t end = time(NULL) + N_SECONDS;
	struct record *records = self->records;
	unsigned int round, i, j;
	struct peers peers;

	for (round = 0; round < N_ROUNDS && time(NULL) < end; round++) {
		ASSERT_EQ(0, peers_new(&peers, &self->domain, n));
		ASSERT_EQ(0, run(&peers, n, records));
		for (i = 0; i < n; i++) {
			ASSERT_TRUE(numbers_grow(&records[i])) {
				TH_LOG("watcher %u", i);
			}
			ASSERT_TRUE(effects_follow(&records[i])) {
				TH_LOG("watcher %u", i);
			}
			for (j = 0; j < i; j++) {
				ASSERT_TRUE(agree(records, i, j)) {
					TH_LOG("watchers %u and %u", i, j);
				}
			}
		}
		for (i = 0; i < n; i++)
			records[i].n = 0;
		peers_close(&peers, n);
	}
}

KDBUS_HARNESS_MAIN
