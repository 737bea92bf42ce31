// SPDX-License-Identifier: LGPL-2.1+
/*
 * Monitors: connections that see every message of a bus and take no part in
 * it.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <linux/capability.h>

#include "monitor_util.h"
#include "kdbus_harness.h"

#define MAX_FDS		16
#define MAX_REQUESTS	128

FIXTURE(monitor) {
	struct domain domain;
	struct domain *d;
	int bus;
	struct conn a;
	struct conn b;
	struct conn mon;
};

/* Opened by that user; the process stays root. */
static int peer_new_as(struct conn *c, const struct domain *d, uid_t uid)
{
	int r;

	if (setresuid(uid, uid, 0) < 0)
		return -errno;
	r = peer_new(c, d, 0);
	return setresuid(0, 0, 0) < 0 ? -errno : r;
}

FIXTURE_SETUP(monitor)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	self->bus = bus_new(self->d, "0-bus", KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_LE(0, self->bus);
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->b, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->mon, self->d, MONITOR));
}

FIXTURE_TEARDOWN(monitor)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

static int call_sync(const struct conn *c, struct kdbus_msg *msg,
		     struct kdbus_msg_info *reply)
{
	struct kdbus_cmd_send *cmd = send_new(msg);
	int r;

	cmd->flags = KDBUS_SEND_SYNC_REPLY;
	r = cmd_run(c->fd, KDBUS_CMD_SEND, cmd);
	*reply = cmd->reply;
	free(cmd);
	return r;
}

static struct kdbus_msg *unreadable(struct kdbus_msg *msg)
{
	item_add_vec(msg, (void *)8, 16);
	return msg;
}

#define EXPECT_COPIED(_c) EXPECT_NE(0, copied(&self->mon, _c))
#define EXPECT_SEEN(_str) EXPECT_STREQ(_str, heard(&self->mon))
#define EXPECT_UNSEEN() do { \
	EXPECT_SEEN(""); \
	EXPECT_EQ(0, lost(&self->mon)); \
} while (0)

/*
 * Being a monitor
 */

static int hello_result(const struct domain *d, const char *bus, __u64 flags,
			__u64 attach_recv, size_t pool_size)
{
	int r, fd = open_endpoint(d, bus);
	struct conn c;

	r = hello(&c, fd, flags, attach_recv, pool_size);
	close(fd);
	return r;
}

