// SPDX-License-Identifier: LGPL-2.1+
/*
 * The policy of a bus: who may own names and talk to whom by what policy holders
 * grant.
 */

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <stdlib.h>

#include "policy_util.h"
#include "kdbus_harness.h"

FIXTURE(policy) {
	struct domain domain;
	struct domain *d;
	struct conn alice;	/* owns the bus */
	struct conn bob;
	struct conn carol;
};

FIXTURE_SETUP(policy)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, policy_bus_new(self->d));
	ASSERT_EQ(0, conn_as(&self->alice, self->d, "bus", ALICE));
	ASSERT_EQ(0, conn_as(&self->bob, self->d, "bus", BOB));
	ASSERT_EQ(0, conn_as(&self->carol, self->d, "bus", CAROL));
}

FIXTURE_TEARDOWN(policy)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

#define OWNED	(PRIMARY | ACQUIRED)

/* a request for a name as that user, who gives it back if he gets it */
static int try_own(const struct conn *c, uid_t uid, const char *name)
{
	int r = acquire_as(c, uid, name);

	if (r >= 0 && (r != OWNED || name_release(c, name) < 0))
		return -EBADMSG;
	return r < 0 ? r : 0;
}

TEST_F(policy, without_one_only_the_owner_owns_names)
{
	EXPECT_EQ(0, try_own(&self->alice, ALICE, "org.a"));
	EXPECT_EQ(-EPERM, try_own(&self->bob, BOB, "org.a"));
	EXPECT_EQ(-EPERM, try_own(&self->bob, 0, "org.a"));
	/* ownership is that of who opened the endpoint */
	EXPECT_EQ(0, try_own(&self->alice, BOB, "org.a"));
}

TEST_F(policy, users_groups_and_everyone_own)
{
	struct conn holder[4];

	ASSERT_EQ(0, holder_new(&holder[0], self->d, "org.user u11002:own"));
	ASSERT_EQ(0, holder_new(&holder[1], self->d, "org.group g11009:own"));
	ASSERT_EQ(0, holder_new(&holder[2], self->d, "org.world w:own"));
	ASSERT_EQ(0, holder_new(&holder[3], self->d,
				"org.less w:talk u11002:see g0:talk"));

	EXPECT_EQ(0, try_own(&self->bob, BOB, "org.user"));
	EXPECT_EQ(-EPERM, try_own(&self->carol, CAROL, "org.user"));
	EXPECT_EQ(-EPERM, try_own(&self->bob, BOB, "org.group"));
	EXPECT_EQ(0, try_own(&self->bob, BOB, "org.world"));
	EXPECT_EQ(0, try_own(&self->carol, CAROL, "org.world"));
	EXPECT_EQ(-EPERM, try_own(&self->bob, BOB, "org.less"));
	EXPECT_EQ(-EPERM, try_own(&self->bob, BOB, "org.other"));
	EXPECT_EQ(0, try_own(&self->alice, ALICE, "org.less"));
	EXPECT_EQ(0, try_own(&self->alice, ALICE, "org.other"));
}

