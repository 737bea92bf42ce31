// SPDX-License-Identifier: LGPL-2.1+
/*
 * Who may send to whom on a bus without policy: users to themselves, and the
 * owner of the bus and the privileged to everyone.
 */

#include <errno.h>
#include <sched.h>
#include <linux/capability.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

#define CAROL 11003

FIXTURE(talk) {
	struct domain domain;
	struct domain *d;
	struct conn root;
	struct conn alice;	/* owns the bus */
	struct conn bob;
	struct conn carol;
};

/* Acts with these ids, as far as nothing but ids counts. */
static int act_as(uid_t uid, uid_t euid)
{
	return setresuid(uid, euid, 0) < 0 ? -errno : 0;
}

static int act_as_root(void)
{
	return act_as(0, 0);
}

static int conn_new_as(struct conn *c, const struct domain *d, uid_t uid,
		       uid_t euid)
{
	int r;

	r = act_as(uid, euid) ?: conn_new(c, d, "11001-bus");
	return act_as_root() ?: r;
}

FIXTURE_SETUP(talk)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_EQ(0, act_as(ALICE, ALICE));
	ASSERT_LE(0, bus_new(self->d, "11001-bus", KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, act_as_root());
	ASSERT_EQ(0, conn_new_as(&self->root, self->d, 0, 0));
	ASSERT_EQ(0, conn_new_as(&self->alice, self->d, ALICE, ALICE));
	ASSERT_EQ(0, conn_new_as(&self->bob, self->d, BOB, BOB));
	ASSERT_EQ(0, conn_new_as(&self->carol, self->d, CAROL, CAROL));
}

FIXTURE_TEARDOWN(talk)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

/* Sends with the ids of that user; a message that was refused is nowhere. */
static int talk(const struct conn *src, uid_t uid, uid_t euid,
		const struct conn *dst)
{
	int r;

	r = act_as(uid, euid) ?: send_cookie(src, dst->id, 3);
	if (act_as_root() < 0 || (receive_cookie(dst) == 3) != (r == 0))
		return -EBADMSG;
	return r;
}

TEST_F(talk, users_talk_to_themselves)
{
	struct conn bob;

	ASSERT_EQ(0, conn_new_as(&bob, self->d, BOB, BOB));
	EXPECT_EQ(0, talk(&self->bob, BOB, BOB, &bob));
	EXPECT_EQ(0, talk(&bob, BOB, BOB, &self->bob));
	EXPECT_EQ(0, talk(&bob, BOB, BOB, &bob));

	EXPECT_EQ(-EPERM, talk(&self->bob, BOB, BOB, &self->root));
	EXPECT_EQ(-EPERM, talk(&self->bob, BOB, BOB, &self->alice));
	EXPECT_EQ(-EPERM, talk(&self->bob, BOB, BOB, &self->carol));
	EXPECT_EQ(0, talk(&self->bob, BOB, BOB, &bob));
}

TEST_F(talk, owner_and_privileged_talk_to_everyone)
{
	struct conn *all[] = {
		&self->root, &self->alice, &self->bob, &self->carol,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		EXPECT_EQ(0, talk(&self->root, 0, 0, all[i]));
		EXPECT_EQ(0, talk(&self->alice, ALICE, ALICE, all[i]));
	}
}

/* Which user sends is not a matter of who opened the endpoint ... */
TEST_F(talk, sender_is_the_current_user)
{
	EXPECT_EQ(0, talk(&self->bob, CAROL, CAROL, &self->carol));
	EXPECT_EQ(-EPERM, talk(&self->bob, CAROL, CAROL, &self->bob));
	EXPECT_EQ(0, talk(&self->bob, 0, 0, &self->root));
	EXPECT_EQ(-EPERM, talk(&self->bob, 0, 0, &self->bob));

	/* and of its ids the effective one counts */
	EXPECT_EQ(0, talk(&self->bob, CAROL, BOB, &self->bob));
	EXPECT_EQ(-EPERM, talk(&self->bob, CAROL, BOB, &self->carol));
}

/* ... but who is the owner, or privileged, is. */
TEST_F(talk, rank_is_decided_when_the_endpoint_is_opened)
{
	EXPECT_EQ(0, talk(&self->alice, BOB, BOB, &self->carol));
	EXPECT_EQ(0, talk(&self->root, BOB, BOB, &self->carol));
	EXPECT_EQ(-EPERM, talk(&self->bob, ALICE, ALICE, &self->carol));
	EXPECT_EQ(-EPERM, talk(&self->bob, 0, 0, &self->carol));
}

TEST_F(talk, privilege_is_a_capability)
{
	struct conn mighty, c;
	pid_t pid;

	ASSERT_EQ(0, conn_new(&mighty, self->d, "11001-bus"));
	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(capability_drop(CAP_IPC_OWNER) == 0);
		CHECK(conn_new(&c, self->d, "11001-bus") == 0);
		CHECK(send_cookie(&c, self->bob.id, 1) == -EPERM);
		CHECK(send_cookie(&c, self->root.id, 1) == 0);
		/* opened when it was there */
		CHECK(send_cookie(&mighty, self->bob.id, 1) == 0);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
}

/* Whoever likes is root in a user namespace, but not in that of the bus. */
TEST_F(talk, capability_in_another_namespace_does_not_count)
{
	struct conn c;
	int status;
	pid_t pid;

	pid = fork_as(BOB, BOB);
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(4);
		CHECK(conn_new(&c, self->d, "11001-bus") == 0);
		CHECK(send_cookie(&c, self->carol.id, 1) == -EPERM);
		CHECK(send_cookie(&c, self->root.id, 1) == -EPERM);
		CHECK(send_cookie(&c, self->bob.id, 1) == 0);
		_exit(0);
	}
	status = child_wait(pid);
	if (status == 4)
		SKIP(return, "users cannot make user namespaces");
	EXPECT_EQ(0, status);
}

/*
 * A program that runs for one user on behalf of another is open to neither:
 * both its ids must be those of the sender.
 */
TEST_F(talk, receiver_with_two_ids_is_open_to_none)
{
	struct conn mixed;

	ASSERT_EQ(0, conn_new_as(&mixed, self->d, CAROL, BOB));
	EXPECT_EQ(-EPERM, talk(&self->bob, BOB, BOB, &mixed));
	EXPECT_EQ(-EPERM, talk(&self->carol, CAROL, CAROL, &mixed));
	EXPECT_EQ(0, talk(&self->alice, ALICE, ALICE, &mixed));
}

/* Who may not send is told so before anything is read or queued. */
TEST_F(talk, refusal_comes_before_the_payload)
{
	struct kdbus_msg *msg = msg_new(self->carol.id, 1);
	int r;

	item_add_vec(msg, (void *)8, 16);
	ASSERT_EQ(0, act_as(BOB, BOB));
	r = msg_send(&self->bob, msg);
	EXPECT_EQ(-ENXIO, send_cookie(&self->bob, self->carol.id + 99, 1));
	ASSERT_EQ(0, act_as_root());
	EXPECT_EQ(-EPERM, r);
	EXPECT_EQ(0, receive_cookie(&self->carol));
}

KDBUS_HARNESS_MAIN
