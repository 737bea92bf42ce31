// SPDX-License-Identifier: LGPL-2.1+
/*
 * Who needs a slice: the kernel, user space or both, and so whether it can be
 * given back and when its room can be used again.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "recv_util.h"
#include "kdbus_harness.h"

FIXTURE(slice) {
	struct domain domain;
	struct domain *d;
	struct conn a;
	struct conn c;
};

FIXTURE_SETUP(slice)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->c, self->d, 0));
}

FIXTURE_TEARDOWN(slice)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

/* How many offsets of the pool can be given back, one after the other */
static unsigned int free_all(const struct conn *c)
{
	unsigned int n = 0;
	__u64 offset;

	for (offset = 0; offset < c->pool_size; offset += 8)
		n += conn_free(c, offset) == 0;
	return n;
}

TEST_F(slice, of_hello)
{
	struct kdbus_cmd_hello *h = hello_new(POOL_SIZE);
	struct conn c;

	c.fd = open_endpoint(self->d, "0-bus");
	ASSERT_EQ(0, cmd_run(c.fd, KDBUS_CMD_HELLO, h));
	EXPECT_EQ(0, h->offset);
	EXPECT_EQ(32, h->items_size);

	/* messages go behind it, or where it was */
	c.id = h->id;
	c.pool_size = POOL_SIZE;
	c.pool = mmap(NULL, POOL_SIZE, PROT_READ, MAP_SHARED, c.fd, 0);
	ASSERT_NE(MAP_FAILED, c.pool);
	ASSERT_EQ(0, send_cookie(&self->a, c.id, 1));
	EXPECT_EQ(32, msg_offset(&c, receive(&c)));
	EXPECT_EQ(0, conn_free(&c, 0));
	EXPECT_EQ(-ENXIO, conn_free(&c, 0));
	EXPECT_EQ(0, conn_free(&c, 32));
	ASSERT_EQ(0, send_cookie(&self->a, c.id, 2));
	EXPECT_EQ(0, msg_offset(&c, receive(&c)));
}

TEST_F(slice, of_a_list)
{
	struct kdbus_cmd_list list, second;

	ASSERT_EQ(0, list_run(&self->c, KDBUS_LIST_UNIQUE, &list));
	EXPECT_EQ(0, list.offset);
	ASSERT_EQ(0, list_run(&self->c, KDBUS_LIST_UNIQUE, &second));
	EXPECT_EQ(ALIGN8(list.list_size), second.offset);
	EXPECT_EQ(0, conn_free(&self->c, list.offset));
	EXPECT_EQ(-ENXIO, conn_free(&self->c, list.offset));
	EXPECT_EQ(1, free_all(&self->c));
	EXPECT_EQ(0, free_all(&self->c));
}

/* It takes room as soon as it is there, but is nobody's to give back. */
TEST_F(slice, of_a_reply)
{
	struct kdbus_msg_info info;
	unsigned int i;
	pid_t pid;

	for (i = 1; i < 4; i++) {
		pid = fork_as(0, 0);
		if (pid == 0) {
			readable_wait(&self->a);
			CHECK(receive_cookie(&self->a) == i);
			CHECK(reply(&self->a, self->c.id, 2, i) == 0);
			_exit(0);
		}
		ASSERT_EQ(0, call_sync(&self->c, call_new(self->a.id, i,
							  NEVER), &info));
		EXPECT_EQ(0, child_wait(pid));
		EXPECT_EQ(0, info.offset);
		EXPECT_EQ(2, msg_at(&self->c, 0)->cookie);
		/* it was never in the queue */
		EXPECT_EQ(0, receive_cookie(&self->c));
		EXPECT_EQ(1, free_all(&self->c));
		EXPECT_EQ(0, free_all(&self->c));
	}
	EXPECT_EQ(0, conn_byebye(&self->c));
}

/* Once for all threads */
TEST_F(slice, is_given_back_once)
{
	pid_t pids[4];
	unsigned int i, round;
	int given, r;

	for (round = 0; round < 10; round++) {
		ASSERT_EQ(0, send_cookie(&self->a, self->c.id, 1));
		ASSERT_NE(NULL, receive(&self->c));
		for (i = 0; i < ARRAY_SIZE(pids); i++) {
			pids[i] = fork_as(0, 0);
			if (pids[i] == 0)
				_exit(-conn_free(&self->c, 0));
		}
		for (given = 0, i = 0; i < ARRAY_SIZE(pids); i++) {
			r = child_wait(pids[i]);
			EXPECT_TRUE(r == 0 || r == ENXIO);
			given += r == 0;
		}
		EXPECT_EQ(1, given);
	}
}

