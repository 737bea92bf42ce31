// SPDX-License-Identifier: LGPL-2.1+
/*
 * What becomes of messages when a name goes from its activator to an owner and
 * back.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <linux/userfaultfd.h>

#include "activator_util.h"
#include "kdbus_harness.h"

#define OTHER	"org.example.b"

FIXTURE(migrate) {
	struct domain domain;
	struct domain *d;
	struct conn src;
	struct conn a;
	struct conn b;
	struct conn act;
};

FIXTURE_SETUP(migrate)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, peer_new(&self->src, self->d, ACCEPT_FD));
	ASSERT_EQ(0, peer_new(&self->a, self->d, ACCEPT_FD));
	ASSERT_EQ(0, peer_new(&self->b, self->d, 0));
	ASSERT_EQ(0, activator_new(&self->act, self->d, NAME, ACCEPT_FD));
}

FIXTURE_TEARDOWN(migrate)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

TEST_F(migrate, goes_with_the_name)
{
	const struct conn *src = &self->src;

	ASSERT_EQ(0, match_all(&self->a));
	EXPECT_EQ(0, plain(src, NAME, 1));
	EXPECT_EQ(0, plain(src, NAME, 2));
	EXPECT_EQ(0, send_cookie(src, self->a.id, 3));
	EXPECT_EQ(0, send_to_name(src, self->act.id, NAME, 4));
	EXPECT_TRUE(poll_now(self->act.fd) & POLLIN);

	ASSERT_EQ(PRIMARY | ACQUIRED, name_acquire(&self->a, NAME, 0));
	EXPECT_STREQ("", heard(&self->act));
	EXPECT_FALSE(poll_now(self->act.fd) & POLLIN);
	EXPECT_EQ(0, plain(src, NAME, 5));

	/* behind what was there, before it is told and before what is new */
	EXPECT_STREQ("message 3", heard(&self->a));
	EXPECT_STREQ("message 1", heard(&self->a));
	EXPECT_STREQ("message 2", heard(&self->a));
	EXPECT_STREQ("message 4", heard(&self->a));
	EXPECT_STREQ(NAME_CHANGE(&self->act, HOLDS, &self->a, PRIMARY, NAME),
		     heard(&self->a));
	EXPECT_STREQ("message 5", heard(&self->a));
	EXPECT_STREQ("", heard(&self->a));
}

TEST_F(migrate, comes_back)
{
	const struct conn *src = &self->src;

	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	ASSERT_LT(0, name_acquire(&self->a, OTHER, 0));
	EXPECT_EQ(0, plain(src, NAME, 1));
	EXPECT_EQ(0, send_cookie(src, self->a.id, 2));
	EXPECT_EQ(0, plain(src, OTHER, 3));
	EXPECT_EQ(0, send_to_name(src, self->a.id, NAME, 4));
	EXPECT_EQ(0, name_release(&self->a, NAME));
	EXPECT_STREQ("message 1, message 4", heard_all(&self->act));
	EXPECT_STREQ("message 2, message 3", heard_all(&self->a));

	/* also if the owner does not leave by itself */
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	EXPECT_EQ(0, plain(src, NAME, 5));
	EXPECT_EQ(0, send_cookie(src, self->a.id, 6));
	EXPECT_EQ(0, plain(src, NAME, 7));
	conn_close(&self->a);
	EXPECT_STREQ("message 5, message 7", heard_all(&self->act));
}

TEST_F(migrate, stays_if_an_owner_is_next)
{
	const struct conn *src = &self->src;

	ASSERT_LT(0, name_acquire(&self->a, NAME, ALLOW));
	ASSERT_LT(0, name_acquire(&self->b, NAME, QUEUE));
	EXPECT_EQ(0, plain(src, NAME, 1));
	EXPECT_EQ(0, name_release(&self->a, NAME));
	EXPECT_EQ(0, plain(src, NAME, 2));
	EXPECT_STREQ("message 1", heard_all(&self->a));
	EXPECT_STREQ("message 2", heard_all(&self->b));

	ASSERT_LT(0, name_acquire(&self->b, NAME, ALLOW));
	EXPECT_EQ(0, plain(src, NAME, 3));
	ASSERT_EQ(PRIMARY | ACQUIRED, name_acquire(&self->a, NAME, REPLACE));
	EXPECT_EQ(0, plain(src, NAME, 4));
	EXPECT_STREQ("message 3", heard_all(&self->b));
	EXPECT_STREQ("message 4", heard_all(&self->a));
	EXPECT_STREQ("", heard(&self->act));
}

