// SPDX-License-Identifier: LGPL-2.1+
/*
 * BUS_CREATOR_INFO: what is told of who made a bus.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "metadata_util.h"
#include "kdbus_harness.h"

#define ANY	_KDBUS_ATTACH_ANY
#define TASK	(_KDBUS_ATTACH_ALL & ~KDBUS_ATTACH_TIMESTAMP & \
		 ~KDBUS_ATTACH_NAMES & ~KDBUS_ATTACH_CONN_DESCRIPTION)

FIXTURE(creator) {
	struct domain domain;
};

FIXTURE_SETUP(creator)
{
	ASSERT_EQ(0, domain_mount(&self->domain, 0, NULL));
}

FIXTURE_TEARDOWN(creator)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

/* @grant NULL: the creator says nothing */
static int make(const struct domain *d, const char *name, __u64 flags,
		const __u64 *grant)
{
	struct kdbus_cmd *cmd = bus_make_new(name, flags);
	int r, fd = open_control(d);

	if (grant)
		item_add(cmd, KDBUS_ITEM_ATTACH_FLAGS_SEND, grant,
			 sizeof(*grant));
	r = cmd_run(fd, KDBUS_CMD_BUS_MAKE, cmd);
	free(cmd);
	return r < 0 ? r : fd;
}

static __u64 creator_known(const struct conn *c, __u64 flags)
{
	const struct kdbus_msg *msg = ask_creator(c, flags);

	/* the name is always there, and always first */
	if (!msg || !holds_str(msg, KDBUS_ITEM_MAKE_NAME, "0-bus") ||
	    msg->items[0].type != KDBUS_ITEM_MAKE_NAME)
		return 0xbad;
	return attached(msg);
}

TEST_F(creator, gives_what_was_asked_for_and_granted)
{
	const __u64 all = available() & TASK;
	struct conn c;
	__u64 bit;
	int bus;

	for (bit = 0; bit <= KDBUS_ATTACH_CONN_DESCRIPTION;
	     bit = bit ? bit << 1 : 1) {
		bus = make(&self->domain, "0-bus", 0, &bit);
		ASSERT_LE(0, bus);
		ASSERT_EQ(0, peer_new(&c, &self->domain, 0, 0, "no"));
		EXPECT_EQ(bit & all, creator_known(&c, ANY)) {
			TH_LOG("granted %llx", bit);
		}
		EXPECT_EQ(0, creator_known(&c, _KDBUS_ATTACH_ALL & ~bit));
		close(bus);
		conn_close(&c);
	}

	bit = ~0ULL;
	bus = make(&self->domain, "0-bus", 0, &bit);
	ASSERT_LE(0, bus);
	ASSERT_EQ(0, peer_new(&c, &self->domain, 0, 0, "no"));
	for (bit = 1; bit <= KDBUS_ATTACH_CONN_DESCRIPTION; bit <<= 1) {
		EXPECT_EQ(bit & all, creator_known(&c, bit)) {
			TH_LOG("asked for %llx", bit);
		}
	}
	EXPECT_EQ(all, creator_known(&c, ANY));
	EXPECT_EQ(0, creator_known(&c, 0));
}

TEST_F(creator, says_nothing_unless_told_to)
{
	struct conn c;

	ASSERT_LE(0, make(&self->domain, "0-bus", 0, NULL));
	ASSERT_EQ(0, peer_new(&c, &self->domain, 0, 0, "no"));
	EXPECT_EQ(0, creator_known(&c, ANY));
}