/* The effective gid counts, and every supplementary one; no other. */
TEST_F(policy, groups_are_effective_or_supplementary)
{
	gid_t gids[] = { STAFF + 2, 5, STAFF, 7, 9, STAFF + 1 };
	struct conn holder;
	unsigned int n;

	ASSERT_EQ(0, holder_new(&holder, self->d, "org.group g11009:own"));

	ASSERT_EQ(0, act_as_group(BOB, STAFF, 0));
	EXPECT_EQ(OWNED, name_acquire(&self->bob, "org.group", 0));
	EXPECT_EQ(0, name_release(&self->bob, "org.group"));
	ASSERT_EQ(0, act_as_root());
	ASSERT_EQ(0, act_as_group(BOB, 0, STAFF));
	EXPECT_EQ(OWNED, name_acquire(&self->bob, "org.group", 0));
	EXPECT_EQ(0, name_release(&self->bob, "org.group"));
	ASSERT_EQ(0, act_as_root());
	ASSERT_EQ(0, act_as_group(BOB, STAFF + 1, STAFF - 1));
	EXPECT_EQ(-EPERM, name_acquire(&self->bob, "org.group", 0));
	ASSERT_EQ(0, act_as_root());

	/* the real and the saved one do not */
	ASSERT_EQ(0, setresgid(STAFF, 0, STAFF));
	ASSERT_EQ(0, act_as(BOB, BOB));
	EXPECT_EQ(-EPERM, name_acquire(&self->bob, "org.group", 0));
	ASSERT_EQ(0, act_as_root());

	/* wherever it is among the others */
	for (n = 0; n <= ARRAY_SIZE(gids); n++) {
		ASSERT_EQ(0, setgroups(n, gids));
		ASSERT_EQ(0, act_as(BOB, BOB));
		EXPECT_EQ(n > 2 ? OWNED : -EPERM,
			  name_acquire(&self->bob, "org.group", 0)) {
			TH_LOG("%u groups", n);
		}
		name_release(&self->bob, "org.group");
		ASSERT_EQ(0, act_as_root());
	}
}

/* Of the task that asks, its effective uid counts; who opened does not. */
TEST_F(policy, who_owns_is_the_current_user)
{
	struct conn holder;

	ASSERT_EQ(0, holder_new(&holder, self->d, "org.a u11002:own"));
	EXPECT_EQ(-EPERM, try_own(&self->bob, CAROL, "org.a"));
	EXPECT_EQ(-EPERM, try_own(&self->bob, 0, "org.a"));
	EXPECT_EQ(0, try_own(&self->carol, BOB, "org.a"));

	ASSERT_EQ(0, act_as(CAROL, BOB));
	EXPECT_EQ(OWNED, name_acquire(&self->carol, "org.a", 0));
	ASSERT_EQ(0, name_release(&self->carol, "org.a"));
	ASSERT_EQ(0, act_as_root());
	ASSERT_EQ(0, act_as(BOB, CAROL));
	EXPECT_EQ(-EPERM, name_acquire(&self->bob, "org.a", 0));
	ASSERT_EQ(0, act_as_root());
}