TEST_F(migrate, does_not_mix_up_lives_of_a_name)
{
	const struct conn *src = &self->src;
	struct conn act;

	ASSERT_LT(0, name_acquire(&self->a, OTHER, 0));
	EXPECT_EQ(0, plain(src, OTHER, 1));
	EXPECT_EQ(0, name_release(&self->a, OTHER));
	ASSERT_EQ(0, activator_new(&act, self->d, OTHER, 0));
	ASSERT_LT(0, name_acquire(&self->a, OTHER, 0));
	EXPECT_EQ(0, plain(src, OTHER, 2));
	EXPECT_EQ(0, name_release(&self->a, OTHER));
	EXPECT_STREQ("message 2", heard_all(&act));
	EXPECT_STREQ("message 1", heard_all(&self->a));
}

TEST_F(migrate, keeps_priorities)
{
	const __s64 priorities[] = { 5, -3, 0, -3 };
	struct kdbus_msg *msg;
	__u64 i;

	for (i = 0; i < 4; i++) {
		msg = to_name(msg_new(KDBUS_DST_ID_NAME, i + 1), NAME);
		msg->priority = priorities[i];
		ASSERT_EQ(0, pass(&self->src, msg));
	}
	msg = msg_new(self->a.id, 5);
	msg->priority = -3;
	ASSERT_EQ(0, pass(&self->src, msg));
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));

	for (i = 0; i < 3; i++) {
		const __u64 expected[] = { 5, 2, 4 };
		struct kdbus_cmd_recv *recv;

		recv = recv_new(KDBUS_RECV_USE_PRIORITY, -1);
		ASSERT_EQ(0, conn_recv(&self->a, recv));
		EXPECT_EQ(expected[i],
			  msg_at(&self->a, recv->msg.offset)->cookie);
		EXPECT_EQ(-3, msg_at(&self->a, recv->msg.offset)->priority);
		free(recv);
	}
	EXPECT_STREQ("message 1, message 3", heard_all(&self->a));
}

TEST_F(migrate, keeps_every_byte)
{
	const size_t size = 3 * page_size() + 13;
	struct kdbus_cmd_recv *peek, *recv;
	char *data = malloc(size);
	struct kdbus_msg *msg;
	__u8 *before;
	size_t i;

	for (i = 0; i < size; i++)
		data[i] = i * 7 + i / 251;
	msg = to_name(msg_new(KDBUS_DST_ID_NAME, 1), NAME);
	item_add_vec(msg, data, 11);
	item_add_vec(msg, NULL, 100);
	item_add_vec(msg, data, size);
	ASSERT_EQ(0, pass(&self->src, msg));

	peek = recv_new(KDBUS_RECV_PEEK, 0);
	ASSERT_EQ(0, conn_recv(&self->act, peek));
	ASSERT_LE(size, peek->msg.msg_size);
	before = malloc(peek->msg.msg_size);
	memcpy(before, self->act.pool + peek->msg.offset, peek->msg.msg_size);
	EXPECT_NE(NULL, memmem(before, peek->msg.msg_size, data, size));

	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	recv = recv_new(0, 0);
	ASSERT_EQ(0, conn_recv(&self->a, recv));
	ASSERT_EQ(peek->msg.msg_size, recv->msg.msg_size);
	EXPECT_EQ(0, memcmp(before, self->a.pool + recv->msg.offset,
			    recv->msg.msg_size));

	/* what was looked at stays until it is released, once */
	EXPECT_EQ(0, memcmp(before, self->act.pool + peek->msg.offset,
			    peek->msg.msg_size));
	EXPECT_EQ(0, conn_free(&self->act, peek->msg.offset));
	EXPECT_EQ(-ENXIO, conn_free(&self->act, peek->msg.offset));
	EXPECT_EQ(0, conn_free(&self->a, recv->msg.offset));
	EXPECT_EQ(-ENXIO, conn_free(&self->a, recv->msg.offset));
}