TEST_F(creator, is_the_task_that_made_the_bus)
{
	static const __u64 grant = ~0ULL;
	const struct kdbus_msg *msg;
	struct conn c;

	ASSERT_LE(0, make(&self->domain, "0-bus", KDBUS_MAKE_ACCESS_WORLD,
			  &grant));
	ASSERT_EQ(0, peer_new(&c, &self->domain, 0, 0, "no"));
	msg = ask_creator(&c, ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(0, count_wrong(msg));
	/* ids are given one after the other, this is the second */
	EXPECT_EQ(c.id - 1, msg->src_id);
	EXPECT_EQ(KDBUS_MAKE_ACCESS_WORLD, msg->flags);
}

/* The one who made it is gone, or somebody else. */
TEST_F(creator, stays_what_it_was)
{
	static const __u64 grant = ~0ULL;
	const struct kdbus_msg *msg;
	struct conn c;
	pid_t pid;

	pid = fork_sharing_files();
	if (pid == 0) {
		CHECK(prctl(PR_SET_NAME, "maker") == 0);
		CHECK(setresuid(ALICE, 0, BOB) == 0);
		CHECK(make(&self->domain, "0-bus", 0, &grant) >= 0);
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
	ASSERT_EQ(0, peer_new(&c, &self->domain, 0, 0, NULL));
	msg = ask_creator(&c, ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(holds_str(msg, KDBUS_ITEM_TID_COMM, "maker"));
	EXPECT_EQ(pid, (pid_t)find(msg, KDBUS_ITEM_PIDS)->pids.pid);
	EXPECT_EQ(ALICE, find(msg, KDBUS_ITEM_CREDS)->creds.uid);
	EXPECT_EQ(0, find(msg, KDBUS_ITEM_CREDS)->creds.euid);
	EXPECT_EQ(BOB, find(msg, KDBUS_ITEM_CREDS)->creds.suid);
}

TEST_F(creator, arguments_are_checked)
{
	static const __u64 bad[] = {
		0x4000, 1ULL << 32, 1ULL << 63, ~0ULL >> 1, ~0ULL - 1,
	};
	struct kdbus_cmd_info *cmd;
	unsigned int i;
	struct conn c;
	int bus, fd;

	bus = make(&self->domain, "0-bus", 0, NULL);
	ASSERT_LE(0, bus);
	ASSERT_EQ(0, peer_new(&c, &self->domain, 0, 0, NULL));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		cmd = info_new(0, NULL, bad[i]);
		EXPECT_EQ(-EINVAL, cmd_run(c.fd, KDBUS_CMD_BUS_CREATOR_INFO,
					   cmd));
		EXPECT_EQ(0, cmd->return_flags);
		EXPECT_EQ(0xa5a5a5a5a5a5a5a5ULL, cmd->offset);
		EXPECT_EQ(-EINVAL, make(&self->domain, "0-new", 0, &bad[i]));
	}
	for (i = 0; i < 63; i++) {
		cmd = info_new(0, NULL, 0);
		cmd->flags = 1ULL << i;
		EXPECT_EQ(-EINVAL, cmd_run(c.fd, KDBUS_CMD_BUS_CREATOR_INFO,
					   cmd));
	}
	cmd = info_new(0, "org.example.a", 0);
	EXPECT_EQ(-EINVAL, cmd_run(c.fd, KDBUS_CMD_BUS_CREATOR_INFO, cmd));

	/* the id means nothing */
	EXPECT_NE(NULL, ask(&c, KDBUS_CMD_BUS_CREATOR_INFO,
			    info_new(0, NULL, 0)));
	EXPECT_NE(NULL, ask(&c, KDBUS_CMD_BUS_CREATOR_INFO,
			    info_new(c.id, NULL, 0)));

	EXPECT_EQ(-EFAULT, cmd_run(c.fd, KDBUS_CMD_BUS_CREATOR_INFO, NULL));
	EXPECT_EQ(-EBADFD, cmd_run(bus, KDBUS_CMD_BUS_CREATOR_INFO, NULL));
	fd = open_endpoint(&self->domain, "0-bus");
	EXPECT_EQ(-EBADFD, cmd_run(fd, KDBUS_CMD_BUS_CREATOR_INFO, NULL));
	ASSERT_EQ(0, conn_byebye(&c));
	EXPECT_EQ(-ECONNRESET, cmd_run(c.fd, KDBUS_CMD_BUS_CREATOR_INFO,
				       NULL));
}

TEST_F(creator, full_pool_is_an_error)
{
	struct kdbus_cmd_hello *hello = hello_new(page_size());
	struct kdbus_cmd_info *cmd = info_new(0, NULL, 0);
	struct conn c;
	int i, r;

	ASSERT_LE(0, make(&self->domain, "0-bus", 0, NULL));
	c.fd = open_endpoint(&self->domain, "0-bus");
	ASSERT_EQ(0, cmd_run(c.fd, KDBUS_CMD_HELLO, hello));
	while ((r = cmd_run(c.fd, KDBUS_CMD_BUS_CREATOR_INFO, cmd)) == 0)
		;
	EXPECT_EQ(-EXFULL, r);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, conn_free(&c, 32));
		ASSERT_EQ(0, cmd_run(c.fd, KDBUS_CMD_BUS_CREATOR_INFO, cmd));
		ASSERT_EQ(32, cmd->offset);
	}
}

TEST_F(creator, what_cannot_be_had_is_absent)
{
	static const __u64 grant = ~0ULL;
	struct conn c;
	pid_t pid = fork_as(0, 0);

	if (pid == 0) {
		CHECK(set_command_line((void *)two_pages(PROT_NONE, PROT_NONE),
				       9) == 0);
		CHECK(make(&self->domain, "0-bus", 0, &grant) >= 0);
		CHECK(peer_new(&c, &self->domain, 0, 0, NULL) == 0);
		CHECK(creator_known(&c, ANY) ==
		      (available() & TASK & ~KDBUS_ATTACH_CMDLINE));
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

KDBUS_HARNESS_MAIN
