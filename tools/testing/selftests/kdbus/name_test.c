// SPDX-License-Identifier: LGPL-2.1+
/*
 * NAME_ACQUIRE and NAME_RELEASE: who owns a name, who waits for it, what the
 * commands return and what others are told.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "name_util.h"
#include "kdbus_harness.h"

#define NAME	"org.example.a"

FIXTURE(name) {
	struct domain domain;
	struct conn watcher;	/* hears all that the kernel tells */
	struct conn a;
	struct conn b;
	struct conn c;
};

FIXTURE_SETUP(name)
{
	const struct domain *d = &self->domain;

	ASSERT_EQ(0, domain_enter(&self->domain));
	ASSERT_LE(0, bus_new(d, "0-bus", KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, conn_new(&self->watcher, d, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->a, d, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->b, d, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->c, d, "0-bus"));
	ASSERT_EQ(0, match_all(&self->watcher));
}

FIXTURE_TEARDOWN(name)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

#define HEARD(_event)	EXPECT_STREQ(_event, heard(&self->watcher))
#define SILENCE		HEARD("")

/* the name goes to @_conn that passes @_flags; it belonged to nobody */
#define TAKE(_conn, _flags) do { \
	ASSERT_EQ(((_flags) & ~REPLACE) | PRIMARY | ACQUIRED, \
		  name_acquire(_conn, NAME, _flags)); \
	HEARD(NAME_ADD(_conn, ((_flags) & ~REPLACE) | PRIMARY, NAME)); \
} while (0)

#define WAIT(_conn, _flags) do { \
	ASSERT_EQ(((_flags) & ~REPLACE) | IN_QUEUE | ACQUIRED, \
		  name_acquire(_conn, NAME, _flags)); \
	SILENCE; \
} while (0)

/* who owns and who waits, in the order of the ids */
#define LISTED(_c) listed(_c, KDBUS_LIST_NAMES | KDBUS_LIST_QUEUED)

static const char *record(const struct conn *c, __u64 flags)
{
	char *str;

	if (asprintf(&str, "%llu %s %llx; ", c->id, NAME, flags) < 0)
		abort();
	return str;
}

static const char *records(const char *first, const char *second)
{
	char *str;

	if (asprintf(&str, "%s%s", first, second) < 0)
		abort();
	return str;
}

static int acquire_bytes(const struct conn *c, const void *name, size_t size,
			 __u64 *returned)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	int r;

	cmd->flags = ALLOW | QUEUE;
	cmd->return_flags = ~0ULL;
	item_add(cmd, KDBUS_ITEM_NAME, name, size);
	r = cmd_run(c->fd, KDBUS_CMD_NAME_ACQUIRE, cmd);
	*returned = cmd->return_flags;
	free(cmd);
	return r;
}

TEST_F(name, follows_the_grammar)
{
	static const char *const bad[] = {
		"", ".", "a", "org", ".a.b", "a.b.", "a..b", "1a.b", "a.1b",
		"a.*", "*.a", "*", "a b.c", "a.b/c", "a:b.c", "a.caf\xc3\xa9",
		"a.\xc4", "a.b\n",
	};
	static const char *const good[] = {
		"a.b", "_a._b", "-a.-b", "A-9_.b-", "a.b.c.d.e.f.g.h",
	};
	__u64 returned;
	char name[258];
	unsigned int i;

	memset(name, 'n', sizeof(name));
	name[1] = '.';
	name[256] = 0;
	EXPECT_EQ(-EINVAL, acquire_bytes(&self->a, name, 257, &returned));
	EXPECT_EQ(0, returned);
	name[255] = 0;
	EXPECT_EQ(0, acquire_bytes(&self->a, name, 256, &returned));
	EXPECT_EQ(ALLOW | QUEUE | PRIMARY | ACQUIRED, returned);
	HEARD(NAME_ADD(&self->a, ALLOW | QUEUE | PRIMARY, name));

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, name_try_acquire(&self->a, bad[i],
						    ALLOW | QUEUE, &returned)) {
			TH_LOG("\"%s\"", bad[i]);
		}
		EXPECT_EQ(0, returned);
		EXPECT_EQ(-ESRCH, name_release(&self->a, bad[i]));
	}
	SILENCE;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_EQ(PRIMARY | ACQUIRED,
			  name_acquire(&self->a, good[i], 0)) {
			TH_LOG("\"%s\"", good[i]);
		}
		HEARD(NAME_ADD(&self->a, PRIMARY, good[i]));
	}
}

