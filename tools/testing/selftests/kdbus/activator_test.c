// SPDX-License-Identifier: LGPL-2.1+
/*
 * Activators: who may be one, what it holds and what it may do.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "activator_util.h"
#include "kdbus_harness.h"

FIXTURE(activator) {
	struct domain domain;
	struct domain *d;
	struct conn src;
	struct conn a;
	struct conn watcher;
};

FIXTURE_SETUP(activator)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, conn_new(&self->src, self->d, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->a, self->d, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->watcher, self->d, "0-bus"));
	ASSERT_EQ(0, match_all(&self->watcher));
}

FIXTURE_TEARDOWN(activator)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

static int try_hello(const struct domain *d, const char *name, __u64 flags)
{
	struct conn c;

	return activator_finish(&c, open_endpoint(d, "0-bus"),
				activator_hello(name, flags, POOL_SIZE));
}

TEST_F(activator, hello_is_checked)
{
	const char *const bad[] = {
		"org", "org.", ".org", "org..a", "org.1a", "org.*", "*", "", NULL,
	};
	const char *const longest = "a." "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
	const char *const *name;
	char *too_long;

	for (name = bad; *name; name++)
		EXPECT_EQ(-EINVAL, try_hello(self->d, *name, ACTIVATOR)) {
			TH_LOG("name \"%s\"", *name ?: "");
		}
	too_long = calloc(1, 300);
	memset(too_long, 'x', 256);
	too_long[1] = '.';
	EXPECT_EQ(-EINVAL, try_hello(self->d, too_long, ACTIVATOR));
	too_long[255] = 0;
	EXPECT_EQ(0, try_hello(self->d, too_long, ACTIVATOR));
	EXPECT_EQ(0, try_hello(self->d, longest, ACTIVATOR));

	EXPECT_EQ(-EINVAL, try_hello(self->d, NULL, ACTIVATOR));
	EXPECT_EQ(-EINVAL, try_hello(self->d, NAME, 0));
	EXPECT_EQ(-EINVAL, try_hello(self->d, NAME, MONITOR));
	EXPECT_EQ(-EINVAL, try_hello(self->d, NAME, MONITOR | ACTIVATOR));
	EXPECT_EQ(-EINVAL, try_hello(self->d, NULL, MONITOR | ACTIVATOR));
	EXPECT_EQ(-ESRCH, plain(&self->src, NAME, 1));
}

TEST_F(activator, is_for_the_owner_of_the_bus)
{
	pid_t pid = fork_as(ALICE, ALICE);

	if (pid == 0) {
		CHECK(try_hello(self->d, NAME, ACTIVATOR) == -EPERM);
		/* what is wrong with the name comes first */
		CHECK(try_hello(self->d, "org", ACTIVATOR) == -EINVAL);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
	EXPECT_STREQ("", heard(&self->watcher));
}

TEST_F(activator, holds_a_name_that_nobody_owns)
{
	const struct conn *src = &self->src;
	struct conn act;

	ASSERT_EQ(0, activator_new(&act, self->d, NAME, 0));
	EXPECT_STREQ(id_event("ID_ADD", act.id, ACTIVATOR),
		     heard(&self->watcher));
	EXPECT_STREQ(NAME_ADD(&act, HOLDS, NAME), heard(&self->watcher));
	EXPECT_EQ(0, plain(src, NAME, 1));
	EXPECT_STREQ("message 1", heard_all(&act));
	EXPECT_EQ(-EADDRINUSE, name_release(src, NAME));

	conn_close(&act);
	EXPECT_STREQ(NAME_REMOVE(&act, HOLDS, NAME), heard(&self->watcher));
	EXPECT_STREQ(id_event("ID_REMOVE", act.id, ACTIVATOR),
		     heard(&self->watcher));
	EXPECT_EQ(-ESRCH, plain(src, NAME, 2));
	EXPECT_EQ(-ESRCH, name_release(src, NAME));
}

TEST_F(activator, stands_by_where_there_is_an_owner)
{
	struct conn act;

	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	EXPECT_STREQ(NAME_ADD(&self->a, PRIMARY, NAME), heard(&self->watcher));
	ASSERT_EQ(0, activator_new(&act, self->d, NAME, 0));
	EXPECT_STREQ(id_event("ID_ADD", act.id, ACTIVATOR),
		     heard(&self->watcher));
	EXPECT_STREQ("", heard(&self->watcher));
	EXPECT_EQ(0, plain(&self->src, NAME, 1));
	EXPECT_STREQ("message 1", heard_all(&self->a));

	conn_close(&act);
	EXPECT_STREQ(id_event("ID_REMOVE", act.id, ACTIVATOR),
		     heard(&self->watcher));
	EXPECT_STREQ("", heard(&self->watcher));
}