TEST_F(monitor, is_for_the_owner_and_the_privileged)
{
	struct conn c;
	pid_t pid;
	int fd;

	pid = fork_as(ALICE, ALICE);
	if (pid == 0) {
		fd = open_endpoint(self->d, "0-bus");
		CHECK(hello(&c, fd, MONITOR, 0, POOL_SIZE) == -EPERM);
		CHECK(hello(&c, fd, MONITOR | ACCEPT_FD, 0, POOL_SIZE) ==
		      -EPERM);
		CHECK(hello(&c, fd, 0, 0, POOL_SIZE) == 0);
		CHECK(bus_new(self->d, "11001-bus",
			      KDBUS_MAKE_ACCESS_WORLD) >= 0);
		CHECK(hello_result(self->d, "11001-bus", MONITOR, 0,
				   POOL_SIZE) == 0);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
	EXPECT_SEEN(id_event("ID_ADD", self->mon.id + 1, 0));
	EXPECT_SEEN(id_event("ID_REMOVE", self->mon.id + 1, 0));
	EXPECT_UNSEEN();

	ASSERT_EQ(0, setresuid(ALICE, ALICE, 0));
	EXPECT_LE(0, bus_new(self->d, "11001-bus", KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	EXPECT_EQ(0, hello_result(self->d, "11001-bus", MONITOR | ACCEPT_FD, 0,
				  POOL_SIZE));
	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(capability_drop(CAP_IPC_OWNER) == 0);
		CHECK(hello_result(self->d, "11001-bus", MONITOR, 0,
				   POOL_SIZE) == -EPERM);
		CHECK(hello_result(self->d, "0-bus", MONITOR, 0,
				   POOL_SIZE) == 0);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
}

TEST_F(monitor, hello_has_an_order_of_errors)
{
	const struct domain *d = self->d;
	const __u64 bad = 1ULL << 40;
	pid_t pid;

	EXPECT_EQ(-EINVAL, hello_result(d, "0-bus", MONITOR, 0, 0));
	EXPECT_EQ(-EINVAL, hello_result(d, "0-bus", MONITOR, 0, 100));
	EXPECT_EQ(-EINVAL, hello_result(d, "0-bus", MONITOR, bad, POOL_SIZE));
	EXPECT_EQ(-EINVAL, hello_result(d, "0-bus",
					MONITOR | KDBUS_HELLO_ACTIVATOR, 0,
					POOL_SIZE));
	EXPECT_EQ(-EINVAL, hello_result(d, "0-bus",
					MONITOR | KDBUS_HELLO_POLICY_HOLDER, 0,
					POOL_SIZE));
	pid = fork_as(ALICE, ALICE);
	if (pid == 0) {
		CHECK(hello_result(d, "0-bus", MONITOR, 0, 100) == -EINVAL);
		CHECK(hello_result(d, "0-bus", MONITOR, bad, POOL_SIZE) ==
		      -EPERM);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
	EXPECT_UNSEEN();
}

/* It is refused without a look at the argument. */
TEST_F(monitor, only_watches)
{
	static const unsigned int refused[] = {
		KDBUS_CMD_SEND, KDBUS_CMD_BYEBYE, KDBUS_CMD_NAME_ACQUIRE,
		KDBUS_CMD_NAME_RELEASE, KDBUS_CMD_MATCH_ADD,
		KDBUS_CMD_MATCH_REMOVE,
	};
	const struct kdbus_msg *msg;
	struct kdbus_cmd_list list;
	unsigned int i;
	__u64 offset;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(-EOPNOTSUPP, cmd_run(self->mon.fd, refused[i], NULL));
		EXPECT_EQ(-EOPNOTSUPP, cmd_run(self->mon.fd, refused[i],
					       (void *)1));
		EXPECT_EQ(-EOPNOTSUPP, cmd_run(self->mon.fd, refused[i],
					       object_new(32)));
	}
	EXPECT_EQ(-EOPNOTSUPP, send_cookie(&self->mon, self->a.id, 1));
	EXPECT_EQ(-EOPNOTSUPP, conn_byebye(&self->mon));
	EXPECT_EQ(-EOPNOTSUPP, name_acquire(&self->mon, NAME, 0));
	EXPECT_EQ(-EOPNOTSUPP, match_all(&self->mon));
	EXPECT_EQ(0, receive_cookie(&self->a));
	EXPECT_UNSEEN();

	EXPECT_EQ(-EFAULT, cmd_run(self->mon.fd, KDBUS_CMD_RECV, NULL));
	ASSERT_EQ(0, send_cookie(&self->a, self->b.id, 7));
	EXPECT_EQ(POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM,
		  poll_now(self->mon.fd));
	msg = receive(&self->mon);
	ASSERT_NE(NULL, msg);
	offset = msg_offset(&self->mon, msg);
	EXPECT_EQ(0, conn_free(&self->mon, offset));
	EXPECT_EQ(-ENXIO, conn_free(&self->mon, offset));
	EXPECT_EQ(POLLOUT | POLLWRNORM, poll_now(self->mon.fd));
	EXPECT_EQ(0, list_run(&self->mon, KDBUS_LIST_UNIQUE, &list));
	EXPECT_EQ(0, conn_free(&self->mon, list.offset));

	/* the end of the bus comes before everything else */
	close(self->bus);
	EXPECT_EQ(-ECONNRESET, cmd_run(self->mon.fd, KDBUS_CMD_SEND, NULL));
	EXPECT_EQ(-ECONNRESET, conn_recv(&self->mon, recv_new(0, 0)));
	EXPECT_EQ(POLLERR | POLLHUP, poll_now(self->mon.fd));
}

TEST_F(monitor, is_not_listed_nor_announced)
{
	char *expected;
	struct conn mon;

	ASSERT_LT(0, asprintf(&expected, "%llu; %llu; ", self->a.id,
			      self->b.id));
	ASSERT_EQ(0, match_all(&self->b));
	ASSERT_EQ(0, peer_new(&mon, self->d, MONITOR | ACCEPT_FD));
	EXPECT_STREQ(expected, listed(&self->a, KDBUS_LIST_UNIQUE));
	EXPECT_STREQ(expected, listed(&mon, KDBUS_LIST_UNIQUE));
	EXPECT_STREQ("", listed(&self->a, KDBUS_LIST_NAMES |
				KDBUS_LIST_ACTIVATORS | KDBUS_LIST_QUEUED));
	conn_close(&mon);
	EXPECT_STREQ("", heard(&self->b));
	EXPECT_UNSEEN();
}

TEST_F(monitor, cannot_be_addressed)
{
	__u64 id = self->mon.id;
	struct kdbus_msg_info info;

	EXPECT_EQ(-ENXIO, send_cookie(&self->a, id, 1));
	EXPECT_EQ(-ENXIO, call(&self->a, id, 1));
	EXPECT_EQ(-ENXIO, call_sync(&self->a, call_new(id, 1, NEVER), &info));
	EXPECT_EQ(-ENXIO, reply(&self->a, id, 2, 1));
	EXPECT_EQ(-ENXIO, signal_to(&self->a, id, 1));
	ASSERT_LT(0, name_acquire(&self->b, NAME, 0));
	EXPECT_SEEN(NAME_ADD(&self->b, PRIMARY, NAME));
	EXPECT_EQ(-EREMCHG, send_to_name(&self->a, id, NAME, 1));
	EXPECT_UNSEEN();
}

/*
 * Copies
 */

TEST_F(monitor, sees_what_is_delivered)
{
	struct kdbus_msg *msg = msg_new(self->b.id, 2);

	ASSERT_EQ(0, send_cookie(&self->a, self->b.id, 1));
	EXPECT_COPIED(&self->b);
	msg->priority = -5;
	msg->flags = KDBUS_MSG_NO_AUTO_START;
	item_add_vec(msg, "payload", 7);
	item_add_vec(msg, NULL, 13);
	item_add_vec(msg, "more", 4);
	ASSERT_EQ(0, msg_send(&self->a, msg));
	EXPECT_COPIED(&self->b);
	ASSERT_EQ(0, send_cookie(&self->a, self->a.id, 3));
	EXPECT_COPIED(&self->a);

	/* the name as it was written, and no id */
	ASSERT_LT(0, name_acquire(&self->b, NAME, 0));
	EXPECT_SEEN(NAME_ADD(&self->b, PRIMARY, NAME));
	ASSERT_EQ(0, send_to_name(&self->a, 0, NAME, 4));
	EXPECT_COPIED(&self->b);

	ASSERT_EQ(0, call(&self->a, self->b.id, 5));
	EXPECT_COPIED(&self->b);
	ASSERT_EQ(0, reply(&self->b, self->a.id, 6, 5));
	EXPECT_COPIED(&self->a);

	ASSERT_EQ(0, match_all(&self->b));
	ASSERT_EQ(0, signal_to(&self->a, self->b.id, 7));
	EXPECT_COPIED(&self->b);
	ASSERT_EQ(0, signal_to(&self->a, BCAST, 8));
	EXPECT_COPIED(&self->b);
	EXPECT_UNSEEN();
	EXPECT_EQ(0, receive_cookie(&self->a));
	EXPECT_EQ(0, receive_cookie(&self->b));
}

TEST_F(monitor, sees_synchronous_calls)
{
	const struct kdbus_msg *msg;
	struct kdbus_msg_info info;
	pid_t pid;

	pid = fork_as(0, 0);
	if (pid == 0) {
		readable_wait(&self->b);
		CHECK(copied(&self->mon, &self->b) > 0);
		CHECK(reply(&self->b, self->a.id, 2, 1) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, call_sync(&self->a, call_new(self->b.id, 1, NEVER),
			       &info));
	/* at the latest when the call returns */
	msg = receive(&self->mon);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(info.msg_size, msg->size);
	EXPECT_EQ(0, memcmp(msg, msg_at(&self->a, info.offset), msg->size));
	EXPECT_EQ(2, msg->cookie);
	EXPECT_UNSEEN();
	EXPECT_EQ(0, child_wait(pid));
}

TEST_F(monitor, sees_what_nobody_gets)
{
	struct conn alice, bob;

	ASSERT_EQ(0, signal_to(&self->a, BCAST, 1));
	EXPECT_SEEN("message 1");
	ASSERT_EQ(0, signal_to(&self->a, self->b.id, 2));
	EXPECT_SEEN("message 2");
	EXPECT_EQ(0, receive_cookie(&self->b));

	/* neither may the other's signals have */
	ASSERT_EQ(0, peer_new_as(&alice, self->d, ALICE));
	ASSERT_EQ(0, peer_new_as(&bob, self->d, BOB));
	EXPECT_SEEN(id_event("ID_ADD", alice.id, 0));
	EXPECT_SEEN(id_event("ID_ADD", bob.id, 0));
	ASSERT_EQ(0, match_all(&bob));
	ASSERT_EQ(0, signal_to(&alice, BCAST, 3));
	EXPECT_SEEN("message 3");
	ASSERT_EQ(0, signal_to(&alice, bob.id, 4));
	EXPECT_SEEN("message 4");
	EXPECT_EQ(0, receive_cookie(&bob));
	EXPECT_EQ(0, lost(&bob));
	EXPECT_UNSEEN();
}

TEST_F(monitor, sees_all_notifications)
{
	struct conn c;

	ASSERT_EQ(0, peer_new(&c, self->d, ACCEPT_FD));
	EXPECT_SEEN(id_event("ID_ADD", c.id, ACCEPT_FD));
	ASSERT_LT(0, name_acquire(&c, NAME, ALLOW));
	EXPECT_SEEN(NAME_ADD(&c, PRIMARY | ALLOW, NAME));
	ASSERT_LT(0, name_acquire(&self->a, NAME, REPLACE));
	EXPECT_SEEN(NAME_CHANGE(&c, PRIMARY | ALLOW, &self->a, PRIMARY, NAME));
	ASSERT_EQ(0, name_release(&self->a, NAME));
	EXPECT_SEEN(NAME_REMOVE(&self->a, PRIMARY, NAME));

	ASSERT_EQ(0, call(&self->a, c.id, 11));
	EXPECT_SEEN("message 11");
	conn_close(&c);
	EXPECT_COPIED(&self->a);
	EXPECT_SEEN(id_event("ID_REMOVE", c.id, ACCEPT_FD));

	ASSERT_EQ(0, call(&self->a, self->b.id, 12));
	EXPECT_SEEN("message 12");
	ASSERT_EQ(0, conn_recv(&self->b, recv_new(KDBUS_RECV_DROP, 0)));
	EXPECT_SEEN("REPLY_DEAD 12");
	EXPECT_STREQ("REPLY_DEAD 12", heard(&self->a));

	ASSERT_EQ(0, pass(&self->a, call_new(self->b.id, 13, 1)));
	EXPECT_SEEN("message 13");
	readable_wait(&self->a);
	EXPECT_COPIED(&self->a);
	EXPECT_UNSEEN();

	/* with everything else they come to subscribers, too */
	ASSERT_EQ(0, match_all(&self->a));
	ASSERT_LT(0, name_acquire(&self->b, NAME, 0));
	EXPECT_COPIED(&self->a);
}

/*
 * What fails
 */

/* Sends until that fails, and returns the last cookie. */
static __u64 fill(const struct conn *src, const struct conn *dst,
		  const struct conn *mon, size_t size, bool receives, int *r)
{
	static const __u8 bytes[4096];
	__u64 cookie = 0;

	do {
		*r = send_bytes(src, dst->id, ++cookie, bytes, size);
		/* one that just failed is to be seen, too */
		if (*r == 0 && receive_cookie(mon) != cookie)
			abort();
		if (*r == 0 && receives && !receive(dst))
			abort();
	} while (*r == 0);
	return cookie;
}

TEST_F(monitor, sees_what_finds_no_room)
{
	const struct conn *a = &self->a, *b = &self->b;
	struct kdbus_msg_info info;
	struct conn small;
	pid_t pid;
	int r;

	ASSERT_EQ(0, match_all(b));
	ASSERT_LT(0, name_acquire(a, NAME, 0));
	ASSERT_EQ(0, call(b, a->id, 7));
	EXPECT_COPIED(b);
	EXPECT_COPIED(a);
	EXPECT_EQ(MAX_QUEUED + 1, fill(a, b, &self->mon, 8, false, &r));
	EXPECT_EQ(-ENOBUFS, r);
	EXPECT_SEEN("message 257");
	EXPECT_EQ(-ENOBUFS, call(a, b->id, 301));
	EXPECT_SEEN("message 301");
	EXPECT_EQ(0, signal_to(a, b->id, 302));
	EXPECT_SEEN("message 302");
	EXPECT_EQ(0, signal_to(a, BCAST, 303));
	EXPECT_SEEN("message 303");
	EXPECT_EQ(2, lost(b));

	/* the call stays open, so that its reply is seen each time */
	EXPECT_EQ(-ENOBUFS, reply(a, b->id, 304, 7));
	EXPECT_SEEN("message 304");
	EXPECT_EQ(1, receive_cookie(b));
	EXPECT_EQ(0, reply(a, b->id, 305, 7));
	EXPECT_SEEN("message 305");
	EXPECT_EQ(-EBADSLT, reply(a, b->id, 306, 7));
	EXPECT_UNSEEN();

	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(call_sync(b, call_new(a->id, 8, NEVER), &info) ==
		      -ENOBUFS);
		_exit(0);
	}
	readable_wait(a);
	EXPECT_COPIED(a);
	EXPECT_EQ(-ENOBUFS, reply(a, b->id, 307, 8));
	EXPECT_SEEN("message 307");
	EXPECT_EQ(0, child_wait(pid));

	/* what is received takes room until it is freed */
	ASSERT_EQ(0, hello(&small, open_endpoint(self->d, "0-bus"), 0, 0,
			   4 * page_size()));
	EXPECT_SEEN(id_event("ID_ADD", small.id, 0));
	EXPECT_LT(4, fill(a, &small, &self->mon, 2000, true, &r));
	EXPECT_EQ(-EXFULL, r);
	EXPECT_NE(0, receive_cookie(&self->mon));

	/* there is not even room for a notification, then */
	fill(a, &small, &self->mon, 8, true, &r);
	EXPECT_EQ(-EXFULL, r);
	EXPECT_NE(0, receive_cookie(&self->mon));
	ASSERT_EQ(0, pass(&small, call_new(a->id, 9, 1)));
	EXPECT_COPIED(a);
	readable_wait(&small);
	EXPECT_EQ(1, lost(&small));
	EXPECT_SEEN("REPLY_TIMEOUT 9");
	EXPECT_UNSEEN();
}

/*
 * Files
 */

struct files {
	int fd;
	int memfd;
	__u64 return_flags;
};

static int files_new(struct files *files)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	files->fd = fds[0];
	files->memfd = memfd_create("test", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (files->memfd < 0 || ftruncate(files->memfd, 8) < 0 ||
	    fcntl(files->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW |
		  F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return -errno;
	return 0;
}

static struct kdbus_msg *with_files(struct kdbus_msg *msg,
				    const struct files *files)
{
	struct kdbus_memfd memfd = { .size = 8, .fd = files->memfd };

	item_add(msg, KDBUS_ITEM_FDS, &files->fd, sizeof(files->fd));
	item_add(msg, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	return msg;
}

static int receive_files(const struct conn *c, __u64 flags,
			 struct files *files)
{
	struct kdbus_cmd_recv *recv = recv_new(flags, 0);
	const struct kdbus_item *fds, *memfd;
	int r;

	r = conn_recv(c, recv);
	if (r < 0)
		return r;
	fds = find(msg_at(c, recv->msg.offset), KDBUS_ITEM_FDS);
	memfd = find(msg_at(c, recv->msg.offset), KDBUS_ITEM_PAYLOAD_MEMFD);
	if (!fds || !memfd || fds->size != 16 + sizeof(int))
		return -EBADMSG;
	files->fd = fds->fds[0];
	files->memfd = memfd->memfd.fd;
	files->return_flags = recv->msg.return_flags;
	return conn_free(c, recv->msg.offset);
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return a != b && fstat(a, &x) == 0 && fstat(b, &y) == 0 &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int next_number(void)
{
	int fd = fcntl(0, F_DUPFD, 0);

	close(fd);
	return fd;
}

TEST_F(monitor, gets_files_if_it_takes_them)
{
	const struct conn *mon = &self->mon;
	struct files sent, got;
	struct conn dst, taker;
	int number;

	ASSERT_EQ(0, files_new(&sent));
	ASSERT_EQ(0, peer_new(&taker, self->d, MONITOR | ACCEPT_FD));
	ASSERT_EQ(0, peer_new(&dst, self->d, ACCEPT_FD));
	EXPECT_SEEN(id_event("ID_ADD", dst.id, ACCEPT_FD));
	EXPECT_STREQ(id_event("ID_ADD", dst.id, ACCEPT_FD), heard(&taker));
	ASSERT_EQ(0, pass(&self->a, with_files(msg_new(dst.id, 1), &sent)));

	number = next_number();
	ASSERT_EQ(0, receive_files(mon, KDBUS_RECV_PEEK, &got));
	EXPECT_EQ(-1, got.fd);
	EXPECT_EQ(-1, got.memfd);
	ASSERT_EQ(0, receive_files(&taker, KDBUS_RECV_PEEK, &got));
	EXPECT_EQ(-1, got.fd);
	EXPECT_EQ(-1, got.memfd);
	EXPECT_EQ(number, next_number());

	ASSERT_EQ(0, receive_files(mon, 0, &got));
	EXPECT_EQ(-1, got.fd);
	EXPECT_EQ(number, got.memfd);
	EXPECT_TRUE(same_file(sent.memfd, got.memfd));
	EXPECT_EQ(0, got.return_flags);

	ASSERT_EQ(0, receive_files(&taker, 0, &got));
	EXPECT_TRUE(same_file(sent.fd, got.fd));
	EXPECT_TRUE(same_file(sent.memfd, got.memfd));
	EXPECT_EQ(FD_CLOEXEC, fcntl(got.fd, F_GETFD));
	EXPECT_EQ(0, got.return_flags);

	ASSERT_EQ(0, receive_files(&dst, 0, &got));
	EXPECT_TRUE(same_file(sent.fd, got.fd));
	EXPECT_TRUE(same_file(sent.memfd, got.memfd));
	EXPECT_EQ(0, got.return_flags);
}

TEST_F(monitor, sees_files_the_receiver_does_not_take)
{
	int fds[MAX_FDS];
	struct files sent, got;
	struct kdbus_msg *msg;
	struct conn taker, dst;
	unsigned int i;

	ASSERT_EQ(0, files_new(&sent));
	ASSERT_EQ(0, call(&self->b, self->a.id, 5));
	EXPECT_COPIED(&self->a);
	ASSERT_EQ(0, match_all(&self->b));
	ASSERT_EQ(0, peer_new(&taker, self->d, MONITOR | ACCEPT_FD));
	EXPECT_EQ(-ECOMM, pass(&self->a, with_files(msg_new(self->b.id, 1),
						    &sent)));
	EXPECT_EQ(-ECOMM, pass(&self->a, with_files(call_new(self->b.id, 2,
							     NEVER), &sent)));
	EXPECT_EQ(-ECOMM, pass(&self->a, with_files(reply_new(self->b.id, 3,
							      5), &sent)));
	EXPECT_EQ(0, pass(&self->a, with_files(signal_new(self->b.id, 4),
					       &sent)));
	EXPECT_EQ(1, lost(&self->b));
	EXPECT_EQ(0, receive_cookie(&self->b));
	for (i = 1; i <= 4; i++) {
		ASSERT_EQ(0, receive_files(&taker, 0, &got));
		EXPECT_TRUE(same_file(sent.fd, got.fd));
		EXPECT_TRUE(same_file(sent.memfd, got.memfd));
		EXPECT_EQ(i, receive_cookie(&self->mon));
	}
	EXPECT_UNSEEN();

	/* too many for the receiver; monitors count anew */
	for (i = 0; i < MAX_FDS; i++)
		fds[i] = sent.fd;
	ASSERT_EQ(0, peer_new(&dst, self->d, ACCEPT_FD));
	EXPECT_SEEN(id_event("ID_ADD", dst.id, ACCEPT_FD));
	msg = msg_new(dst.id, 6);
	item_add(msg, KDBUS_ITEM_FDS, fds, sizeof(fds));
	ASSERT_EQ(0, pass(&self->a, msg));
	EXPECT_SEEN("message 6");
	EXPECT_EQ(-EMFILE, pass(&self->a, with_files(msg_new(dst.id, 7),
						     &sent)));
	EXPECT_SEEN("message 7");
	EXPECT_UNSEEN();
}

TEST_F(monitor, does_not_see_what_is_refused)
{
	const struct conn *a = &self->a, *b = &self->b;
	struct conn alice, bob;
	struct kdbus_msg_info info;
	unsigned int i;

	ASSERT_EQ(0, peer_new_as(&alice, self->d, ALICE));
	ASSERT_EQ(0, peer_new_as(&bob, self->d, BOB));
	EXPECT_SEEN(id_event("ID_ADD", alice.id, 0));
	EXPECT_SEEN(id_event("ID_ADD", bob.id, 0));
	for (i = 1; i <= MAX_REQUESTS; i++) {
		ASSERT_EQ(0, call(a, b->id, i));
		EXPECT_COPIED(b);
	}
	EXPECT_EQ(-EMLINK, call(a, b->id, i));
	EXPECT_EQ(-EBADSLT, reply(b, a->id, 1, 999));
	EXPECT_EQ(-EBADSLT, reply(a, b->id, 1, 1));
	EXPECT_EQ(-EBADMSG, send_cookie(a, BCAST, 1));
	EXPECT_EQ(-ENXIO, send_cookie(a, 9999, 1));
	EXPECT_EQ(-ENXIO, signal_to(a, 9999, 1));
	EXPECT_EQ(-ESRCH, send_to_name(a, 0, NAME, 1));
	EXPECT_EQ(-ETIMEDOUT, call_sync(b, call_new(a->id, 1, 1), &info));

	EXPECT_EQ(-EFAULT, pass(a, unreadable(msg_new(b->id, 1))));
	EXPECT_EQ(-EFAULT, pass(b, unreadable(call_new(a->id, 1, NEVER))));
	EXPECT_EQ(-EFAULT, pass(b, unreadable(reply_new(a->id, 1, 1))));
	/* as if nobody listened */
	EXPECT_EQ(0, pass(a, unreadable(signal_new(b->id, 1))));
	EXPECT_EQ(0, pass(a, unreadable(signal_new(BCAST, 1))));
	ASSERT_EQ(0, match_all(b));
	EXPECT_EQ(-EFAULT, pass(a, unreadable(signal_new(b->id, 1))));
	EXPECT_EQ(-EFAULT, pass(a, unreadable(signal_new(BCAST, 1))));

	ASSERT_EQ(0, setresuid(ALICE, ALICE, 0));
	EXPECT_EQ(-EPERM, send_cookie(&alice, bob.id, 1));
	EXPECT_EQ(-EPERM, call(&alice, bob.id, 1));
	ASSERT_EQ(0, setresuid(0, 0, 0));

	EXPECT_UNSEEN();
	EXPECT_EQ(0, receive_cookie(b));
	EXPECT_EQ(0, lost(b));
}

/* Each gets what it asks for, with the payload behind it. */
TEST_F(monitor, has_metadata_of_its_own)
{
	static const __u64 flags[] = {
		0, KDBUS_ATTACH_CREDS, KDBUS_ATTACH_PIDS,
		KDBUS_ATTACH_TIMESTAMP | KDBUS_ATTACH_CREDS,
	};
	struct conn mons[ARRAY_SIZE(flags)];
	struct kdbus_msg *sent = msg_new(self->b.id, 1);
	const struct kdbus_item *off;
	const struct kdbus_msg *msg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++)
		ASSERT_EQ(0, hello(&mons[i], open_endpoint(self->d, "0-bus"),
				   MONITOR, flags[i], POOL_SIZE));
	item_add_vec(sent, "payload", 8);
	ASSERT_EQ(0, msg_send(&self->a, sent));
	EXPECT_COPIED(&self->b);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		msg = receive(&mons[i]);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(!!(flags[i] & KDBUS_ATTACH_TIMESTAMP),
			  !!find(msg, KDBUS_ITEM_TIMESTAMP));
		EXPECT_EQ(!!(flags[i] & KDBUS_ATTACH_CREDS),
			  !!find(msg, KDBUS_ITEM_CREDS));
		EXPECT_EQ(!!(flags[i] & KDBUS_ATTACH_PIDS),
			  !!find(msg, KDBUS_ITEM_PIDS));
		off = find(msg, KDBUS_ITEM_PAYLOAD_OFF);
		ASSERT_NE(NULL, off);
		EXPECT_STREQ("payload", (const char *)msg + off->vec.offset);
	}

	/* notifications always tell the time, and nothing more */
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		msg = receive(&mons[i]);
		ASSERT_NE(NULL, msg);
		EXPECT_NE(0, seqnum(msg));
		EXPECT_EQ(NULL, find(msg, KDBUS_ITEM_CREDS));
		EXPECT_EQ(NULL, find(msg, KDBUS_ITEM_PIDS));
	}
}

KDBUS_HARNESS_MAIN