TEST_F(name, is_one_string)
{
	struct kdbus_cmd *cmd;
	__u64 returned;

	EXPECT_EQ(-EINVAL, acquire_bytes(&self->a, NAME, 0, &returned));
	EXPECT_EQ(-EINVAL, acquire_bytes(&self->a, NAME, 5, &returned));
	EXPECT_EQ(-EINVAL, acquire_bytes(&self->a, "a.b\0", 5, &returned));
	EXPECT_EQ(0, returned);

	cmd = object_new(sizeof(*cmd));
	EXPECT_EQ(-EINVAL, cmd_run(self->a.fd, KDBUS_CMD_NAME_ACQUIRE, cmd));
	EXPECT_EQ(-EINVAL, cmd_run(self->a.fd, KDBUS_CMD_NAME_RELEASE, cmd));
	item_add_str(cmd, KDBUS_ITEM_NAME, "org.example.b");
	item_add_str(cmd, KDBUS_ITEM_NAME, "org.example.c");
	EXPECT_EQ(-EINVAL, cmd_run(self->a.fd, KDBUS_CMD_NAME_ACQUIRE, cmd));
	EXPECT_EQ(-EINVAL, cmd_run(self->a.fd, KDBUS_CMD_NAME_RELEASE, cmd));
	SILENCE;
}

/* A connection of another user, which does not own the bus */
static int conn_new_as(struct conn *c, const struct domain *d, uid_t uid)
{
	int r;

	if (setresuid(uid, uid, 0) < 0)
		return -errno;
	r = conn_new(c, d, "0-bus");
	if (setresuid(0, 0, 0) < 0)
		return -errno;
	return r;
}

TEST_F(name, who_does_not_own_the_bus_owns_no_name)
{
	__u64 returned;
	struct conn c;
	pid_t pid;

	ASSERT_EQ(0, conn_new_as(&c, &self->domain, ALICE));
	HEARD(id_event("ID_ADD", c.id, 0));
	TAKE(&self->a, ALLOW);

	/* whether it exists or not, and whoever calls */
	EXPECT_EQ(-EPERM, name_try_acquire(&c, "org.example.b", ALLOW | QUEUE,
					   &returned));
	EXPECT_EQ(0, returned);
	EXPECT_EQ(-EPERM, name_try_acquire(&c, NAME, ALLOW, &returned));
	EXPECT_EQ(0, returned);
	EXPECT_EQ(-EPERM, name_acquire(&c, NAME, QUEUE));
	EXPECT_EQ(-EPERM, name_acquire(&c, NAME, REPLACE));
	EXPECT_EQ(-EINVAL, name_acquire(&c, "nodots", 0));
	EXPECT_EQ(-EADDRINUSE, name_release(&c, NAME));
	EXPECT_EQ(-ESRCH, name_release(&c, "org.example.b"));
	SILENCE;

	/* it is the connection that counts */
	pid = fork_as(ALICE, ALICE);
	if (pid == 0) {
		CHECK(name_acquire(&self->b, NAME, QUEUE) ==
		      (QUEUE | IN_QUEUE | ACQUIRED));
		CHECK(name_acquire(&c, "org.example.c", 0) == -EPERM);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
}

TEST_F(name, first_who_wants_it_owns_it)
{
	static const __u64 flags[] = {
		0, ALLOW, QUEUE, REPLACE, ALLOW | QUEUE, ALLOW | REPLACE,
		QUEUE | REPLACE, ALLOW | QUEUE | REPLACE,
	};
	unsigned int i;
	__u64 saved;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		saved = flags[i] & ~REPLACE;
		TAKE(&self->a, flags[i]);
		SILENCE;
		EXPECT_STREQ(record(&self->a, saved | PRIMARY),
			     LISTED(&self->b));
		EXPECT_EQ(0, name_release(&self->a, NAME));
		HEARD(NAME_REMOVE(&self->a, saved | PRIMARY, NAME));
		SILENCE;
		EXPECT_STREQ("", LISTED(&self->b));
	}
}