/* An fd that was passed on, used by a process that became another user. */
TEST_F(policy, credentials_after_fork)
{
	struct conn holder;
	pid_t pid;

	ASSERT_EQ(0, holder_new(&holder, self->d, "org.a u11002:own"));
	pid = fork_as(CAROL, CAROL);
	if (pid == 0) {
		CHECK(name_acquire(&self->bob, "org.a", 0) == -EPERM);
		CHECK(send_cookie(&self->bob, self->carol.id, 1) == 0);
		CHECK(send_cookie(&self->bob, self->bob.id, 1) == -EPERM);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
	pid = fork_as(BOB, BOB);
	if (pid == 0) {
		CHECK(name_acquire(&self->bob, "org.a", 0) == OWNED);
		CHECK(send_cookie(&self->carol, self->carol.id, 1) == -EPERM);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
}

/* Denied names are not revealed: not whether they are owned, not the limit. */
TEST_F(policy, denial_comes_first)
{
	struct conn holder;
	unsigned int i;

	ASSERT_LT(0, name_acquire(&self->alice, "org.a", 0));
	EXPECT_EQ(-EPERM, acquire_as(&self->bob, BOB, "org.a"));
	EXPECT_EQ(-EINVAL, acquire_as(&self->bob, BOB, "org.*"));

	ASSERT_EQ(0, holder_new(&holder, self->d, "org.n.* w:own"));
	for (i = 0; i < MAX_NAMES; i++)
		ASSERT_EQ(OWNED, name_acquire(&self->bob,
					      name_number("org.n", i), 0));
	EXPECT_EQ(-EPERM, acquire_as(&self->bob, BOB, "org.other"));
	EXPECT_EQ(-E2BIG, acquire_as(&self->bob, BOB, "org.n.other"));
}

TEST_F(policy, wildcards_stand_for_one_element)
{
	struct conn holder[4];

	ASSERT_EQ(0, holder_new(&holder[0], self->d, "org.w.* w:own"));
	EXPECT_EQ(0, try_own(&self->bob, BOB, "org.w.a"));
	EXPECT_EQ(0, try_own(&self->bob, BOB, "org.w.a-b"));
	EXPECT_EQ(-EPERM, try_own(&self->bob, BOB, "org.w"));
	EXPECT_EQ(-EPERM, try_own(&self->bob, BOB, "org.w.a.b"));
	EXPECT_EQ(-EPERM, try_own(&self->bob, BOB, "org.ww.a"));
	EXPECT_EQ(-EPERM, try_own(&self->bob, BOB, "org.x.a"));

	/* an exact entry hides the wildcard, also if it grants nothing */
	ASSERT_EQ(0, holder_new(&holder[1], self->d, "org.w.a u11003:own"));
	ASSERT_EQ(0, holder_new(&holder[2], self->d, "org.w.none"));
	ASSERT_EQ(0, holder_new(&holder[3], self->d, "org.w u11002:own"));
	EXPECT_EQ(-EPERM, try_own(&self->bob, BOB, "org.w.a"));
	EXPECT_EQ(0, try_own(&self->carol, CAROL, "org.w.a"));
	EXPECT_EQ(-EPERM, try_own(&self->carol, CAROL, "org.w.none"));
	EXPECT_EQ(0, try_own(&self->carol, CAROL, "org.w.b"));
	EXPECT_EQ(0, try_own(&self->bob, BOB, "org.w"));
	EXPECT_EQ(-EPERM, try_own(&self->carol, CAROL, "org.w"));

	conn_close(&holder[1]);
	EXPECT_EQ(0, try_own(&self->bob, BOB, "org.w.a"));
}

TEST_F(policy, talk_is_granted_by_any_name_of_the_peer)
{
	struct conn holder[3];

	ASSERT_EQ(0, holder_new(&holder[0], self->d, "org.a u11002:talk"));
	ASSERT_EQ(0, holder_new(&holder[1], self->d, "org.see w:see"));
	ASSERT_EQ(0, holder_new(&holder[2], self->d, "org.own u11002:own"));

	EXPECT_EQ(-EPERM, talk_as(&self->bob, BOB, &self->alice));
	/* to see is not to talk, no policy is none */
	ASSERT_LT(0, name_acquire(&self->alice, "org.see", 0));
	ASSERT_LT(0, name_acquire(&self->alice, "org.other", 0));
	EXPECT_EQ(-EPERM, talk_as(&self->bob, BOB, &self->alice));
	EXPECT_EQ(-EPERM, talk_to_name_as(&self->bob, BOB, &self->alice,
					  "org.see"));

	/* it is the peer that is open, whatever it is addressed by */
	ASSERT_LT(0, name_acquire(&self->alice, "org.a", 0));
	EXPECT_EQ(0, talk_as(&self->bob, BOB, &self->alice));
	EXPECT_EQ(0, talk_to_name_as(&self->bob, BOB, &self->alice,
				     "org.other"));
	EXPECT_EQ(-EPERM, talk_as(&self->carol, CAROL, &self->alice));
	ASSERT_EQ(0, name_release(&self->alice, "org.a"));
	EXPECT_EQ(-EPERM, talk_as(&self->bob, BOB, &self->alice));

	/* to own is more than to talk */
	ASSERT_LT(0, name_acquire(&self->alice, "org.own", 0));
	EXPECT_EQ(0, talk_as(&self->bob, BOB, &self->alice));
}

TEST_F(policy, who_talks_is_the_current_user)
{
	struct conn holder;

	ASSERT_EQ(0, holder_new(&holder, self->d, "org.a u11002:talk"));
	ASSERT_LT(0, name_acquire(&self->alice, "org.a", 0));
	EXPECT_EQ(0, talk_as(&self->carol, BOB, &self->alice));
	EXPECT_EQ(-EPERM, talk_as(&self->bob, CAROL, &self->alice));
}

TEST_F(policy, groups_talk)
{
	struct conn holder;

	ASSERT_EQ(0, holder_new(&holder, self->d, "org.a g11009:talk"));
	ASSERT_LT(0, name_acquire(&self->alice, "org.a", 0));
	ASSERT_EQ(0, act_as_group(BOB, 1, STAFF));
	EXPECT_EQ(0, send_cookie(&self->bob, self->alice.id, 1));
	ASSERT_EQ(0, act_as_root());
	EXPECT_EQ(-EPERM, talk_as(&self->bob, BOB, &self->alice));
}

TEST_F(policy, names_that_are_waited_for_do_not_count)
{
	struct conn holder, other;

	ASSERT_EQ(0, conn_as(&other, self->d, "bus", ALICE));
	ASSERT_EQ(0, holder_new(&holder, self->d, "org.a w:talk"));
	ASSERT_LT(0, name_acquire(&other, "org.a", 0));
	ASSERT_LT(0, name_acquire(&self->alice, "org.a", QUEUE));
	EXPECT_EQ(0, talk_as(&self->bob, BOB, &other));
	EXPECT_EQ(-EPERM, talk_as(&self->bob, BOB, &self->alice));
	ASSERT_EQ(0, name_release(&other, "org.a"));
	EXPECT_EQ(-EPERM, talk_as(&self->bob, BOB, &other));
	EXPECT_EQ(0, talk_as(&self->bob, BOB, &self->alice));
}

/* A call asks like a plain message; its reply is owed and needs nothing. */
TEST_F(policy, calls_and_replies)
{
	struct conn holder;

	EXPECT_EQ(0, act_as(BOB, BOB));
	EXPECT_EQ(-EPERM, call(&self->bob, self->alice.id, 1));
	EXPECT_EQ(0, act_as_root());

	/* Bob may call Carol, and she may not talk to him */
	ASSERT_EQ(0, holder_new(&holder, self->d, "org.c u11002:talk "
						  "u11003:own"));
	ASSERT_EQ(OWNED, acquire_as(&self->carol, CAROL, "org.c"));
	ASSERT_EQ(0, act_as(BOB, BOB));
	EXPECT_EQ(0, call(&self->bob, self->carol.id, 1));
	ASSERT_EQ(0, act_as_root());
	ASSERT_EQ(0, act_as(CAROL, CAROL));
	EXPECT_EQ(-EPERM, send_cookie(&self->carol, self->bob.id, 2));
	EXPECT_EQ(0, reply(&self->carol, self->bob.id, 3, 1));
	EXPECT_EQ(-EBADSLT, reply(&self->carol, self->bob.id, 4, 1));
	ASSERT_EQ(0, act_as_root());
	EXPECT_EQ(3, receive_cookie(&self->bob));
}

/* What a receiver of signals may is the matter of who opened its endpoint. */
TEST_F(policy, signals_need_permission_of_the_receiver)
{
	struct conn holder;

	ASSERT_EQ(0, match_all(&self->bob));
	ASSERT_EQ(0, match_all(&self->carol));
	ASSERT_EQ(0, holder_new(&holder, self->d, "org.a u11002:talk"));
	while (receive_cookie(&self->bob) || receive_cookie(&self->carol))
		;
	EXPECT_STREQ("", heard(&self->bob));

	ASSERT_EQ(0, signal_to(&self->alice, BCAST, 1));
	ASSERT_EQ(0, signal_to(&self->alice, self->bob.id, 2));
	EXPECT_EQ(0, receive_cookie(&self->bob));

	ASSERT_LT(0, name_acquire(&self->alice, "org.a", 0));
	EXPECT_STREQ(NAME_ADD(&self->alice, PRIMARY, "org.a"),
		     heard(&self->bob));
	/* who sends does not matter */
	ASSERT_EQ(0, act_as(CAROL, CAROL));
	EXPECT_EQ(0, signal_to(&self->alice, BCAST, 3));
	EXPECT_EQ(0, signal_to(&self->alice, self->bob.id, 4));
	EXPECT_EQ(0, signal_to(&self->alice, self->carol.id, 5));
	ASSERT_EQ(0, act_as_root());
	EXPECT_STREQ("message 3", heard(&self->bob));
	EXPECT_STREQ("message 4", heard(&self->bob));
	EXPECT_STREQ("", heard(&self->bob));

	/* nothing for Carol but what the kernel tells everyone */
	EXPECT_STREQ(NAME_ADD(&self->alice, PRIMARY, "org.a"),
		     heard(&self->carol));
	EXPECT_STREQ("", heard(&self->carol));
}

/* to oneself as well: a signal arrives if its receiver may talk to himself */
TEST_F(policy, own_broadcast)
{
	struct conn mixed;
	int fd;

	ASSERT_EQ(0, act_as(CAROL, BOB));
	fd = open_ep(self->d, "bus");
	EXPECT_EQ(0, conn_hello(&mixed, fd, POOL_SIZE));
	ASSERT_EQ(0, act_as_root());
	ASSERT_EQ(0, match_all(&mixed));
	ASSERT_EQ(0, match_all(&self->bob));
	EXPECT_EQ(0, signal_to(&mixed, BCAST, 1));
	EXPECT_STREQ("", heard(&mixed));
	EXPECT_STREQ("", heard(&self->bob));
	EXPECT_EQ(0, signal_to(&self->bob, BCAST, 2));
	EXPECT_STREQ("message 2", heard(&self->bob));
}

TEST_F(policy, changes_take_effect_at_once)
{
	struct conn holder;

	ASSERT_LT(0, name_acquire(&self->alice, "org.a", 0));
	ASSERT_EQ(0, holder_new(&holder, self->d, "org.a"));
	EXPECT_EQ(-EPERM, talk_as(&self->bob, BOB, &self->alice));
	ASSERT_EQ(0, conn_policy_update(&holder, "org.a w:talk"));
	EXPECT_EQ(0, talk_as(&self->bob, BOB, &self->alice));
	ASSERT_EQ(0, conn_policy_update(&holder, "org.a u11003:talk"));
	EXPECT_EQ(-EPERM, talk_as(&self->bob, BOB, &self->alice));
	ASSERT_EQ(0, conn_policy_update(&holder, "org.* w:talk"));
	EXPECT_EQ(0, talk_as(&self->bob, BOB, &self->alice));
	conn_close(&holder);
	EXPECT_EQ(-EPERM, talk_as(&self->bob, BOB, &self->alice));
	/* a name that is owned stays owned */
	ASSERT_EQ(0, holder_new(&holder, self->d, "org.b u11002:own"));
	ASSERT_EQ(OWNED, acquire_as(&self->bob, BOB, "org.b"));
	conn_close(&holder);
	EXPECT_EQ(-EPERM, acquire_as(&self->bob, BOB, "org.b"));
	EXPECT_EQ(-EEXIST, name_acquire(&self->alice, "org.b", 0));
	EXPECT_EQ(0, name_release(&self->bob, "org.b"));
}

/* An activator has a policy for its name, also if it grants nothing. */
TEST_F(policy, activators_contribute)
{
	struct kdbus_cmd_hello *hello = hello_new(POOL_SIZE);
	struct conn act, holder, wildcard;
	int fd;

	ASSERT_EQ(0, holder_new(&wildcard, self->d, "org.* w:own"));
	hello->flags = KDBUS_HELLO_ACTIVATOR;
	policy_add(hello, "org.a");
	ASSERT_EQ(0, say_hello(&act, open_ep(self->d, "bus"), hello));
	EXPECT_EQ(-EEXIST, holder_new(&holder, self->d, "org.a w:own"));
	EXPECT_EQ(-EPERM, acquire_as(&self->bob, BOB, "org.a"));
	EXPECT_EQ(-EPERM, talk_to_name_as(&self->bob, BOB, &act, "org.a"));
	EXPECT_EQ(-EOPNOTSUPP, conn_policy_update(&act, "org.a w:own"));
	conn_close(&act);
	EXPECT_EQ(OWNED, acquire_as(&self->bob, BOB, "org.a"));
	ASSERT_EQ(0, name_release(&self->bob, "org.a"));

	policy_add(hello, "u11002:own u11003:talk");
	ASSERT_EQ(0, say_hello(&act, open_ep(self->d, "bus"), hello));
	EXPECT_EQ(0, talk_to_name_as(&self->carol, CAROL, &act, "org.a"));
	EXPECT_EQ(-EPERM, acquire_as(&self->carol, CAROL, "org.a"));
	EXPECT_EQ(OWNED, acquire_as(&self->bob, BOB, "org.a"));
	/* the one that the name has passed on to is open now */
	EXPECT_EQ(0, talk_to_name_as(&self->carol, CAROL, &self->bob,
				     "org.a"));
	EXPECT_EQ(0, talk_as(&self->carol, CAROL, &self->bob));
	ASSERT_EQ(0, name_release(&self->bob, "org.a"));
	conn_close(&act);

	/* who holds the policy of a name keeps activators off, too */
	ASSERT_EQ(0, holder_new(&holder, self->d, "org.a"));
	fd = open_ep(self->d, "bus");
	EXPECT_EQ(-EEXIST, say_hello(&act, fd, hello));
	/* and a wildcard is no name to activate */
	hello = hello_new(POOL_SIZE);
	hello->flags = KDBUS_HELLO_ACTIVATOR;
	policy_add(hello, "org.b.*");
	EXPECT_EQ(-EINVAL, say_hello(&act, fd, hello));
}

struct flip {
	struct conn holder;
	bool stop;
	unsigned long rounds;
	int error;
};

static void *flip(void *arg)
{
	struct flip *f = arg;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED) && !f->error) {
		f->error = conn_policy_update(&f->holder, "org.b w:talk") ?:
			   conn_policy_update(&f->holder, "org.a u11002:talk");
		f->rounds++;
	}
	return NULL;
}

