// SPDX-License-Identifier: LGPL-2.1+
/*
 * Permissions that change while SEND waits for the memory of its sender.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <linux/userfaultfd.h>

#include "policy_util.h"
#include "kdbus_harness.h"

#ifdef SYS_setresuid32
#define SETRESUID	SYS_setresuid32
#else
#define SETRESUID	SYS_setresuid
#endif

/**
 * struct slow - SEND of Bob, with a payload that takes its time
 * @c:		his connection
 * @send:	the command
 * @uffd:	reports that the payload is needed, and lets SEND wait
 * @page:	payload
 * @thread:	who sends
 * @result:	what SEND returned
 */
struct slow {
	const struct conn *c;
	struct kdbus_cmd_send *send;
	int uffd;
	void *page;
	pthread_t thread;
	int result;
};

FIXTURE(recheck) {
	struct domain domain;
	struct domain *d;
	struct conn root;	/* privileged, as is the next */
	struct conn other;
	struct conn bob;
	struct conn holder;
	struct slow slow;
};

FIXTURE_SETUP(recheck)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct slow *slow = &self->slow;

	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, policy_bus_new(self->d));
	ASSERT_EQ(0, conn_as(&self->root, self->d, "bus", 0));
	ASSERT_EQ(0, conn_as(&self->other, self->d, "bus", 0));
	ASSERT_EQ(0, conn_as(&self->bob, self->d, "bus", BOB));
	ASSERT_EQ(0, holder_new(&self->holder, self->d, NAME " w:talk"));

	slow->c = &self->bob;
	slow->page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, slow->page);
	area.range.start = PTR_TO_U64(slow->page);
	area.range.len = page_size();
	slow->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (slow->uffd < 0)
		SKIP(return, "no userfaultfd: %s", strerror(errno));
	ASSERT_EQ(0, ioctl(slow->uffd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(slow->uffd, UFFDIO_REGISTER, &area));
}

FIXTURE_TEARDOWN(recheck)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

static void *slow_run(void *arg)
{
	struct slow *slow = arg;

	/* only this thread */
	CHECK(syscall(SETRESUID, BOB, BOB, 0) == 0);
	slow->result = cmd_run(slow->c->fd, KDBUS_CMD_SEND, slow->send);
	return NULL;
}

/* Returns when the payload is being read. */
static void slow_start(struct slow *slow, struct kdbus_msg *msg)
{
	struct uffd_msg event;

	item_add_vec(msg, slow->page, 8);
	slow->send = send_new(msg);
	CHECK(pthread_create(&slow->thread, NULL, slow_run, slow) == 0);
	CHECK(read(slow->uffd, &event, sizeof(event)) == sizeof(event));
	CHECK(event.event == UFFD_EVENT_PAGEFAULT);
}

static int slow_finish(struct slow *slow)
{
	struct uffdio_zeropage zero = {
		.range = { PTR_TO_U64(slow->page), page_size() },
	};

	CHECK(ioctl(slow->uffd, UFFDIO_ZEROPAGE, &zero) == 0);
	CHECK(pthread_join(slow->thread, NULL) == 0);
	return slow->result;
}

static struct kdbus_msg *to(struct kdbus_msg *msg, const char *name)
{
	item_add_str(msg, KDBUS_ITEM_DST_NAME, name);
	return msg;
}

TEST_F(recheck, permission_goes_with_the_name)
{
	const struct conn *root = &self->root, *other = &self->other;
	struct slow *slow = &self->slow;

	ASSERT_LT(0, name_acquire(root, NAME, ALLOW));
	slow_start(slow, to(msg_new(KDBUS_DST_ID_NAME, 7), NAME));
	ASSERT_LT(0, name_acquire(other, NAME, REPLACE));
	EXPECT_EQ(0, slow_finish(slow));
	EXPECT_STREQ("message 7", heard(other));
	EXPECT_STREQ("", heard(root));
}

TEST_F(recheck, permission_of_a_call_goes_with_the_name)
{
	const struct conn *root = &self->root, *other = &self->other;
	struct slow *slow = &self->slow;

	ASSERT_LT(0, name_acquire(root, NAME, ALLOW));
	slow_start(slow, to(call_new(KDBUS_DST_ID_NAME, 7, NEVER), NAME));
	ASSERT_LT(0, name_acquire(other, NAME, REPLACE));
	EXPECT_EQ(0, slow_finish(slow));
	EXPECT_STREQ("message 7", heard(other));
	EXPECT_EQ(0, reply(other, self->bob.id, 8, 7));
	EXPECT_STREQ("message 8", heard(&self->bob));
}