TEST_F(migrate, takes_files_along)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_memfd memfd = { .size = 8 };
	struct kdbus_msg *out;
	int pipes[2];
	char byte;

	ASSERT_EQ(0, pipe(pipes));
	memfd.fd = memfd_create("test", MFD_ALLOW_SEALING);
	ASSERT_LE(0, memfd.fd);
	ASSERT_EQ(8, write(memfd.fd, "12345678", 8));
	ASSERT_EQ(0, fcntl(memfd.fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW |
			   F_SEAL_WRITE | F_SEAL_SEAL));
	out = to_name(msg_new(KDBUS_DST_ID_NAME, 1), NAME);
	item_add(out, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	item_add(out, KDBUS_ITEM_FDS, &pipes[1], sizeof(pipes[1]));
	ASSERT_EQ(0, pass(&self->src, out));
	close(pipes[1]);
	close(memfd.fd);

	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	msg = receive(&self->a);
	ASSERT_NE(NULL, msg);
	item = find(msg, KDBUS_ITEM_PAYLOAD_MEMFD);
	ASSERT_NE(NULL, item);
	EXPECT_EQ(1, pread(item->memfd.fd, &byte, 1, 7));
	EXPECT_EQ('8', byte);
	item = find(msg, KDBUS_ITEM_FDS);
	ASSERT_NE(NULL, item);
	EXPECT_EQ(1, write(item->fds[0], "x", 1));
	close(item->fds[0]);
	/* nobody else has it any more */
	EXPECT_EQ(1, read(pipes[0], &byte, 1));
	EXPECT_EQ(0, read(pipes[0], &byte, 1));
}

TEST_F(migrate, the_new_owner_replies)
{
	const struct conn *src = &self->src;

	EXPECT_EQ(0, call_name(src, NAME, 1));
	EXPECT_EQ(0, call_name(src, NAME, 2));
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	EXPECT_STREQ("message 1", heard(&self->a));
	EXPECT_EQ(0, reply(&self->a, src->id, 10, 1));
	EXPECT_STREQ("message 10", heard(src));

	/* what was not received goes back, and is asked of the next one */
	EXPECT_EQ(0, name_release(&self->a, NAME));
	EXPECT_EQ(-EBADSLT, reply(&self->a, src->id, 11, 2));
	ASSERT_LT(0, name_acquire(&self->b, NAME, 0));
	EXPECT_STREQ("message 2", heard(&self->b));
	conn_close(&self->act);
	conn_close(&self->a);
	EXPECT_STREQ("", heard(src));
	EXPECT_EQ(0, reply(&self->b, src->id, 12, 2));
	EXPECT_STREQ("message 12", heard(src));
	EXPECT_EQ(-EBADSLT, reply(&self->b, src->id, 13, 2));
}

TEST_F(migrate, the_end_of_the_new_owner_is_told)
{
	const struct conn *src = &self->src;

	EXPECT_EQ(0, call_name(src, NAME, 1));
	EXPECT_EQ(0, call_name(src, NAME, 2));
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	EXPECT_STREQ("message 1", heard(&self->a));
	conn_close(&self->a);
	/* who received it is gone; the other one waits for the next owner */
	EXPECT_STREQ("REPLY_DEAD 1", heard_all(src));
	conn_close(&self->act);
	EXPECT_STREQ("REPLY_DEAD 2", heard_all(src));
}