/*
 * A model
 */

#define N_STEPS	4000
#define N_MSGS	64

struct model_msg {
	__u64 cookie;
	__u64 offset;
	bool kernel;
	bool user;
};

struct model {
	struct model_msg msgs[N_MSGS];	/* in the order of the queue */
	unsigned int n;
};

static struct model_msg *model_first(struct model *m)
{
	unsigned int i;

	for (i = 0; i < m->n; i++)
		if (m->msgs[i].kernel)
			return &m->msgs[i];
	return NULL;
}

static void model_forget(struct model *m)
{
	unsigned int i, n = 0;

	for (i = 0; i < m->n; i++)
		if (m->msgs[i].kernel || m->msgs[i].user)
			m->msgs[n++] = m->msgs[i];
	m->n = n;
}

static int model_free(struct model *m, __u64 offset)
{
	unsigned int i;

	for (i = 0; i < m->n; i++) {
		if (m->msgs[i].user && m->msgs[i].offset == offset) {
			m->msgs[i].user = false;
			return 0;
		}
	}
	return -ENXIO;
}

static unsigned int state = 1;

static unsigned int any(unsigned int n)
{
	state = state * 1103515245 + 12345;
	return (state >> 16 & 0x7fff) % n;
}

static bool model_receive(struct model *m, const struct conn *c, __u64 flags)
{
	struct model_msg *first = model_first(m);
	struct kdbus_cmd_recv recv;
	int r = take(c, flags, &recv);

	if (!first)
		return r == -EAGAIN && recv.msg.offset == c->pool_size;
	if (r < 0)
		return false;
	if (!(flags & PEEK) || (flags & DROP))
		first->kernel = false;
	if (flags & DROP)
		return recv.msg.offset == c->pool_size;
	/* it does not move */
	if (first->offset != ~0ULL && first->offset != recv.msg.offset)
		return false;
	first->offset = recv.msg.offset;
	first->user = true;
	return msg_at(c, first->offset)->cookie == first->cookie;
}

/* Nothing that is needed by anyone is overwritten. */
static bool model_holds(const struct model *m, const struct conn *c)
{
	unsigned int i;

	for (i = 0; i < m->n; i++)
		if (m->msgs[i].offset != ~0ULL &&
		    msg_at(c, m->msgs[i].offset)->cookie != m->msgs[i].cookie)
			return false;
	return true;
}

TEST_F(slice, states_follow_the_model)
{
	static const __u64 flags[] = { 0, PEEK, DROP, PEEK | DROP };
	static const __u8 bytes[400];
	static struct model m;
	unsigned int i, step;
	__u64 offset;

	for (step = 1; step <= N_STEPS; step++) {
		if (any(5) < 2 && m.n < N_MSGS) {
			m.msgs[m.n++] = (struct model_msg){
				.cookie = step, .offset = ~0ULL, .kernel = true,
			};
			ASSERT_EQ(0, send_bytes(&self->a, self->c.id, step,
						bytes, 1 + any(400)));
		} else if (any(2)) {
			ASSERT_TRUE(model_receive(&m, &self->c,
						  flags[any(4)])) {
				TH_LOG("step %u", step);
			}
		} else {
			offset = m.n && any(4) ? m.msgs[any(m.n)].offset :
						 any(2000) * 8;
			ASSERT_EQ(model_free(&m, offset),
				  conn_free(&self->c, offset)) {
				TH_LOG("step %u", step);
			}
		}
		model_forget(&m);
		ASSERT_TRUE(model_holds(&m, &self->c));
	}

	while (model_first(&m)) {
		ASSERT_TRUE(model_receive(&m, &self->c, 0));
		model_forget(&m);
	}
	for (i = 0; i < m.n; i++)
		ASSERT_EQ(0, conn_free(&self->c, m.msgs[i].offset));
	/* all is in one piece again */
	EXPECT_EQ(0, free_all(&self->c));
	ASSERT_EQ(0, send_bytes(&self->a, self->c.id, 1, bytes,
				sizeof(bytes)));
	EXPECT_EQ(0, msg_offset(&self->c, receive(&self->c)));
}

KDBUS_HARNESS_MAIN
