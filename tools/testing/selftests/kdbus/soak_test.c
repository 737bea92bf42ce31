// SPDX-License-Identifier: LGPL-2.1+
/*
 * Everything at once: messages, signals, calls that are answered, dropped,
 * cancelled or forgotten, files, names that change hands, processes that are
 * killed and monitors that come and go. Who does what is decided by the seed,
 * when is not. Then the books have to balance.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>

#include "recv_util.h"
#include "kdbus_harness.h"

#define N_WORKERS	4
#define N_SERVERS	2
#define N_PEERS		(N_WORKERS + N_SERVERS)
#define N_SENDERS	(N_WORKERS + 1)	/* and those who are killed */
#define N_STEPS		500
#define N_VICTIMS	12
#define N_REQUESTS	128
#define NOBODY		0xff
#define VICTIM		"org.example.victim"

/* in cookies: what the server is to do with a request */
enum { REPLY, DISCARD, FORGET };

/*
 * What everybody notes, in shared memory. Signals and the ends of calls can get
 * lost at a receiver, which is told how many; other messages cannot.
 */
struct books {
	__u8 accepted[N_WORKERS][N_STEPS];
	__u8 received[N_WORKERS][N_STEPS];
	__u8 heard[N_PEERS][N_WORKERS][N_STEPS];
	__u32 due[N_PEERS];
	__u32 got[N_PEERS];
	__u32 lost[N_PEERS];
	__u32 done;
	__u32 left;
};

FIXTURE(soak) {
	struct domain domain;
	int bus;
	struct conn peers[N_PEERS];
	struct books *books;
	unsigned long shmem;
};

/* A process of its own: one of the peers, or somebody else */
struct self {
	const struct domain *d;
	const struct conn *peers;
	struct books *books;
	unsigned int number;
	const struct conn *c;
	unsigned int open;	/* calls that were not answered yet */
	unsigned int state;	/* random numbers */
	int memfd;
};

static unsigned int any(struct self *self, unsigned int n)
{
	self->state = self->state * 1103515245 + 12345;
	return (self->state >> 16 & 0x7fff) % n;
}

static void count(__u32 *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
}

