// SPDX-License-Identifier: LGPL-2.1+
/*
 * How many files a user may have in messages that nobody received yet: wherever
 * they are queued, and given back on every way a message can end.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

#define LIMIT	40

FIXTURE(in_flight) {
	struct domain domain;
	struct domain *d;
	struct conn alice;
	struct conn elsewhere;	/* Alice's, on another bus */
	struct conn bob;
	struct conn dst;	/* opened by root, as are the next */
	struct conn other;
	struct conn far;	/* on the other bus */
	int memfd;
	unsigned int old_limit;
};

static FILE *open_limit(const char *mode)
{
	const char *type = kdbus_fs_type();
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%.*s/parameters/%s",
		 (int)strlen(type) - 2, type, "max_files_per_user");
	return fopen(path, mode);
}

static int set_limit(unsigned int limit)
{
	FILE *f = open_limit("w");

	return f && fprintf(f, "%u", limit) > 0 && fclose(f) == 0 ? 0 : -1;
}

static int conn_new_as(struct conn *c, const struct domain *d, const char *bus,
		       uid_t uid)
{
	int r;

	if (setresuid(uid, uid, 0) < 0)
		return -errno;
	r = conn_new(c, d, bus);
	return setresuid(0, 0, 0) < 0 ? -errno : r;
}

/* A name on a bus that lets everybody talk to who owns it, or its policy */
static int with_name(int fd, unsigned int nr, void *cmd, const char *name)
{
	item_add_str(cmd, KDBUS_ITEM_NAME, name);
	if (nr == KDBUS_CMD_HELLO) {
		const struct kdbus_policy_access world = {
			.type = KDBUS_POLICY_ACCESS_WORLD,
			.access = KDBUS_POLICY_TALK,
		};

		item_add(cmd, KDBUS_ITEM_POLICY_ACCESS, &world, sizeof(world));
	}
	return cmd_run(fd, nr, cmd);
}

static int let_talk(const struct domain *d, const char *bus)
{
	struct kdbus_cmd_hello *hello = hello_new(page_size());

	hello->flags = KDBUS_HELLO_POLICY_HOLDER;
	return with_name(open_endpoint(d, bus), KDBUS_CMD_HELLO, hello,
			 "org.files.*");
}

static int conn_new_open(struct conn *c, const struct domain *d,
			 const char *bus, const char *name)
{
	int r = conn_new(c, d, bus);

	return r < 0 ? r : with_name(c->fd, KDBUS_CMD_NAME_ACQUIRE,
				     object_new(sizeof(struct kdbus_cmd)),
				     name);
}

static int sealed_memfd(void)
{
	int fd = memfd_create("in flight", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, 4096) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
		  F_SEAL_SEAL) < 0)
		return -errno;
	return fd;
}