TEST_F(migrate, what_the_activator_took_stays_its_own)
{
	const struct conn *src = &self->src;
	struct kdbus_cmd_recv *drop = recv_new(KDBUS_RECV_DROP, 0);

	EXPECT_EQ(0, call_name(src, NAME, 1));
	EXPECT_EQ(0, call_name(src, NAME, 2));
	EXPECT_EQ(0, call_name(src, NAME, 3));
	EXPECT_STREQ("message 1", heard(&self->act));
	ASSERT_EQ(0, conn_recv(&self->act, drop));
	EXPECT_STREQ("REPLY_DEAD 2", heard_all(src));
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	EXPECT_STREQ("message 3", heard_all(&self->a));
	EXPECT_EQ(-EBADSLT, reply(&self->a, src->id, 10, 1));
	conn_close(&self->act);
	EXPECT_STREQ("REPLY_DEAD 1", heard_all(src));
	EXPECT_EQ(0, reply(&self->a, src->id, 11, 3));
	EXPECT_STREQ("message 11", heard_all(src));
}

TEST_F(migrate, a_service_may_have_called_itself)
{
	EXPECT_EQ(0, call_name(&self->a, NAME, 1));
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	EXPECT_STREQ("message 1", heard(&self->a));
	EXPECT_EQ(0, reply(&self->a, self->a.id, 2, 1));
	EXPECT_STREQ("message 2", heard_all(&self->a));

	EXPECT_EQ(0, call_name(&self->a, NAME, 3));
	EXPECT_EQ(0, name_release(&self->a, NAME));
	ASSERT_LT(0, name_acquire(&self->b, NAME, 0));
	EXPECT_STREQ("message 3", heard(&self->b));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 4, 3));
	EXPECT_STREQ("message 4", heard_all(&self->a));
}

struct caller {
	const struct conn *c;
	__u64 cookie;
	int result;
	__u64 reply;
};

static void *caller_run(void *arg)
{
	struct caller *caller = arg;
	struct kdbus_cmd_send *send;

	send = send_new(to_name(call_new(KDBUS_DST_ID_NAME, caller->cookie,
					 NEVER), NAME));
	send->flags = KDBUS_SEND_SYNC_REPLY;
	caller->result = cmd_run(caller->c->fd, KDBUS_CMD_SEND, send);
	if (caller->result == 0)
		caller->reply = msg_at(caller->c, send->reply.offset)->cookie;
	return NULL;
}

TEST_F(migrate, synchronous_calls_wait_for_the_owner)
{
	struct caller one = { .c = &self->src, .cookie = 1 };
	struct caller two = { .c = &self->src, .cookie = 2 };
	pthread_t thread[2];

	ASSERT_EQ(0, pthread_create(&thread[0], NULL, caller_run, &one));
	readable_wait(&self->act);
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	EXPECT_STREQ("message 1", heard(&self->a));
	EXPECT_EQ(0, reply(&self->a, self->src.id, 10, 1));
	ASSERT_EQ(0, pthread_join(thread[0], NULL));
	EXPECT_EQ(0, one.result);
	EXPECT_EQ(10, one.reply);

	ASSERT_EQ(0, pthread_create(&thread[1], NULL, caller_run, &two));
	readable_wait(&self->a);
	EXPECT_EQ(0, name_release(&self->a, NAME));
	conn_close(&self->act);
	ASSERT_EQ(0, pthread_join(thread[1], NULL));
	EXPECT_EQ(-EPIPE, two.result);
}

TEST_F(migrate, what_the_owner_cannot_take_is_lost)
{
	struct caller caller = { .c = &self->src, .cookie = 3 };
	const struct conn *src = &self->src;
	struct kdbus_msg *msg;
	pthread_t thread;
	int fd = 0;

	msg = to_name(call_new(KDBUS_DST_ID_NAME, 1, NEVER), NAME);
	item_add(msg, KDBUS_ITEM_FDS, &fd, sizeof(fd));
	ASSERT_EQ(0, pass(src, msg));
	EXPECT_EQ(0, plain(src, NAME, 2));
	/* b takes no files */
	ASSERT_EQ(PRIMARY | ACQUIRED, name_acquire(&self->b, NAME, 0));
	EXPECT_STREQ("REPLY_DEAD 1", heard_all(src));
	EXPECT_EQ(1, lost(&self->b));
	EXPECT_EQ(0, lost(&self->act));
	EXPECT_STREQ("message 2", heard_all(&self->b));

	/* neither side has room for what somebody else has filled */
	ASSERT_EQ(0, name_release(&self->b, NAME));
	for (fd = 0; fd < MAX_QUEUED; fd++)
		ASSERT_EQ(0, send_cookie(src, self->b.id, 100));
	ASSERT_EQ(0, pthread_create(&thread, NULL, caller_run, &caller));
	readable_wait(&self->act);
	ASSERT_EQ(PRIMARY | ACQUIRED, name_acquire(&self->b, NAME, 0));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-EPIPE, caller.result);
	EXPECT_EQ(1, lost(&self->b));
	EXPECT_STREQ("", heard(&self->act));
}