TEST_F(name, owner_can_change_its_flags)
{
	TAKE(&self->a, 0);
	EXPECT_EQ(-EEXIST, name_acquire(&self->b, NAME, REPLACE));

	EXPECT_EQ(ALLOW | PRIMARY,
		  name_acquire(&self->a, NAME, ALLOW | REPLACE));
	EXPECT_STREQ(record(&self->a, ALLOW | PRIMARY), LISTED(&self->b));
	EXPECT_EQ(QUEUE | PRIMARY, name_acquire(&self->a, NAME, QUEUE));
	EXPECT_STREQ(record(&self->a, QUEUE | PRIMARY), LISTED(&self->b));
	EXPECT_EQ(-EEXIST, name_acquire(&self->b, NAME, REPLACE));
	EXPECT_EQ(PRIMARY, name_acquire(&self->a, NAME, 0));
	EXPECT_STREQ(record(&self->a, PRIMARY), LISTED(&self->b));
	SILENCE;

	/* what was said last counts */
	EXPECT_EQ(ALLOW | PRIMARY, name_acquire(&self->a, NAME, ALLOW));
	EXPECT_EQ(PRIMARY | ACQUIRED, name_acquire(&self->b, NAME, REPLACE));
	HEARD(NAME_CHANGE(&self->a, ALLOW | PRIMARY, &self->b, PRIMARY, NAME));
	EXPECT_STREQ(record(&self->b, PRIMARY), LISTED(&self->b));
}

TEST_F(name, owner_that_does_not_wait_is_replaced)
{
	TAKE(&self->a, ALLOW);
	/* both sides have to want it */
	EXPECT_EQ(-EEXIST, name_acquire(&self->b, NAME, ALLOW));
	SILENCE;

	EXPECT_EQ(ALLOW | PRIMARY | ACQUIRED,
		  name_acquire(&self->b, NAME, ALLOW | REPLACE));
	HEARD(NAME_CHANGE(&self->a, ALLOW | PRIMARY, &self->b, ALLOW | PRIMARY,
			  NAME));
	SILENCE;
	EXPECT_STREQ(record(&self->b, ALLOW | PRIMARY), LISTED(&self->b));
	EXPECT_EQ(-EADDRINUSE, name_release(&self->a, NAME));
	EXPECT_EQ(0, name_release(&self->b, NAME));
	HEARD(NAME_REMOVE(&self->b, ALLOW | PRIMARY, NAME));
}

TEST_F(name, owner_that_waits_gets_the_second_place)
{
	TAKE(&self->a, ALLOW | QUEUE);
	WAIT(&self->b, QUEUE);

	/* to replace is preferred to waiting */
	EXPECT_EQ(QUEUE | PRIMARY | ACQUIRED,
		  name_acquire(&self->c, NAME, QUEUE | REPLACE));
	HEARD(NAME_CHANGE(&self->a, ALLOW | QUEUE | PRIMARY, &self->c,
			  QUEUE | PRIMARY, NAME));
	SILENCE;
	EXPECT_STREQ(records(record(&self->a, ALLOW | QUEUE | IN_QUEUE),
			     records(record(&self->b, QUEUE | IN_QUEUE),
				     record(&self->c, QUEUE | PRIMARY))),
		     LISTED(&self->a));

	/* before who waited already */
	EXPECT_EQ(0, name_release(&self->c, NAME));
	HEARD(NAME_CHANGE(&self->c, QUEUE | PRIMARY, &self->a,
			  ALLOW | QUEUE | PRIMARY, NAME));
	EXPECT_EQ(0, name_release(&self->a, NAME));
	HEARD(NAME_CHANGE(&self->a, ALLOW | QUEUE | PRIMARY, &self->b,
			  QUEUE | PRIMARY, NAME));
	EXPECT_EQ(0, name_release(&self->b, NAME));
	HEARD(NAME_REMOVE(&self->b, QUEUE | PRIMARY, NAME));
	SILENCE;
}