static __u32 counted(const __u32 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

static __u64 cookie_of(unsigned int src, unsigned int action, unsigned int step)
{
	return (__u64)(src + 1) << 32 | action << 24 | step;
}

static unsigned int sender_of(__u64 cookie)
{
	return (cookie >> 32) - 1;
}

static unsigned int action_of(__u64 cookie)
{
	return cookie >> 24 & 0xff;
}

static unsigned int step_of(__u64 cookie)
{
	return cookie & 0xffffff;
}

static __u64 in_ms(unsigned int ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec + ms * 1000000ULL;
}

/*
 * Receiving
 */

static void close_files(const struct kdbus_msg *msg)
{
	const __u8 *end = (const __u8 *)msg + msg->size;
	const struct kdbus_item *item;
	unsigned int i;

	for (item = msg->items; (const __u8 *)item < end;
	     item = item_next(item)) {
		if (item->type == KDBUS_ITEM_PAYLOAD_MEMFD)
			CHECK(close(item->memfd.fd) == 0);
		if (item->type != KDBUS_ITEM_FDS)
			continue;
		for (i = 0; i < (item->size - 16) / sizeof(int); i++)
			CHECK(close(item->fds[i]) == 0);
	}
}

/* Notes what was received. */
static void note(struct self *self, const struct kdbus_msg *msg)
{
	unsigned int src = sender_of(msg->cookie);
	struct books *books = self->books;

	if (msg->src_id == KDBUS_SRC_ID_KERNEL ||
	    (!(msg->flags & KDBUS_MSG_EXPECT_REPLY) && msg->cookie_reply)) {
		/* a call of this one has ended */
		CHECK(self->open-- > 0);
		count(&books->got[self->number]);
	} else if (src >= N_WORKERS) {
		/* of somebody who may not have lived to note it */
		CHECK(src == NOBODY);
	} else if (msg->flags & KDBUS_MSG_SIGNAL) {
		CHECK(books->heard[self->number][src][step_of(msg->cookie)]++
		      == 0);
		count(&books->got[self->number]);
	} else {
		__atomic_fetch_add(&books->received[src][step_of(msg->cookie)],
				   1, __ATOMIC_SEQ_CST);
	}
}

static void note_losses(struct self *self, const struct kdbus_cmd_recv *recv)
{
	CHECK(!recv->dropped_msgs == !recv->return_flags);
	__atomic_fetch_add(&self->books->lost[self->number],
			   recv->dropped_msgs, __ATOMIC_SEQ_CST);
}

/* Receives a message, if there is one, in one of the ways there are. */
static bool receive_one(struct self *self, struct kdbus_msg *copy)
{
	struct kdbus_cmd_recv *recv = recv_new(any(self, 2) ? 0 :
					       KDBUS_RECV_USE_PRIORITY,
					       LLONG_MAX);
	const struct kdbus_msg *msg;
	int r = conn_recv(self->c, recv);

	CHECK(r == 0 || r == -EAGAIN);
	note_losses(self, recv);
	if (r == 0) {
		msg = msg_at(self->c, recv->msg.offset);
		*copy = *msg;
		CHECK(recv->msg.return_flags == 0);
		note(self, msg);
		close_files(msg);
		CHECK(conn_free(self->c, recv->msg.offset) == 0);
	}
	free(recv);
	return r == 0;
}

/* Looks at the oldest message, and drops it if it asks for that. */
static bool discard_one(struct self *self)
{
	struct kdbus_cmd_recv recv, drop;
	const struct kdbus_msg *msg;
	bool discard;

	if (take_msg(self->c, PEEK, &recv, &msg) < 0) {
		note_losses(self, &recv);
		return false;
	}
	note_losses(self, &recv);
	discard = msg->flags & KDBUS_MSG_EXPECT_REPLY &&
		  action_of(msg->cookie) == DISCARD;
	if (discard) {
		note(self, msg);
		CHECK(take(self->c, DROP, &drop) == 0);
		note_losses(self, &drop);
	}
	CHECK(conn_free(self->c, recv.msg.offset) == 0);
	return discard;
}

static void answer(struct self *self, const struct kdbus_msg *request)
{
	int r = reply(self->c, request->src_id, cookie_of(NOBODY, 0, 0),
		      request->cookie);

	CHECK(r == 0 || r == -EBADSLT || r == -ENXIO || r == -ECONNRESET ||
	      r == -ENOBUFS || r == -EXFULL);
}

static void serve(struct self *self)
{
	struct pollfd p = { .fd = self->c->fd, .events = POLLIN };
	struct kdbus_msg msg;
	bool last;

	do {
		/* what came before they left is there */
		last = counted(&self->books->left) == N_WORKERS;
		for (;;) {
			if (discard_one(self))
				continue;
			if (!receive_one(self, &msg))
				break;
			if (msg.flags & KDBUS_MSG_EXPECT_REPLY &&
			    action_of(msg.cookie) != FORGET)
				answer(self, &msg);
		}
		if (!last)
			poll(&p, 1, 20);
	} while (!last);
}

/*
 * Sending
 */

static const struct conn *any_peer(struct self *self)
{
	return &self->peers[any(self, N_PEERS)];
}

static const struct conn *any_server(struct self *self)
{
	return &self->peers[N_WORKERS + any(self, N_SERVERS)];
}

static void add_payload(struct self *self, struct kdbus_msg *msg)
{
	static const __u8 bytes[3000];

	msg->priority = (int)any(self, 5) - 2;
	if (any(self, 2))
		item_add_vec(msg, bytes, 1 + any(self, sizeof(bytes)));
	if (any(self, 4) == 0)
		item_add_memfd(msg, self->memfd, 0, 1 + any(self, 100));
	if (any(self, 4) == 0)
		item_add_vec(msg, NULL, 1 + any(self, 10000));
}

static void add_files(struct self *self, struct kdbus_msg *msg)
{
	static const int fds[] = { 0, 1, 2 };

	if (any(self, 4) == 0)
		item_add_fds(msg, fds, any(self, 4));
}

static bool is_full(int r)
{
	return r == -ENOBUFS || r == -EXFULL || r == -EMFILE;
}

static void note_accepted(struct self *self, unsigned int step)
{
	self->books->accepted[self->number][step] = 1;
}

static void plain(struct self *self, unsigned int step)
{
	struct kdbus_msg *msg = msg_new(any_peer(self)->id,
					cookie_of(self->number, 0, step));
	int r;

	add_payload(self, msg);
	add_files(self, msg);
	r = pass(self->c, msg);
	CHECK(r == 0 || r == -ECOMM || is_full(r));
	if (r == 0)
		note_accepted(self, step);
}

static void signal_some(struct self *self, unsigned int step, bool broadcast)
{
	unsigned int i, dst = any(self, N_PEERS);
	struct kdbus_msg *msg;

	msg = signal_new(broadcast ? BCAST : self->peers[dst].id,
			 cookie_of(self->number, 0, step));
	add_payload(self, msg);
	if (!broadcast)
		add_files(self, msg);
	for (i = 0; i < N_PEERS; i++)
		if (broadcast || i == dst)
			count(&self->books->due[i]);
	CHECK(pass(self->c, msg) == 0);
}

static struct kdbus_msg *request_new(struct self *self, unsigned int step,
				     __u64 dst_id)
{
	unsigned int action = any(self, 3);
	struct kdbus_msg *msg;

	msg = call_new(dst_id, cookie_of(self->number, action, step),
		       in_ms(action == FORGET ? 20 : 1000));
	add_payload(self, msg);
	return msg;
}

static void note_call(struct self *self, unsigned int step, int r)
{
	if (r < 0)
		return;
	count(&self->books->due[self->number]);
	self->open++;
	note_accepted(self, step);
}

static void call_some(struct self *self, unsigned int step)
{
	int r;

	r = pass(self->c, request_new(self, step, any_server(self)->id));
	CHECK(r == 0 || r == -EMLINK || is_full(r));
	note_call(self, step, r);
}

/* It may have been delivered, whatever the outcome is. */
static void call_and_wait(struct self *self, unsigned int step)
{
	struct kdbus_msg *msg = request_new(self, step, any_server(self)->id);
	struct kdbus_cmd_send *cmd = send_new(msg);
	int r, cancel = -1;

	cmd->flags = KDBUS_SEND_SYNC_REPLY;
	if (any(self, 3) == 0) {
		cancel = eventfd(any(self, 2), EFD_CLOEXEC);
		item_add(cmd, KDBUS_ITEM_CANCEL_FD, &cancel, sizeof(cancel));
	}
	r = cmd_run(self->c->fd, KDBUS_CMD_SEND, cmd);
	CHECK(r == 0 || r == -ETIMEDOUT || r == -EPIPE || r == -EMLINK ||
	      is_full(r) || (r == -ECANCELED && cancel >= 0));
	if (r == 0) {
		CHECK(msg_at(self->c, cmd->reply.offset)->cookie_reply ==
		      msg->cookie);
		CHECK(conn_free(self->c, cmd->reply.offset) == 0);
	}
	self->books->accepted[self->number][step] = r == 0 || r == -EPIPE ?
						    1 : 2;
	if (cancel >= 0)
		close(cancel);
	free(cmd);
	free(msg);
}

static void use_names(struct self *self, unsigned int step)
{
	static const __u64 flags[] = { 0, ALLOW, REPLACE | ALLOW, QUEUE };
	const char *name = name_number("org.example", any(self, 3));
	struct kdbus_msg *msg;
	int r;

	switch (any(self, 3)) {
	case 0:
		r = name_acquire(self->c, name, flags[any(self, 4)]);
		CHECK(r >= 0 || r == -EEXIST || r == -EALREADY);
		break;
	case 1:
		r = name_release(self->c, name);
		CHECK(r == 0 || r == -ESRCH || r == -EADDRINUSE);
		break;
	default:
		msg = msg_new(0, cookie_of(self->number, 0, step));
		item_add_str(msg, KDBUS_ITEM_DST_NAME, name);
		add_payload(self, msg);
		r = pass(self->c, msg);
		CHECK(r == 0 || r == -ESRCH || is_full(r));
		if (r == 0)
			note_accepted(self, step);
	}
}

/* Who has that name is killed sooner or later. */
static void call_victim(struct self *self, unsigned int step)
{
	struct kdbus_msg *msg = request_new(self, step, 0);
	int r;

	item_add_str(msg, KDBUS_ITEM_DST_NAME, VICTIM);
	r = pass(self->c, msg);
	CHECK(r == 0 || r == -ESRCH || r == -ECONNRESET || r == -EMLINK ||
	      is_full(r));
	note_call(self, step, r);
	/* nobody notes that it was received */
	self->books->accepted[self->number][step] = 2;
}

static void work(struct self *self)
{
	struct pollfd p = { .fd = self->c->fd, .events = POLLIN };
	struct kdbus_msg msg;
	unsigned int step, what;
	bool last;

	for (step = 0; step < N_STEPS; step++) {
		what = any(self, 100);
		if (what < 30)
			plain(self, step);
		else if (what < 50)
			signal_some(self, step, what < 42);
		else if (what < 65)
			call_some(self, step);
		else if (what < 80)
			call_and_wait(self, step);
		else if (what < 95)
			use_names(self, step);
		else
			call_victim(self, step);
		if (any(self, 3))
			receive_one(self, &msg);
	}
	count(&self->books->done);

	/* until nobody sends any more and all calls have ended */
	do {
		last = counted(&self->books->done) == N_SENDERS &&
		       self->open == 0;
		while (receive_one(self, &msg))
			;
		if (!last)
			poll(&p, 1, 20);
	} while (!last);
	count(&self->books->left);
}

/*
 * Those who come and go
 */

static void be_victim(struct self *self)
{
	struct conn c, mon;
	unsigned int i;
	__u64 id;

	CHECK(peer_new(&c, self->d, ACCEPT_FD) == 0);
	CHECK(match_all(&c) == 0);
	if (any(self, 2))
		CHECK(name_acquire(&c, VICTIM, REPLACE | ALLOW | QUEUE) > 0);
	for (i = 0; ; i++) {
		if (i % 8 == 0)
			CHECK(peer_new(&mon, self->d, MONITOR |
				       (any(self, 2) ? ACCEPT_FD : 0)) == 0);
		id = any_peer(self)->id;
		send_cookie(&c, id, cookie_of(NOBODY, 0, i));
		call(&c, any_server(self)->id,
		     cookie_of(NOBODY, any(self, 3), i + 1));
		signal_to(&c, any(self, 2) ? BCAST : id,
			  cookie_of(NOBODY, 0, i));
		receive(&c);
		receive_cookie(&c);
		receive(&mon);
		receive_cookie(&mon);
		if (i % 8 == 7)
			conn_close(&mon);
	}
}

static void kill_some(struct self *self)
{
	unsigned int i;
	pid_t pid;

	for (i = 0; i < N_VICTIMS ||
	     counted(&self->books->done) < N_WORKERS; i++) {
		pid = fork_as(0, 0);
		if (pid == 0) {
			/* who is killed does not have to tidy up */
			be_victim(self);
			_exit(0);
		}
		usleep(1000 * any(self, 100));
		kill(pid, SIGKILL);
		CHECK(child_wait(pid) == -SIGKILL);
		self->state++;
	}
	count(&self->books->done);
}

/* Sees what it can, in the order of the numbers. */
static void watch(struct self *self)
{
	struct pollfd p = { .events = POLLIN };
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv recv;
	struct conn mon;
	__u64 last = 0;

	CHECK(peer_new(&mon, self->d, MONITOR | ACCEPT_FD) == 0);
	p.fd = mon.fd;
	while (counted(&self->books->left) < N_WORKERS) {
		while (take_msg(&mon, 0, &recv, &msg) == 0) {
			CHECK(recv.msg.return_flags == 0);
			CHECK(seqnum(msg) > last);
			last = seqnum(msg);
			close_files(msg);
			CHECK(conn_free(&mon, recv.msg.offset) == 0);
		}
		poll(&p, 1, 20);
	}
	CHECK(last > 0);
	conn_close(&mon);
}

/*
 * Setting up
 */

/* Pages of all pools, and of whatever else is of that kind */
static unsigned long read_shmem(void)
{
	FILE *file = fopen("/proc/sys/vm/stat_refresh", "we");
	unsigned long pages = 0;
	char line[100];

	/* what the processors have counted on their own */
	if (file) {
		fputs("1", file);
		fclose(file);
	}
	file = fopen("/proc/vmstat", "re");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "nr_shmem %lu", &pages);
	if (file)
		fclose(file);
	return pages;
}