FIXTURE_SETUP(in_flight)
{
	FILE *f = open_limit("r");

	ASSERT_NE(NULL, f);
	ASSERT_EQ(1, fscanf(f, "%u", &self->old_limit));
	fclose(f);
	ASSERT_EQ(0, set_limit(LIMIT));

	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_LE(0, bus_new(self->d, "0-far", KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, conn_new_as(&self->alice, self->d, "0-bus", ALICE));
	ASSERT_EQ(0, conn_new_as(&self->elsewhere, self->d, "0-far", ALICE));
	ASSERT_EQ(0, conn_new_as(&self->bob, self->d, "0-bus", BOB));
	ASSERT_EQ(0, let_talk(self->d, "0-bus"));
	ASSERT_EQ(0, let_talk(self->d, "0-far"));
	ASSERT_EQ(0, conn_new_open(&self->dst, self->d, "0-bus",
				   "org.files.a"));
	ASSERT_EQ(0, conn_new_open(&self->other, self->d, "0-bus",
				   "org.files.b"));
	ASSERT_EQ(0, conn_new_open(&self->far, self->d, "0-far",
				   "org.files.a"));
	self->memfd = sealed_memfd();
	ASSERT_LE(0, self->memfd);
}

FIXTURE_TEARDOWN(in_flight)
{
	EXPECT_EQ(0, set_limit(self->old_limit));
	EXPECT_EQ(0, domain_leave(self->d));
}

static struct kdbus_msg *msg_with(__u64 dst_id, int memfd, unsigned int n)
{
	struct kdbus_memfd item = { .fd = memfd, .size = 8 };
	struct kdbus_msg *msg = msg_new(dst_id, 1);

	while (n--)
		item_add(msg, KDBUS_ITEM_PAYLOAD_MEMFD, &item, sizeof(item));
	return msg;
}

/* Send with the rights of a user; root's are beyond any limit. */
static int send_as(uid_t uid, const struct conn *src,
		   const struct kdbus_msg *msg)
{
	int r;

	if (setresuid(uid, uid, 0) < 0)
		return -errno;
	r = msg_send(src, msg);
	return setresuid(0, 0, 0) < 0 ? -errno : r;
}

static int send_files(uid_t uid, const struct conn *src, const struct conn *dst,
		      int memfd, unsigned int n)
{
	struct kdbus_msg *msg = msg_with(dst->id, memfd, n);
	int r = send_as(uid, src, msg);

	free(msg);
	return r;
}

/* Receive one message and close what came with it. */
static int take(const struct conn *c)
{
	const struct kdbus_msg *msg = receive(c);
	const struct kdbus_item *item;

	if (!msg)
		return -errno;
	for (item = msg->items; (const __u8 *)item < (const __u8 *)msg +
	     msg->size; item = item_next(item))
		if (item->type == KDBUS_ITEM_PAYLOAD_MEMFD)
			close(item->memfd.fd);
	return conn_free(c, msg_offset(c, msg));
}

static int drop(const struct conn *c)
{
	struct kdbus_cmd_recv *recv = recv_new(KDBUS_RECV_DROP, 0);
	int r = conn_recv(c, recv);

	free(recv);
	return r;
}

/* How many more files Alice can send; she has as many afterwards. */
static unsigned int room(const struct conn *alice, const struct conn *dst,
			 int memfd)
{
	unsigned int i, n = 0;

	while (send_files(ALICE, alice, dst, memfd, 1) == 0)
		n++;
	if (errno != ETOOMANYREFS)
		return ~0U;
	for (i = 0; i < n; i++)
		if (drop(dst) < 0)
			return ~0U;
	return n;
}

#define ROOM()	room(&self->alice, &self->dst, self->memfd)

TEST_F(in_flight, users_have_a_limit_in_a_domain)
{
	const int memfd = self->memfd;

	EXPECT_EQ(LIMIT, ROOM());
	EXPECT_EQ(0, send_files(ALICE, &self->alice, &self->dst, memfd, 16));
	EXPECT_EQ(0, send_files(ALICE, &self->elsewhere, &self->far, memfd,
				16));
	EXPECT_EQ(-ETOOMANYREFS, send_files(ALICE, &self->alice, &self->other,
					    memfd, 9));
	EXPECT_EQ(-ETOOMANYREFS, send_files(ALICE, &self->elsewhere,
					    &self->far, memfd, 9));
	EXPECT_EQ(0, send_files(ALICE, &self->alice, &self->other, memfd, 8));
	EXPECT_EQ(-ETOOMANYREFS, send_files(ALICE, &self->alice, &self->other,
					    memfd, 1));

	/* no files, another user, and who may have more than others */
	EXPECT_EQ(0, send_files(ALICE, &self->alice, &self->other, memfd, 0));
	EXPECT_EQ(0, send_files(BOB, &self->bob, &self->other, memfd, 16));
	EXPECT_EQ(0, send_files(0, &self->alice, &self->other, memfd, 16));
	EXPECT_EQ(-ETOOMANYREFS, send_files(ALICE, &self->alice, &self->other,
					    memfd, 1));
}

TEST_F(in_flight, descriptors_count_like_memfds)
{
	struct kdbus_cmd_hello *hello = hello_new(POOL_SIZE);
	struct kdbus_msg *msg;
	int fds[16], i, fd;

	ASSERT_EQ(0, setresuid(ALICE, ALICE, 0));
	fd = open_endpoint(self->d, "0-bus");
	ASSERT_EQ(0, setresuid(0, 0, 0));
	hello->flags = KDBUS_HELLO_ACCEPT_FD;
	ASSERT_EQ(0, cmd_run(fd, KDBUS_CMD_HELLO, hello));
	for (i = 0; i < 16; i++)
		fds[i] = self->memfd;
	msg = msg_with(hello->id, self->memfd, 16);
	item_add(msg, KDBUS_ITEM_FDS, fds, 8 * sizeof(int));
	EXPECT_EQ(0, send_as(ALICE, &self->alice, msg));
	EXPECT_EQ(LIMIT - 24, ROOM());
	close(fd);
	EXPECT_EQ(LIMIT, ROOM());
}

TEST_F(in_flight, they_are_given_back_when_a_message_ends)
{
	struct conn c;

	EXPECT_EQ(0, send_files(ALICE, &self->alice, &self->other,
				self->memfd, 16));
	EXPECT_EQ(LIMIT - 16, ROOM());
	EXPECT_EQ(0, take(&self->other));
	EXPECT_EQ(LIMIT, ROOM());

	EXPECT_EQ(0, send_files(ALICE, &self->alice, &self->other,
				self->memfd, 16));
	EXPECT_EQ(0, drop(&self->other));
	EXPECT_EQ(LIMIT, ROOM());

	/* whoever ends, and even if the sender is gone */
	EXPECT_EQ(0, send_files(ALICE, &self->alice, &self->other,
				self->memfd, 16));
	conn_close(&self->other);
	EXPECT_EQ(LIMIT, ROOM());

	ASSERT_EQ(0, conn_new_as(&c, self->d, "0-bus", ALICE));
	EXPECT_EQ(0, send_files(ALICE, &c, &self->dst, self->memfd, 16));
	conn_close(&c);
	EXPECT_EQ(-ETOOMANYREFS, send_files(ALICE, &self->elsewhere,
					    &self->far, self->memfd, 16) ?:
		  send_files(ALICE, &self->elsewhere, &self->far,
			     self->memfd, 16));
	EXPECT_EQ(0, take(&self->far));
	EXPECT_EQ(0, take(&self->dst));
	EXPECT_EQ(LIMIT, ROOM());
}

TEST_F(in_flight, what_is_not_sent_is_not_in_flight)
{
	struct kdbus_msg *msg;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		/* nobody there, no such request, no such file, no payload */
		msg = msg_with(12345, self->memfd, 16);
		EXPECT_EQ(-ENXIO, send_as(ALICE, &self->alice, msg));
		msg = msg_with(self->dst.id, self->memfd, 16);
		msg->cookie_reply = 99;
		EXPECT_EQ(-EBADSLT, send_as(ALICE, &self->alice, msg));
		msg = msg_with(self->dst.id, self->memfd, 15);
		item_add(msg, KDBUS_ITEM_PAYLOAD_MEMFD,
			 &(struct kdbus_memfd){ .fd = -1, .size = 8 },
			 sizeof(struct kdbus_memfd));
		EXPECT_EQ(-EBADF, send_as(ALICE, &self->alice, msg));
		msg = msg_with(self->dst.id, self->memfd, 16);
		item_add_vec(msg, (void *)8, 100);
		EXPECT_EQ(-EFAULT, send_as(ALICE, &self->alice, msg));
	}
	EXPECT_EQ(LIMIT, ROOM());
}

/* However many receive a signal, the sender's files are in flight once. */
TEST_F(in_flight, copies_share_their_files)
{
	struct kdbus_cmd_match match = { .size = sizeof(match) };
	__u64 filter[1 + 8] = { 0 };
	struct kdbus_msg *msg;

	ASSERT_EQ(0, cmd_run(self->dst.fd, KDBUS_CMD_MATCH_ADD, &match));
	match = (struct kdbus_cmd_match){ .size = sizeof(match) };
	ASSERT_EQ(0, cmd_run(self->other.fd, KDBUS_CMD_MATCH_ADD, &match));

	msg = msg_with(KDBUS_DST_ID_BROADCAST, self->memfd, 16);
	msg->flags = KDBUS_MSG_SIGNAL;
	item_add(msg, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
	ASSERT_EQ(0, send_as(ALICE, &self->alice, msg));
	EXPECT_EQ(0, send_files(ALICE, &self->elsewhere, &self->far,
				self->memfd, 16));
	EXPECT_EQ(0, take(&self->dst));
	EXPECT_EQ(LIMIT - 32, ROOM());
	EXPECT_EQ(0, take(&self->other));
	EXPECT_EQ(LIMIT - 16, ROOM());
}

KDBUS_HARNESS_MAIN