TEST_F(name, who_waits_can_replace)
{
	TAKE(&self->a, QUEUE);
	WAIT(&self->b, QUEUE);
	WAIT(&self->c, QUEUE | ALLOW);

	/* not until the owner allows it */
	EXPECT_EQ(QUEUE | IN_QUEUE,
		  name_acquire(&self->c, NAME, QUEUE | REPLACE));
	EXPECT_EQ(ALLOW | QUEUE | PRIMARY,
		  name_acquire(&self->a, NAME, ALLOW | QUEUE));
	SILENCE;
	EXPECT_EQ(ALLOW | PRIMARY | ACQUIRED,
		  name_acquire(&self->c, NAME, ALLOW | REPLACE));
	HEARD(NAME_CHANGE(&self->a, ALLOW | QUEUE | PRIMARY, &self->c,
			  ALLOW | PRIMARY, NAME));

	/* c does not wait, a and b do, in this order */
	EXPECT_EQ(ALLOW | QUEUE | PRIMARY | ACQUIRED,
		  name_acquire(&self->b, NAME, ALLOW | QUEUE | REPLACE));
	HEARD(NAME_CHANGE(&self->c, ALLOW | PRIMARY, &self->b,
			  ALLOW | QUEUE | PRIMARY, NAME));
	EXPECT_EQ(-EADDRINUSE, name_release(&self->c, NAME));
	EXPECT_EQ(0, name_release(&self->b, NAME));
	HEARD(NAME_CHANGE(&self->b, ALLOW | QUEUE | PRIMARY, &self->a,
			  ALLOW | QUEUE | PRIMARY, NAME));
	EXPECT_EQ(0, name_release(&self->a, NAME));
	HEARD(NAME_REMOVE(&self->a, ALLOW | QUEUE | PRIMARY, NAME));
	SILENCE;
}

TEST_F(name, queue_keeps_its_order)
{
	TAKE(&self->a, 0);
	WAIT(&self->b, QUEUE);
	WAIT(&self->c, QUEUE | ALLOW);

	/* asking again keeps the place and changes the flags */
	EXPECT_EQ(QUEUE | IN_QUEUE,
		  name_acquire(&self->c, NAME, QUEUE | REPLACE));
	EXPECT_EQ(QUEUE | ALLOW | IN_QUEUE,
		  name_acquire(&self->b, NAME, QUEUE | ALLOW));
	SILENCE;
	EXPECT_STREQ(records(record(&self->a, PRIMARY),
			     records(record(&self->b, QUEUE | ALLOW | IN_QUEUE),
				     record(&self->c, QUEUE | IN_QUEUE))),
		     LISTED(&self->a));

	EXPECT_EQ(0, name_release(&self->a, NAME));
	HEARD(NAME_CHANGE(&self->a, PRIMARY, &self->b, ALLOW | QUEUE | PRIMARY,
			  NAME));
	WAIT(&self->a, QUEUE);
	EXPECT_EQ(0, name_release(&self->b, NAME));
	HEARD(NAME_CHANGE(&self->b, ALLOW | QUEUE | PRIMARY, &self->c,
			  QUEUE | PRIMARY, NAME));
	EXPECT_EQ(0, name_release(&self->c, NAME));
	HEARD(NAME_CHANGE(&self->c, QUEUE | PRIMARY, &self->a, QUEUE | PRIMARY,
			  NAME));
	SILENCE;
}

TEST_F(name, who_does_not_wait_any_longer_leaves_the_queue)
{
	__u64 returned;

	TAKE(&self->a, 0);
	WAIT(&self->b, QUEUE);
	WAIT(&self->c, QUEUE);
	EXPECT_EQ(0, name_try_acquire(&self->b, NAME, 0, &returned));
	EXPECT_EQ(0, returned);
	EXPECT_EQ(0, name_try_acquire(&self->c, NAME, ALLOW | REPLACE,
				      &returned));
	EXPECT_EQ(ALLOW, returned);
	SILENCE;
	EXPECT_STREQ(record(&self->a, PRIMARY), LISTED(&self->a));
	EXPECT_EQ(-EADDRINUSE, name_release(&self->b, NAME));
	EXPECT_EQ(0, name_release(&self->a, NAME));
	HEARD(NAME_REMOVE(&self->a, PRIMARY, NAME));
	SILENCE;
}