TEST_F(migrate, a_full_pool_loses_only_what_does_not_fit)
{
	const struct conn *src = &self->src;
	char data[3000] = {};
	struct kdbus_msg *msg;
	struct conn tiny;
	unsigned int i;

	ASSERT_EQ(0, hello(&tiny, open_endpoint(self->d, "0-bus"), 0, 0,
			   2 * page_size()));
	for (i = 1; i <= 4; i++) {
		msg = to_name(msg_new(KDBUS_DST_ID_NAME, i), NAME);
		if (i % 2)
			item_add_vec(msg, data, sizeof(data));
		ASSERT_EQ(0, pass(src, msg));
	}
	ASSERT_EQ(PRIMARY | ACQUIRED, name_acquire(&tiny, NAME, 0));
	EXPECT_EQ(2, lost(&tiny));
	EXPECT_STREQ("message 2, message 4", heard_all(&tiny));
}

TEST_F(migrate, the_charge_goes_along)
{
	const struct conn *src = &self->src;
	unsigned int i;

	for (i = 0; i < MAX_QUEUED; i++)
		ASSERT_EQ(0, plain(src, NAME, i));
	EXPECT_EQ(-ENOBUFS, plain(src, NAME, i));
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	EXPECT_EQ(-ENOBUFS, plain(src, NAME, i));
	EXPECT_EQ(-ENOBUFS, send_cookie(src, self->a.id, i));
	/* released behind the back of its owner, it goes to another one */
	ASSERT_EQ(0, name_release(&self->a, NAME));
	EXPECT_EQ(0, send_cookie(src, self->a.id, i));
	EXPECT_EQ(-ENOBUFS, plain(src, NAME, i));
	for (i = 0; i < MAX_QUEUED; i++)
		ASSERT_EQ(i, receive_cookie(&self->act));
	EXPECT_EQ(0, plain(src, NAME, i));
}

/**
 * struct slow_recv - RECV that waits when it writes its result
 * @thread:	who does it
 * @c:		connection
 * @uffd:	reports the write, and lets it go on
 * @page:	page with the result
 * @recv:	command, of which the part before the result is on another page
 * @result:	what RECV returned
 */
struct slow_recv {
	pthread_t thread;
	const struct conn *c;
	int uffd;
	char *page;
	struct kdbus_cmd_recv *recv;
	int result;
};

static int slow_protect(const struct slow_recv *slow, bool protect)
{
	struct uffdio_writeprotect wp = {
		.range = { PTR_TO_U64(slow->page), page_size() },
		.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(slow->uffd, UFFDIO_WRITEPROTECT, &wp);
}

static int slow_new(struct slow_recv *slow, const struct conn *c, __u64 flags)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_WP };
	char *pages = two_pages(PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE);
	struct kdbus_cmd_recv *recv = recv_new(flags, 0);

	slow->c = c;
	slow->page = pages + page_size();
	slow->recv = (void *)(slow->page - offsetof(struct kdbus_cmd_recv,
						    dropped_msgs));
	memcpy(slow->recv, recv, sizeof(*recv));
	slow->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	area.range.start = PTR_TO_U64(slow->page);
	area.range.len = page_size();
	if (slow->uffd < 0 || ioctl(slow->uffd, UFFDIO_API, &api) < 0 ||
	    ioctl(slow->uffd, UFFDIO_REGISTER, &area) < 0)
		return -errno;
	return slow_protect(slow, true);
}

static void *slow_run(void *arg)
{
	struct slow_recv *slow = arg;

	slow->result = conn_recv(slow->c, slow->recv);
	return NULL;
}