TEST_F(activator, is_the_only_one_of_its_name)
{
	struct conn act, other;

	ASSERT_EQ(0, activator_new(&act, self->d, NAME, 0));
	EXPECT_STREQ(id_event("ID_ADD", act.id, ACTIVATOR),
		     heard(&self->watcher));
	EXPECT_STREQ(NAME_ADD(&act, HOLDS, NAME), heard(&self->watcher));
	EXPECT_EQ(-EEXIST, activator_new(&other, self->d, NAME, 0));
	/* nobody has seen it come or go */
	EXPECT_STREQ("", heard(&self->watcher));
	EXPECT_EQ(0, activator_new(&other, self->d, NAME "b", 0));
	/* also while it only stands by */
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	EXPECT_EQ(-EEXIST, activator_new(&other, self->d, NAME, 0));
	conn_close(&act);
	EXPECT_EQ(0, activator_new(&act, self->d, NAME, 0));
}

TEST_F(activator, leaves_nothing_if_the_result_cannot_be_written)
{
	struct kdbus_cmd_hello *cmd = activator_hello(NAME, ACTIVATOR,
						      POOL_SIZE);
	char *pages = two_pages(PROT_READ | PROT_WRITE, PROT_READ);
	struct kdbus_cmd_hello *hidden;
	struct conn act;
	int fd;

	/* return_flags can be written, what comes last cannot */
	hidden = (void *)(pages + page_size() -
			  offsetof(struct kdbus_cmd_hello, offset));
	ASSERT_EQ(0, mprotect(pages, 2 * page_size(), PROT_READ | PROT_WRITE));
	memcpy(hidden, cmd, cmd->size);
	ASSERT_EQ(0, mprotect(pages + page_size(), page_size(), PROT_READ));
	fd = open_endpoint(self->d, "0-bus");
	EXPECT_EQ(-EFAULT, cmd_run(fd, KDBUS_CMD_HELLO, hidden));
	EXPECT_STREQ("", heard(&self->watcher));
	EXPECT_EQ(-ESRCH, plain(&self->src, NAME, 1));
	EXPECT_EQ(0, activator_new(&act, self->d, NAME, 0));
}

TEST_F(activator, can_only_receive)
{
	struct kdbus_cmd_match match = { .size = sizeof(match) };
	struct kdbus_cmd_list list;
	struct kdbus_cmd *cmd;
	struct conn act;

	ASSERT_EQ(0, activator_new(&act, self->d, NAME, 0));
	EXPECT_EQ(-EOPNOTSUPP, send_cookie(&act, self->src.id, 1));
	EXPECT_EQ(-EOPNOTSUPP, conn_byebye(&act));
	EXPECT_EQ(-EOPNOTSUPP, name_acquire(&act, NAME "b", 0));
	cmd = object_new(sizeof(*cmd));
	item_add_str(cmd, KDBUS_ITEM_NAME, NAME);
	EXPECT_EQ(-EOPNOTSUPP, cmd_run(act.fd, KDBUS_CMD_NAME_RELEASE, cmd));
	EXPECT_EQ(-EOPNOTSUPP, match_all(&act));
	EXPECT_EQ(-EOPNOTSUPP, cmd_run(act.fd, KDBUS_CMD_MATCH_REMOVE, &match));

	EXPECT_EQ(0, list_run(&act, 0xf, &list));
	EXPECT_EQ(0, conn_free(&act, list.offset));
	EXPECT_FALSE(poll_now(act.fd) & POLLIN);
	EXPECT_EQ(0, plain(&self->src, NAME, 1));
	EXPECT_TRUE(poll_now(act.fd) & POLLIN);
	EXPECT_EQ(1, receive_cookie(&act));
}

TEST_F(activator, is_addressed_by_its_name_only)
{
	const struct conn *src = &self->src;
	struct kdbus_msg *msg;
	struct conn act;

	ASSERT_EQ(0, activator_new(&act, self->d, NAME, 0));
	EXPECT_EQ(-ENXIO, send_cookie(src, act.id, 1));
	EXPECT_EQ(-EREMCHG, send_to_name(src, src->id, NAME, 2));
	EXPECT_EQ(0, send_to_name(src, act.id, NAME, 3));
	EXPECT_STREQ("message 3", heard_all(&act));

	/* by whom it is not to be woken it is not */
	msg = to_name(msg_new(KDBUS_DST_ID_NAME, 4), NAME);
	msg->flags = KDBUS_MSG_NO_AUTO_START;
	EXPECT_EQ(-EADDRNOTAVAIL, msg_send(src, msg));
	msg->flags |= KDBUS_MSG_EXPECT_REPLY;
	msg->timeout_ns = NEVER;
	EXPECT_EQ(-EADDRNOTAVAIL, msg_send(src, msg));
	msg->dst_id = src->id;
	EXPECT_EQ(-EREMCHG, msg_send(src, msg));
	EXPECT_STREQ("", heard(&act));
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	msg->dst_id = KDBUS_DST_ID_NAME;
	EXPECT_EQ(0, msg_send(src, msg));
	EXPECT_STREQ("message 4", heard_all(&self->a));
}