TEST_F(name, of_another_is_refused)
{
	__u64 returned;

	TAKE(&self->a, QUEUE);
	EXPECT_EQ(-EEXIST, name_try_acquire(&self->b, NAME, 0, &returned));
	EXPECT_EQ(0, returned);
	EXPECT_EQ(-EEXIST, name_try_acquire(&self->b, NAME, REPLACE,
					    &returned));
	EXPECT_EQ(0, returned);
	EXPECT_EQ(-EEXIST, name_try_acquire(&self->b, NAME, ALLOW | REPLACE,
					    &returned));
	EXPECT_EQ(ALLOW, returned);
	SILENCE;
	EXPECT_STREQ(record(&self->a, QUEUE | PRIMARY), LISTED(&self->b));
}

TEST_F(name, release_needs_a_claim)
{
	EXPECT_EQ(-ESRCH, name_release(&self->a, NAME));
	TAKE(&self->a, 0);
	EXPECT_EQ(-EADDRINUSE, name_release(&self->b, NAME));
	EXPECT_EQ(-ESRCH, name_release(&self->a, NAME "b"));
	WAIT(&self->b, QUEUE);
	EXPECT_EQ(0, name_release(&self->b, NAME));
	EXPECT_EQ(-EADDRINUSE, name_release(&self->b, NAME));
	SILENCE;
	EXPECT_EQ(0, name_release(&self->a, NAME));
	HEARD(NAME_REMOVE(&self->a, PRIMARY, NAME));
	EXPECT_EQ(-ESRCH, name_release(&self->a, NAME));
	SILENCE;
}

/* Names of different buses have nothing to do with each other. */
TEST_F(name, belongs_to_its_bus)
{
	struct conn other;

	ASSERT_LE(0, bus_new(&self->domain, "0-other", 0));
	ASSERT_EQ(0, conn_new(&other, &self->domain, "0-other"));
	TAKE(&self->a, 0);
	EXPECT_EQ(-ESRCH, name_release(&other, NAME));
	EXPECT_EQ(PRIMARY | ACQUIRED, name_acquire(&other, NAME, 0));
	EXPECT_STREQ(record(&other, PRIMARY), LISTED(&other));
	EXPECT_STREQ(record(&self->a, PRIMARY), LISTED(&self->a));
	EXPECT_EQ(0, name_release(&other, NAME));
	SILENCE;
}

TEST_F(name, connection_has_at_most_256)
{
	unsigned int i;

	/* those it waits for count as well */
	for (i = 0; i < MAX_NAMES / 2; i++) {
		ASSERT_EQ(PRIMARY | ACQUIRED,
			  name_acquire(&self->a, name_number("a", i), 0));
		ASSERT_EQ(PRIMARY | ACQUIRED,
			  name_acquire(&self->b, name_number("b", i), 0));
		ASSERT_EQ(QUEUE | IN_QUEUE | ACQUIRED,
			  name_acquire(&self->a, name_number("b", i), QUEUE));
	}
	EXPECT_EQ(PRIMARY | ACQUIRED, name_acquire(&self->b, "b.more", 0));
	EXPECT_EQ(-E2BIG, name_acquire(&self->a, "a.more", 0));
	EXPECT_EQ(-E2BIG, name_acquire(&self->a, "b.more", 0));
	EXPECT_EQ(-E2BIG, name_acquire(&self->a, "b.more", QUEUE | REPLACE));
	EXPECT_EQ(-EINVAL, name_acquire(&self->a, "nodots", 0));
	EXPECT_EQ(-ESRCH, name_release(&self->a, "a.more"));

	/* those it has need no room */
	EXPECT_EQ(ALLOW | PRIMARY, name_acquire(&self->a, "a.n0", ALLOW));
	EXPECT_EQ(QUEUE | IN_QUEUE, name_acquire(&self->a, "b.n0", QUEUE));
	EXPECT_EQ(-E2BIG, name_acquire(&self->a, "a.more", 0));

	/* whatever way it loses one */
	EXPECT_EQ(0, name_acquire(&self->a, "b.n0", 0));
	EXPECT_EQ(PRIMARY | ACQUIRED, name_acquire(&self->a, "a.more1", 0));
	EXPECT_EQ(-E2BIG, name_acquire(&self->a, "a.more", 0));
	EXPECT_EQ(0, name_release(&self->a, "a.n1"));
	EXPECT_EQ(PRIMARY | ACQUIRED, name_acquire(&self->a, "a.more2", 0));
	EXPECT_EQ(-E2BIG, name_acquire(&self->a, "a.more", 0));
	EXPECT_EQ(PRIMARY | ACQUIRED, name_acquire(&self->b, "a.n0", REPLACE));
	EXPECT_EQ(PRIMARY | ACQUIRED, name_acquire(&self->a, "a.more3", 0));
	EXPECT_EQ(-E2BIG, name_acquire(&self->a, "a.more", 0));

	/* and what it gets by the end of another is no new one */
	conn_close(&self->b);
	EXPECT_EQ(QUEUE | PRIMARY, name_acquire(&self->a, "b.n1", QUEUE));
	EXPECT_EQ(-E2BIG, name_acquire(&self->a, "a.more", 0));
}