FIXTURE_SETUP(soak)
{
	unsigned int i, j;

	ASSERT_EQ(0, domain_enter(&self->domain));
	self->bus = bus_new(&self->domain, "0-bus", 0);
	ASSERT_LE(0, self->bus);
	self->books = mmap(NULL, sizeof(*self->books), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ASSERT_NE(MAP_FAILED, self->books);
	self->shmem = read_shmem();
	for (i = 0; i < N_PEERS; i++)
		ASSERT_EQ(0, peer_new(&self->peers[i], &self->domain,
				      i < N_WORKERS ? 0 : ACCEPT_FD));
	for (i = 0; i < N_PEERS; i++)
		for (j = 0; j < N_WORKERS; j++)
			ASSERT_EQ(0, match_sender(&self->peers[i],
						  &self->peers[j]));
}

FIXTURE_TEARDOWN(soak)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

static pid_t start(const FIXTURE_DATA(soak) *fixture, unsigned int number,
		   unsigned int seed, void (*run)(struct self *))
{
	struct self self = {
		.d = &fixture->domain,
		.peers = fixture->peers,
		.books = fixture->books,
		.number = number,
		.state = seed * 100 + number,
	};
	pid_t pid = fork_as(0, 0);
	int next;

	if (pid == 0) {
		if (number < N_PEERS)
			self.c = &fixture->peers[number];
		self.memfd = memfd_new(100, 'z');
		CHECK(self.memfd >= 0);
		next = next_number();
		run(&self);
		/* no file was left in this task */
		CHECK(next == next_number());
		_exit(0);
	}
	return pid;
}

/*
 * The books
 */

static void check_messages(struct __test_metadata *_metadata,
			   const FIXTURE_DATA(soak) *self)
{
	const struct books *books = self->books;
	unsigned int i, j;

	for (i = 0; i < N_WORKERS; i++) {
		for (j = 0; j < N_STEPS; j++) {
			EXPECT_TRUE(books->accepted[i][j] ==
				    books->received[i][j] ||
				    (books->accepted[i][j] == 2 &&
				     books->received[i][j] < 2)) {
				TH_LOG("message %u of %u: %u, %u", j, i,
				       books->accepted[i][j],
				       books->received[i][j]);
			}
		}
	}
	for (i = 0; i < N_PEERS; i++) {
		EXPECT_EQ(books->due[i], books->got[i] + books->lost[i]) {
			TH_LOG("peer %u got %u, lost %u", i, books->got[i],
			       books->lost[i]);
		}
	}
}

/* As many as a connection may have open, and all of them are dropped. */
static unsigned int requests(const struct conn *src, const struct conn *dst)
{
	struct kdbus_cmd_recv recv;
	unsigned int i, n;

	for (n = 0; n < 2 * N_REQUESTS && call(src, dst->id, n + 1) == 0; n++)
		;
	for (i = 0; i < n; i++)
		if (take(dst, DROP, &recv) < 0)
			return 0;
	return drain(src) == (int)n ? n : 0;
}

/* How many slices of a sixteenth of the pool there are */
static unsigned int slices(const struct conn *src, const struct conn *dst)
{
	static const __u8 bytes[POOL_SIZE / 16 - 200];
	struct kdbus_cmd_recv recv;
	unsigned int n = 0;
	__u64 at[32];

	while (n < 32 && send_bytes(src, dst->id, 1, bytes, sizeof(bytes)) == 0
	       && take(dst, 0, &recv) == 0)
		at[n++] = recv.msg.offset;
	while (n > 0 && conn_free(dst, at[n - 1]) == 0)
		n--;
	return n ? 0 : 16;
}

struct state {
	struct room room;
	unsigned int requests;
	unsigned int slices;
};

static int measure(const FIXTURE_DATA(soak) *self, unsigned int i,
		   struct state *state)
{
	const struct conn *c = &self->peers[i];
	const struct conn *other = &self->peers[(i + 1) % N_PEERS];

	state->requests = requests(c, other);
	state->slices = slices(other, c);
	return room_measure(other, c, &state->room);
}

static void run_all(struct __test_metadata *_metadata,
		    const FIXTURE_DATA(soak) *self, unsigned int seed)
{
	pid_t pids[N_PEERS + 2];
	unsigned int i;

	for (i = 0; i < N_WORKERS; i++)
		pids[i] = start(self, i, seed, work);
	for (; i < N_PEERS; i++)
		pids[i] = start(self, i, seed, serve);
	pids[i++] = start(self, N_PEERS, seed, kill_some);
	pids[i++] = start(self, N_PEERS + 1, seed, watch);
	while (i-- > 0)
		EXPECT_EQ(0, child_wait(pids[i]));
}

TEST_F(soak, books_balance)
{
	struct state before[N_PEERS] = {}, after = {};
	unsigned int i, seed;

	for (i = 0; i < N_PEERS; i++)
		ASSERT_EQ(0, measure(self, i, &before[i]));
	EXPECT_EQ(N_REQUESTS, before[0].requests);
	EXPECT_EQ(16, before[0].slices);

	for (seed = 1; seed <= 2; seed++) {
		memset(self->books, 0, sizeof(*self->books));
		run_all(_metadata, self, seed);
		check_messages(_metadata, self);
		for (i = 0; i < N_PEERS; i++) {
			EXPECT_EQ(0, drain(&self->peers[i]));
			ASSERT_EQ(0, measure(self, i, &after));
			EXPECT_EQ(0, memcmp(&before[i], &after,
					    sizeof(after))) {
				TH_LOG("peer %u", i);
			}
		}
	}

	/* the pools of all, and of those who were killed; it may take a while */
	for (i = 0; i < N_PEERS; i++)
		conn_close(&self->peers[i]);
	close(self->bus);
	while (read_shmem() > self->shmem)
		usleep(10000);
}

KDBUS_HARNESS_MAIN