TEST_F(activator, gets_no_signals)
{
	const struct conn *src = &self->src;
	struct conn act;

	ASSERT_EQ(0, activator_new(&act, self->d, NAME, 0));
	EXPECT_EQ(0, pass(src, to_name(signal_new(KDBUS_DST_ID_NAME, 1),
				       NAME)));
	EXPECT_EQ(0, signal_to(src, BCAST, 2));
	EXPECT_STREQ("", heard(&act));
	EXPECT_EQ(0, lost(&act));
}

TEST_F(activator, is_listed)
{
	const struct conn *src = &self->src;
	struct conn act;
	char *expected;

	ASSERT_EQ(0, activator_new(&act, self->d, NAME, 0));
	ASSERT_LT(0, asprintf(&expected, "%llu " NAME " 30; ", act.id));
	EXPECT_STREQ(expected, listed(src, KDBUS_LIST_ACTIVATORS));
	EXPECT_STREQ("", listed(src, KDBUS_LIST_NAMES | KDBUS_LIST_QUEUED));

	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	ASSERT_LT(0, asprintf(&expected, "%llu " NAME " 18; ", act.id));
	EXPECT_STREQ(expected, listed(src, KDBUS_LIST_ACTIVATORS));
	ASSERT_LT(0, asprintf(&expected, "%llu " NAME " 20; ", self->a.id));
	EXPECT_STREQ(expected, listed(src, KDBUS_LIST_NAMES));
	EXPECT_STREQ("", listed(src, KDBUS_LIST_QUEUED));

	ASSERT_EQ(0, name_release(&self->a, NAME));
	ASSERT_LT(0, asprintf(&expected, "%llu " NAME " 30; ", act.id));
	EXPECT_STREQ(expected, listed(src, KDBUS_LIST_ACTIVATORS));

	/* without ACTIVATORS it is only a connection */
	ASSERT_LT(0, asprintf(&expected, "%llu; %llu; %llu; %llu; ", src->id,
			      self->a.id, self->watcher.id, act.id));
	EXPECT_STREQ(expected, listed(src, KDBUS_LIST_UNIQUE |
				      KDBUS_LIST_NAMES | KDBUS_LIST_QUEUED));
}

TEST_F(activator, gives_way_to_whoever_acquires)
{
	struct conn act;

	ASSERT_EQ(0, activator_new(&act, self->d, NAME, 0));
	EXPECT_STREQ(id_event("ID_ADD", act.id, ACTIVATOR),
		     heard(&self->watcher));
	EXPECT_STREQ(NAME_ADD(&act, HOLDS, NAME), heard(&self->watcher));

	EXPECT_EQ(PRIMARY | ACQUIRED, name_acquire(&self->a, NAME, 0));
	EXPECT_STREQ(NAME_CHANGE(&act, HOLDS, &self->a, PRIMARY, NAME),
		     heard(&self->watcher));
	EXPECT_EQ(QUEUE | IN_QUEUE | ACQUIRED,
		  name_acquire(&self->src, NAME, QUEUE));
	EXPECT_EQ(-EEXIST, name_acquire(&self->watcher, NAME, REPLACE));

	/* as long as somebody waits it does not come back */
	EXPECT_EQ(0, name_release(&self->a, NAME));
	EXPECT_STREQ(NAME_CHANGE(&self->a, PRIMARY, &self->src, QUEUE | PRIMARY,
				 NAME), heard(&self->watcher));
	EXPECT_EQ(0, name_release(&self->src, NAME));
	EXPECT_STREQ(NAME_CHANGE(&self->src, QUEUE | PRIMARY, &act, HOLDS,
				 NAME), heard(&self->watcher));

	EXPECT_EQ(ALLOW | QUEUE | PRIMARY | ACQUIRED,
		  name_acquire(&self->a, NAME, ALLOW | QUEUE));
	EXPECT_STREQ(NAME_CHANGE(&act, HOLDS, &self->a, ALLOW | QUEUE | PRIMARY,
				 NAME), heard(&self->watcher));
	conn_close(&self->a);
	EXPECT_STREQ(NAME_CHANGE(&self->a, ALLOW | QUEUE | PRIMARY, &act, HOLDS,
				 NAME), heard(&self->watcher));
	EXPECT_STREQ(id_event("ID_REMOVE", self->a.id, 0),
		     heard(&self->watcher));
	EXPECT_STREQ("", heard(&self->watcher));
}

KDBUS_HARNESS_MAIN