/*
 * Three names in an order that is not that of the alphabet, for one of which b
 * waits; a fourth is waited for.
 */
#define PREPARE_END do { \
	ASSERT_LT(0, name_acquire(&self->a, "org.c", 0)); \
	ASSERT_LT(0, name_acquire(&self->c, "org.d", 0)); \
	ASSERT_LT(0, name_acquire(&self->a, "org.d", QUEUE)); \
	ASSERT_LT(0, name_acquire(&self->a, "org.a", QUEUE)); \
	ASSERT_LT(0, name_acquire(&self->a, "org.b", ALLOW)); \
	ASSERT_LT(0, name_acquire(&self->b, "org.a", QUEUE)); \
	/* no new claim */ \
	ASSERT_LT(0, name_acquire(&self->a, "org.c", ALLOW)); \
	while (*heard(&self->watcher)) \
		; \
} while (0)

#define HEARD_END do { \
	HEARD(NAME_REMOVE(&self->a, ALLOW | PRIMARY, "org.c")); \
	HEARD(NAME_CHANGE(&self->a, QUEUE | PRIMARY, &self->b, \
			  QUEUE | PRIMARY, "org.a")); \
	HEARD(NAME_REMOVE(&self->a, ALLOW | PRIMARY, "org.b")); \
	HEARD(id_event("ID_REMOVE", self->a.id, 0)); \
	SILENCE; \
	EXPECT_EQ(0, name_release(&self->c, "org.d")); \
	HEARD(NAME_REMOVE(&self->c, PRIMARY, "org.d")); \
	SILENCE; \
} while (0)

TEST_F(name, close_releases_in_the_order_of_acquisition)
{
	PREPARE_END;
	conn_close(&self->a);
	HEARD_END;
}

TEST_F(name, byebye_releases_in_the_order_of_acquisition)
{
	PREPARE_END;
	ASSERT_EQ(0, conn_byebye(&self->a));
	HEARD_END;
	EXPECT_EQ(-ECONNRESET, name_acquire(&self->a, NAME, 0));
	EXPECT_EQ(-ECONNRESET, name_release(&self->a, "org.a"));
}

/* Nothing of the first owner's claim remains with the name. */
TEST_F(name, starts_anew_after_the_last_release)
{
	unsigned int i;

	for (i = 0; i < 10; i++) {
		TAKE(&self->a, ALLOW | QUEUE);
		WAIT(&self->b, QUEUE);
		EXPECT_EQ(0, name_release(&self->b, NAME));
		EXPECT_EQ(0, name_release(&self->a, NAME));
		HEARD(NAME_REMOVE(&self->a, ALLOW | QUEUE | PRIMARY, NAME));
		EXPECT_EQ(-ESRCH, name_release(&self->a, NAME));

		TAKE(&self->b, 0);
		EXPECT_EQ(-EADDRINUSE, name_release(&self->a, NAME));
		EXPECT_EQ(-EEXIST, name_acquire(&self->a, NAME, REPLACE));
		EXPECT_EQ(0, name_release(&self->b, NAME));
		HEARD(NAME_REMOVE(&self->b, PRIMARY, NAME));
	}
	SILENCE;
	EXPECT_STREQ("", LISTED(&self->a));
}

KDBUS_HARNESS_MAIN