TEST_F(recheck, permission_can_be_revoked)
{
	const struct conn *root = &self->root;
	struct slow *slow = &self->slow;

	ASSERT_LT(0, name_acquire(root, NAME, 0));
	slow_start(slow, msg_new(root->id, 7));
	ASSERT_EQ(0, conn_policy_update(&self->holder, NAME));
	EXPECT_EQ(-EPERM, slow_finish(slow));
	EXPECT_STREQ("", heard(root));
}

TEST_F(recheck, permission_for_a_call_can_be_revoked)
{
	const struct conn *root = &self->root;
	struct slow *slow = &self->slow;

	ASSERT_LT(0, name_acquire(root, NAME, 0));
	slow_start(slow, call_new(root->id, 7, NEVER));
	ASSERT_EQ(0, conn_policy_update(&self->holder, NAME));
	EXPECT_EQ(-EPERM, slow_finish(slow));
	EXPECT_STREQ("", heard(root));
	/* nothing is waited for */
	conn_close(&self->root);
	EXPECT_STREQ("", heard(&self->bob));
}

TEST_F(recheck, permission_goes_if_the_name_does)
{
	const struct conn *root = &self->root;
	struct slow *slow = &self->slow;

	ASSERT_LT(0, name_acquire(root, NAME, 0));
	slow_start(slow, msg_new(root->id, 7));
	ASSERT_EQ(0, name_release(root, NAME));
	EXPECT_EQ(-EPERM, slow_finish(slow));
	EXPECT_STREQ("", heard(root));
}

TEST_F(recheck, signal_has_to_be_wanted_still)
{
	struct kdbus_cmd_match remove = { .size = sizeof(remove), .cookie = 1 };
	const struct conn *root = &self->root;
	struct slow *slow = &self->slow;

	ASSERT_EQ(0, match_all(root));
	slow_start(slow, signal_new(root->id, 7));
	ASSERT_EQ(0, cmd_run(root->fd, KDBUS_CMD_MATCH_REMOVE, &remove));
	EXPECT_EQ(0, slow_finish(slow));
	EXPECT_STREQ("", heard(root));
	EXPECT_EQ(0, lost(root));
}

TEST_F(recheck, signal_goes_with_the_name)
{
	struct kdbus_cmd_match remove = { .size = sizeof(remove), .cookie = 1 };
	const struct conn *root = &self->root, *other = &self->other;
	struct slow *slow = &self->slow;

	ASSERT_LT(0, name_acquire(root, NAME, ALLOW));
	ASSERT_EQ(0, match_all(root));
	slow_start(slow, to(signal_new(KDBUS_DST_ID_NAME, 7), NAME));
	ASSERT_LT(0, name_acquire(other, NAME, REPLACE));
	ASSERT_EQ(0, match_all(other));
	ASSERT_EQ(0, cmd_run(root->fd, KDBUS_CMD_MATCH_REMOVE, &remove));
	EXPECT_EQ(0, slow_finish(slow));
	EXPECT_STREQ("message 7", heard(other));
}

/* Carol may have what Bob broadcasts because of a name that he owns. */
TEST_F(recheck, broadcast_has_to_be_allowed_still)
{
	struct slow *slow = &self->slow;
	struct conn carol;

	ASSERT_EQ(0, conn_as(&carol, self->d, "bus", CAROL));
	ASSERT_EQ(0, match_all(&carol));
	ASSERT_EQ(0, conn_policy_update(&self->holder, NAME " w:own"));
	ASSERT_LT(0, acquire_as(&self->bob, BOB, NAME));
	while (*heard(&carol))
		;
	ASSERT_EQ(0, pass(&self->bob, signal_new(BCAST, 6)));
	EXPECT_STREQ("message 6", heard(&carol));

	slow_start(slow, signal_new(BCAST, 7));
	ASSERT_EQ(0, conn_policy_update(&self->holder, NAME));
	EXPECT_EQ(0, slow_finish(slow));
	EXPECT_STREQ("", heard(&carol));
	EXPECT_EQ(0, lost(&carol));
}

KDBUS_HARNESS_MAIN