/* Returns when the message is about to be told to user space. */
static int slow_start(struct slow_recv *slow)
{
	struct uffd_msg event;
	int r = pthread_create(&slow->thread, NULL, slow_run, slow);

	if (r != 0)
		return -r;
	r = read(slow->uffd, &event, sizeof(event));
	return r == sizeof(event) && event.event == UFFD_EVENT_PAGEFAULT ?
	       0 : -EIO;
}

static int slow_finish(struct slow_recv *slow, int prot)
{
	int r = mprotect(slow->page, page_size(), prot);

	if (r == 0)
		r = slow_protect(slow, false);
	return r < 0 ? -errno : -pthread_join(slow->thread, NULL);
}

FIXTURE(slow_migrate) {
	struct domain domain;
	struct conn src;
	struct conn a;
	struct conn act;
	struct slow_recv slow;
};

FIXTURE_VARIANT(slow_migrate) {
	__u64 flags;
	int prot;
	int result;
	const char *before;
	const char *after;
};

/* what is received at that moment is out of reach */
FIXTURE_VARIANT_ADD(slow_migrate, received) {
	.prot = PROT_READ | PROT_WRITE,
	.before = "message 2",
	.after = "",
};

/* but if that fails it is not lost */
FIXTURE_VARIANT_ADD(slow_migrate, not_received) {
	.prot = PROT_READ,
	.result = -EFAULT,
	.before = "message 2",
	.after = "message 1",
};

FIXTURE_VARIANT_ADD(slow_migrate, not_dropped) {
	.flags = KDBUS_RECV_DROP,
	.prot = PROT_READ,
	.result = -EFAULT,
	.before = "message 2",
	.after = "message 1",
};

/* who only looks has no say */
FIXTURE_VARIANT_ADD(slow_migrate, looked_at) {
	.flags = KDBUS_RECV_PEEK,
	.prot = PROT_READ | PROT_WRITE,
	.before = "message 1, message 2",
	.after = "",
};

FIXTURE_VARIANT_ADD(slow_migrate, not_looked_at) {
	.flags = KDBUS_RECV_PEEK,
	.prot = PROT_READ,
	.result = -EFAULT,
	.before = "message 1, message 2",
	.after = "",
};

FIXTURE_SETUP(slow_migrate)
{
	struct domain *d = &self->domain;

	ASSERT_EQ(0, domain_enter(d));
	ASSERT_LE(0, bus_new(d, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->src, d, 0));
	ASSERT_EQ(0, peer_new(&self->a, d, 0));
	ASSERT_EQ(0, activator_new(&self->act, d, NAME, 0));
}

FIXTURE_TEARDOWN(slow_migrate)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

TEST_F(slow_migrate, waits_for_nobody)
{
	struct slow_recv *slow = &self->slow;
	int r = slow_new(slow, &self->act, variant->flags);

	if (r < 0)
		SKIP(return, "no userfaultfd: %s", strerror(-r));
	EXPECT_EQ(0, plain(&self->src, NAME, 1));
	EXPECT_EQ(0, plain(&self->src, NAME, 2));
	ASSERT_EQ(0, slow_start(slow));
	ASSERT_EQ(PRIMARY | ACQUIRED, name_acquire(&self->a, NAME, 0));
	EXPECT_STREQ(variant->before, heard_all(&self->a));
	ASSERT_EQ(0, slow_finish(slow, variant->prot));
	EXPECT_EQ(variant->result, slow->result);
	EXPECT_STREQ(variant->after, heard_all(&self->a));

	if (variant->result == 0) {
		EXPECT_EQ(1, msg_at(&self->act, slow->recv->msg.offset)->cookie);
		EXPECT_EQ(0, conn_free(&self->act, slow->recv->msg.offset));
		EXPECT_EQ(-ENXIO,
			  conn_free(&self->act, slow->recv->msg.offset));
	}
	EXPECT_STREQ("", heard(&self->act));
	EXPECT_EQ(0, lost(&self->act));
	EXPECT_EQ(0, lost(&self->a));
}

KDBUS_HARNESS_MAIN