/*
 * Alice owns two names, and always one of them is open. No check sees none of
 * them: a policy is replaced in one step.
 */
TEST_F(policy, replacement_is_atomic)
{
	struct flip f = { .error = 0 };
	pthread_t thread;
	unsigned int i;
	pid_t pid;

	ASSERT_EQ(0, holder_new(&f.holder, self->d, "org.a w:talk"));
	ASSERT_LT(0, name_acquire(&self->alice, "org.b", 0));
	ASSERT_LT(0, name_acquire(&self->alice, "org.a", 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, flip, &f));
	pid = fork_as(BOB, BOB);
	if (pid == 0) {
		for (i = 0; i < 3000; i++) {
			CHECK(send_cookie(&self->bob, self->alice.id, 1) == 0);
			CHECK(receive_cookie(&self->alice) == 1);
		}
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
	__atomic_store_n(&f.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, f.error);
	EXPECT_LT(0, f.rounds);
}

/* Many holders come and go in any order; what is left is what counts. */
TEST_F(policy, many_holders)
{
	enum { N = 200 };
	struct conn *holders = calloc(N, sizeof(*holders));
	char policy[32];
	unsigned int i;

	for (i = 0; i < N; i++) {
		snprintf(policy, sizeof(policy), "org.n%u %s", (i * 37) % N,
			 i % 2 ? "w:own" : "");
		ASSERT_EQ(0, holder_new(&holders[i], self->d, policy)) {
			TH_LOG("holder %u", i);
		}
	}
	for (i = 0; i < N; i++)
		if (i % 4 == 1)
			conn_close(&holders[i]);
	for (i = 0; i < N; i++) {
		snprintf(policy, sizeof(policy), "org.n%u", (i * 37) % N);
		EXPECT_EQ(i % 4 == 3 ? 0 : -EPERM,
			  try_own(&self->bob, BOB, policy)) {
			TH_LOG("holder %u", i);
		}
	}
	for (i = 0; i < N; i++)
		if (i % 4 != 1)
			conn_close(&holders[i]);
	EXPECT_EQ(-EPERM, try_own(&self->bob, BOB, "org.n111"));
	ASSERT_EQ(0, holder_new(&holders[0], self->d, "org.n111 w:own"));
	EXPECT_EQ(0, try_own(&self->bob, BOB, "org.n111"));
}

KDBUS_HARNESS_MAIN
