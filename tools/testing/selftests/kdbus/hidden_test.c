// SPDX-License-Identifier: LGPL-2.1+
/*
 * What a custom endpoint hides: nothing that can be done through it tells a name
 * or a connection that may not be seen from one that does not exist.
 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "policy_util.h"
#include "kdbus_harness.h"

#define NO_ID	9999999

/*
 * Alice's endpoint shows "org.see.*" to everyone and lets everyone talk to
 * "org.talk.*". All of its connections, and those they talk to, are Bob's.
 */
FIXTURE(hidden) {
	struct domain domain;
	struct domain *d;
	int ep;
	struct conn alice;	/* owns the bus */
	struct conn c;		/* on the endpoint */
	struct conn dark;	/* owns what is hidden, and what c waits for */
	struct conn seen;	/* owns one name to be seen and one hidden */
	struct conn open;	/* owns one name to talk to and one hidden */
	struct conn holder;
};

FIXTURE_SETUP(hidden)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, policy_bus_new(self->d));
	self->ep = ep_new(self->d, "0-ep", "org.see.* w:see org.talk.* w:talk");
	ASSERT_LE(0, self->ep);
	ASSERT_EQ(0, holder_new(&self->holder, self->d, "org.see.z w:own"));
	ASSERT_EQ(0, conn_as(&self->alice, self->d, "bus", ALICE));
	ASSERT_EQ(0, conn_as(&self->c, self->d, "0-ep", 0));
	ASSERT_EQ(0, conn_as(&self->dark, self->d, "bus", 0));
	ASSERT_EQ(0, conn_as(&self->seen, self->d, "bus", 0));
	ASSERT_EQ(0, conn_as(&self->open, self->d, "bus", 0));
	ASSERT_LT(0, name_acquire(&self->dark, "org.dark", 0));
	ASSERT_LT(0, name_acquire(&self->seen, "org.see.s", 0));
	ASSERT_LT(0, name_acquire(&self->seen, "org.hidden.s", 0));
	ASSERT_LT(0, name_acquire(&self->open, "org.hidden.o", 0));
	ASSERT_LT(0, name_acquire(&self->open, "org.talk.o", 0));
	ASSERT_LT(0, name_acquire(&self->dark, "org.talk.o", QUEUE));
}

FIXTURE_TEARDOWN(hidden)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

enum kind { PLAIN, CALL, SIGNAL, SYNC };

/* a message of that kind, by id, by name or by both */
static int try_send(const struct conn *c, enum kind kind, __u64 id,
		    const char *name)
{
	struct kdbus_cmd_send *cmd;
	struct kdbus_msg *msg;
	int r;

	if (kind == PLAIN)
		msg = msg_new(id, 7);
	else if (kind == SIGNAL)
		msg = signal_new(id, 7);
	else
		msg = call_new(id, 7, 1 + (kind == SYNC ? NEVER - 1 : 0));
	if (name)
		item_add_str(msg, KDBUS_ITEM_DST_NAME, name);
	cmd = send_new(msg);
	if (kind == SYNC)
		cmd->flags = KDBUS_SEND_SYNC_REPLY;
	r = cmd_run(c->fd, KDBUS_CMD_SEND, cmd);
	free(cmd);
	free(msg);
	return r;
}

#define TRY(_id, _name)		try_send(&self->c, kind, _id, _name)

TEST_F(hidden, send_finds_only_what_can_be_seen)
{
	static const enum kind kinds[] = { PLAIN, CALL, SYNC, SIGNAL };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		const enum kind kind = kinds[i];
		int denied = kind == SIGNAL ? 0 : -EPERM;

		/* what does not exist */
		EXPECT_EQ(-ENXIO, TRY(NO_ID, NULL));
		EXPECT_EQ(-ESRCH, TRY(0, "org.none"));
		EXPECT_EQ(-ESRCH, TRY(NO_ID, "org.none"));
		EXPECT_EQ(-ESRCH, TRY(0, "org.see.none"));
		/* what is hidden: the same */
		EXPECT_EQ(-ENXIO, TRY(self->dark.id, NULL));
		EXPECT_EQ(-ENXIO, TRY(self->alice.id, NULL));
		EXPECT_EQ(-ENXIO, TRY(self->c.id, NULL));
		EXPECT_EQ(-ENXIO, TRY(self->holder.id, NULL));
		EXPECT_EQ(-ESRCH, TRY(0, "org.dark"));
		EXPECT_EQ(-ESRCH, TRY(self->dark.id, "org.dark"));
		EXPECT_EQ(-ESRCH, TRY(NO_ID, "org.dark"));
		/* a hidden name of who can be seen, or talked to */
		EXPECT_EQ(-ESRCH, TRY(0, "org.hidden.s"));
		EXPECT_EQ(-ESRCH, TRY(self->seen.id, "org.hidden.s"));
		EXPECT_EQ(-ESRCH, TRY(0, "org.hidden.o"));
		EXPECT_EQ(-ESRCH, TRY(self->open.id, "org.hidden.o"));
		/* what can be seen */
		EXPECT_EQ(denied, TRY(self->seen.id, NULL));
		EXPECT_EQ(denied, TRY(0, "org.see.s"));
		EXPECT_EQ(denied, TRY(self->seen.id, "org.see.s"));
		EXPECT_EQ(-EREMCHG, TRY(self->open.id, "org.see.s"));
		EXPECT_EQ(-EREMCHG, TRY(NO_ID, "org.see.s"));
		EXPECT_EQ(-EREMCHG, TRY(self->dark.id, "org.see.s"));
		if (kind == SYNC)
			continue;
		EXPECT_EQ(0, TRY(self->open.id, NULL));
		EXPECT_EQ(0, TRY(0, "org.talk.o"));
	}
	EXPECT_EQ(7, receive_cookie(&self->open));
	EXPECT_EQ(0, receive_cookie(&self->dark));
	EXPECT_EQ(0, receive_cookie(&self->seen));
}

/* On the default endpoint all is told, as ever. */
TEST_F(hidden, default_endpoint_hides_nothing)
{
	struct conn bob;

	ASSERT_EQ(0, conn_as(&bob, self->d, "bus", BOB));
	ASSERT_EQ(0, act_as(BOB, BOB));
	EXPECT_EQ(-EPERM, try_send(&bob, PLAIN, self->dark.id, NULL));
	EXPECT_EQ(-EPERM, try_send(&bob, PLAIN, 0, "org.dark"));
	EXPECT_EQ(-EREMCHG, try_send(&bob, PLAIN, NO_ID, "org.dark"));
	EXPECT_EQ(-EBADSLT, reply(&bob, self->dark.id, 1, 1));
	EXPECT_EQ(-EADDRINUSE, name_release(&bob, "org.dark"));
	ASSERT_EQ(0, act_as_root());
}

/* The current user counts, and who has a name that can be seen can be seen. */
TEST_F(hidden, the_current_user_sees)
{
	const enum kind kind = PLAIN;

	ASSERT_EQ(0, ep_update(self->ep, "org.dark u11002:see"));
	EXPECT_EQ(-ENXIO, TRY(self->dark.id, NULL));
	EXPECT_EQ(-ESRCH, TRY(0, "org.dark"));
	ASSERT_EQ(0, act_as(BOB, BOB));
	EXPECT_EQ(-EPERM, TRY(self->dark.id, NULL));
	EXPECT_EQ(-EPERM, TRY(0, "org.dark"));
	EXPECT_EQ(-ENXIO, TRY(self->open.id, NULL));
	ASSERT_EQ(0, act_as_root());
	ASSERT_EQ(0, name_release(&self->dark, "org.dark"));
	ASSERT_EQ(0, act_as(BOB, BOB));
	EXPECT_EQ(-ENXIO, TRY(self->dark.id, NULL));
	EXPECT_EQ(-ESRCH, TRY(0, "org.dark"));
	ASSERT_EQ(0, act_as_root());
}

/* A request shows who sent it, as long as it is open. */
TEST_F(hidden, replies_find_who_called)
{
	ASSERT_EQ(0, call(&self->dark, self->c.id, 5));
	EXPECT_EQ(-ENXIO, send_cookie(&self->c, self->dark.id, 1));
	/* no such request: nobody is there */
	EXPECT_EQ(-ENXIO, reply(&self->c, self->dark.id, 1, 4));
	EXPECT_EQ(-ENXIO, reply(&self->c, self->alice.id, 1, 5));
	EXPECT_EQ(-EBADSLT, reply(&self->c, self->seen.id, 1, 5));
	EXPECT_EQ(0, reply(&self->c, self->dark.id, 6, 5));
	EXPECT_EQ(6, receive_cookie(&self->dark));
	EXPECT_EQ(-ENXIO, reply(&self->c, self->dark.id, 6, 5));
}

static int reply_to_name(const struct conn *c, __u64 id, const char *name,
			 __u64 to)
{
	struct kdbus_msg *msg = reply_new(id, 6, to);

	item_add_str(msg, KDBUS_ITEM_DST_NAME, name);
	return pass(c, msg);
}

static int start_none(const struct conn *c, __u64 to, const char *name)
{
	struct kdbus_msg *msg = reply_new(0, 6, to);

	msg->flags = KDBUS_MSG_NO_AUTO_START;
	item_add_str(msg, KDBUS_ITEM_DST_NAME, name);
	return pass(c, msg);
}

static int activator_here(struct conn *c, const struct domain *d,
			  const char *name)
{
	struct kdbus_cmd_hello *cmd = hello_new(POOL_SIZE);

	cmd->flags = KDBUS_HELLO_ACTIVATOR;
	item_add_str(cmd, KDBUS_ITEM_NAME, name);
	return say_hello(c, open_ep(d, "bus"), cmd);
}

TEST_F(hidden, replies_to_names)
{
	struct conn act[2];
	char *expected;

	ASSERT_EQ(0, activator_here(&act[0], self->d, "org.act"));
	ASSERT_EQ(0, activator_here(&act[1], self->d, "org.see.act"));
	ASSERT_EQ(0, call(&self->dark, self->c.id, 5));
	EXPECT_EQ(-ESRCH, reply_to_name(&self->c, 0, "org.none", 5));
	EXPECT_EQ(-ESRCH, reply_to_name(&self->c, 0, "org.hidden.s", 5));
	EXPECT_EQ(-ESRCH, reply_to_name(&self->c, NO_ID, "org.dark", 5));
	EXPECT_EQ(-ESRCH, reply_to_name(&self->c, 0, "org.dark", 4));
	EXPECT_EQ(-EBADSLT, reply_to_name(&self->c, 0, "org.see.s", 5));
	EXPECT_EQ(-EREMCHG, reply_to_name(&self->c, NO_ID, "org.see.s", 5));
	/* and not whether there is an activator */
	EXPECT_EQ(-ESRCH, start_none(&self->c, 0, "org.act"));
	EXPECT_EQ(-ESRCH, start_none(&self->c, 5, "org.act"));
	EXPECT_EQ(-EADDRNOTAVAIL, start_none(&self->c, 0, "org.see.act"));
	EXPECT_EQ(-EADDRNOTAVAIL, start_none(&self->c, 5, "org.see.act"));
	EXPECT_EQ(0, reply_to_name(&self->c, 0, "org.dark", 5));
	EXPECT_EQ(6, receive_cookie(&self->dark));

	ASSERT_LT(0, asprintf(&expected, "%llu org.see.act 30; ", act[1].id));
	EXPECT_STREQ(expected, listed(&self->c, KDBUS_LIST_ACTIVATORS));
}

TEST_F(hidden, names_cannot_be_probed)
{
	EXPECT_EQ(-ESRCH, name_release(&self->c, "org.none"));
	EXPECT_EQ(-ESRCH, name_release(&self->c, "org.dark"));
	EXPECT_EQ(-ESRCH, name_release(&self->c, "org.hidden.o"));
	EXPECT_EQ(-ESRCH, name_release(&self->c, "org.see.none"));
	EXPECT_EQ(-ESRCH, name_release(&self->c, ""));
	EXPECT_EQ(-ESRCH, name_release(&self->c, "org.see.*"));
	EXPECT_EQ(-EADDRINUSE, name_release(&self->c, "org.see.s"));
	EXPECT_EQ(-EPERM, name_acquire(&self->c, "org.none", 0));
	EXPECT_EQ(-EPERM, name_acquire(&self->c, "org.dark", 0));
	EXPECT_EQ(-EPERM, name_acquire(&self->c, "org.see.s", 0));

	/* what one has one can give back, hidden or not */
	ASSERT_EQ(0, ep_update(self->ep, "org.see.z w:own"));
	EXPECT_EQ(PRIMARY | ACQUIRED, name_acquire(&self->c, "org.see.z", 0));
	ASSERT_EQ(0, ep_update(self->ep, ""));
	EXPECT_EQ(-EPERM, name_acquire(&self->c, "org.see.z", 0));
	EXPECT_EQ(0, name_release(&self->c, "org.see.z"));
	EXPECT_EQ(-ESRCH, name_release(&self->c, "org.see.z"));
}

/* LIST as that user, where %c, %d, %s and %o stand for the ids */
static bool lists(const struct conn *asks, uid_t uid, __u64 flags,
		  const char *format, const __u64 *ids)
{
	char *expected = calloc(1, 4096);
	const char *found;
	size_t n = 0;

	for (; *format; format++) {
		if (*format == '%')
			n += sprintf(expected + n, "%llu",
				     ids[strchr("cdso", *++format) - "cdso"]);
		else
			expected[n++] = *format;
	}
	if (act_as(uid, uid) < 0)
		return false;
	found = listed(asks, flags);
	if (act_as_root() < 0)
		return false;
	if (strcmp(expected, found))
		printf("# expected %s\n# found %s\n", expected, found);
	return !strcmp(expected, found);
}

#define EXPECT_LIST(_uid, _flags, _format) \
	EXPECT_TRUE(lists(&self->c, _uid, _flags, _format, ids))

TEST_F(hidden, list_shows_what_can_be_seen)
{
	const __u64 ids[] = {
		self->c.id, self->dark.id, self->seen.id, self->open.id,
	};
	const __u64 all = KDBUS_LIST_UNIQUE | KDBUS_LIST_NAMES |
			  KDBUS_LIST_QUEUED | KDBUS_LIST_ACTIVATORS;

	EXPECT_LIST(0, KDBUS_LIST_NAMES,
		    "%s org.see.s 20; %o org.talk.o 20; ");
	/* who waits for a name is not seen by it, but the name is */
	EXPECT_LIST(0, KDBUS_LIST_QUEUED, "%d org.talk.o c; ");
	/* the caller itself, and peers with a name that can be seen */
	EXPECT_LIST(0, KDBUS_LIST_UNIQUE, "%c; %s; %o; ");
	EXPECT_LIST(0, KDBUS_LIST_UNIQUE | KDBUS_LIST_NAMES,
		    "%c; %s org.see.s 20; %o org.talk.o 20; ");
	EXPECT_LIST(0, all, "%c; %d org.talk.o c; %s org.see.s 20; "
			    "%o org.talk.o 20; ");

	/* of the current user */
	ASSERT_EQ(0, ep_update(self->ep, "org.see.s u11002:see"));
	EXPECT_LIST(0, KDBUS_LIST_NAMES, "");
	EXPECT_LIST(BOB, KDBUS_LIST_NAMES, "%s org.see.s 20; ");
	EXPECT_LIST(0, KDBUS_LIST_UNIQUE, "%c; ");
	EXPECT_LIST(BOB, KDBUS_LIST_UNIQUE, "%c; %s; ");
	EXPECT_LIST(BOB, all, "%c; %s org.see.s 20; ");
	ASSERT_EQ(0, ep_update(self->ep, ""));
	EXPECT_LIST(0, all, "%c; ");
}

struct flip {
	int ep;
	bool stop;
	int error;
};

static void *flip(void *arg)
{
	struct flip *f = arg;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED) && !f->error)
		f->error = ep_update(f->ep, "org.*") ?:
			   ep_update(f->ep, "org.see.* w:see org.talk.* w:see"
					    " org.dark w:see org.hidden.* w:see");
	return NULL;
}

/* A list is all of one policy, also while that changes. */
TEST_F(hidden, list_is_of_one_moment)
{
	struct flip f = { .ep = self->ep };
	unsigned int i, none = 0, all = 0;
	pthread_t thread;
	const char *names;
	char full[1024];

	ASSERT_EQ(0, ep_update(self->ep, "org.* w:see org.see.* w:see "
			       "org.talk.* w:see org.hidden.* w:see"));
	strcpy(full, listed(&self->c, KDBUS_LIST_NAMES));
	ASSERT_NE(NULL, strstr(full, "org.hidden.s"));
	ASSERT_EQ(0, pthread_create(&thread, NULL, flip, &f));
	for (i = 0; i < 20000 && !(i >= 500 && none && all); i++) {
		names = listed(&self->c, KDBUS_LIST_NAMES);
		if (!*names)
			none++;
		else if (!strcmp(names, full))
			all++;
		else
			ASSERT_STREQ(full, names);
	}
	__atomic_store_n(&f.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, f.error);
}

/* Names change hands in silence if they are hidden; ids never are. */
TEST_F(hidden, notifications)
{
	struct conn more;

	ASSERT_EQ(0, match_all(&self->c));
	ASSERT_EQ(0, conn_as(&more, self->d, "bus", 0));
	EXPECT_STREQ(id_event("ID_ADD", more.id, 0), heard(&self->c));
	ASSERT_LT(0, name_acquire(&more, "org.more", 0));
	ASSERT_LT(0, name_acquire(&more, "org.see.more", ALLOW));
	EXPECT_STREQ(NAME_ADD(&more, PRIMARY | ALLOW, "org.see.more"),
		     heard(&self->c));
	ASSERT_LT(0, name_acquire(&self->dark, "org.see.more", REPLACE));
	EXPECT_STREQ(NAME_CHANGE(&more, PRIMARY | ALLOW, &self->dark, PRIMARY,
				 "org.see.more"), heard(&self->c));
	ASSERT_EQ(0, name_release(&self->dark, "org.see.more"));
	EXPECT_STREQ(NAME_REMOVE(&self->dark, PRIMARY, "org.see.more"),
		     heard(&self->c));
	ASSERT_EQ(0, name_release(&self->dark, "org.dark"));
	conn_close(&more);
	EXPECT_STREQ(id_event("ID_REMOVE", more.id, 0), heard(&self->c));
	EXPECT_STREQ("", heard(&self->c));

	/* to talk, or to own, is to see */
	ASSERT_EQ(0, ep_update(self->ep, "org.a w:own org.b w:talk"));
	ASSERT_LT(0, name_acquire(&self->dark, "org.a", 0));
	ASSERT_LT(0, name_acquire(&self->dark, "org.b", 0));
	EXPECT_STREQ(NAME_ADD(&self->dark, PRIMARY, "org.a"), heard(&self->c));
	EXPECT_STREQ(NAME_ADD(&self->dark, PRIMARY, "org.b"), heard(&self->c));
}

static int match_name(const struct conn *c, const char *name)
{
	struct kdbus_cmd_match *match = match_new(1);

	item_add_str(match, KDBUS_ITEM_NAME, name);
	return match_add(c, match);
}

static int match_clear(const struct conn *c)
{
	struct kdbus_cmd_match match = { .size = sizeof(match), .cookie = 1 };

	return cmd_run(c->fd, KDBUS_CMD_MATCH_REMOVE, &match);
}

/* Which signals arrive does not tell who owns a name that is hidden. */
TEST_F(hidden, matches_for_names)
{
	const __u64 to[] = { KDBUS_DST_ID_BROADCAST, self->c.id };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(to); i++) {
		/* those who may be talked to may send signals */
		ASSERT_EQ(0, match_name(&self->c, "org.talk.o"));
		ASSERT_EQ(0, try_send(&self->open, SIGNAL, to[i], NULL));
		EXPECT_EQ(7, receive_cookie(&self->c));
		ASSERT_EQ(0, match_clear(&self->c));

		ASSERT_EQ(0, match_name(&self->c, "org.hidden.o"));
		ASSERT_EQ(0, match_name(&self->c, "org.none"));
		ASSERT_EQ(0, try_send(&self->open, SIGNAL, to[i], NULL));
		EXPECT_EQ(0, receive_cookie(&self->c));

		/* until it is to be seen */
		ASSERT_EQ(0, ep_update(self->ep,
				       "org.hidden.o w:see org.talk.* w:talk"));
		ASSERT_EQ(0, try_send(&self->open, SIGNAL, to[i], NULL));
		EXPECT_EQ(7, receive_cookie(&self->c));
		ASSERT_EQ(0, match_clear(&self->c));
		ASSERT_EQ(0, ep_update(self->ep, "org.talk.* w:talk"));
	}
}

/* It is hidden from that endpoint only. */
TEST_F(hidden, matches_for_names_elsewhere)
{
	ASSERT_EQ(0, match_name(&self->alice, "org.hidden.o"));
	ASSERT_EQ(0, try_send(&self->open, SIGNAL, KDBUS_DST_ID_BROADCAST,
			      NULL));
	EXPECT_EQ(7, receive_cookie(&self->alice));
}

/* Of whom it is told counts who opened the endpoint. */
TEST_F(hidden, notifications_are_for_who_opened)
{
	struct conn bob;

	ASSERT_EQ(0, ep_update(self->ep, "org.b u11002:see"));
	ASSERT_EQ(0, conn_as(&bob, self->d, "0-ep", BOB));
	ASSERT_EQ(0, match_all(&bob));
	ASSERT_EQ(0, match_all(&self->c));
	ASSERT_LT(0, name_acquire(&self->dark, "org.b", 0));
	EXPECT_STREQ(NAME_ADD(&self->dark, PRIMARY, "org.b"), heard(&bob));
	EXPECT_STREQ("", heard(&self->c));
}

/* the names that a message tells of its sender */
static const char *names_told(const struct conn *c)
{
	const struct kdbus_msg *msg = receive(c);
	const struct kdbus_item *item;
	char *names = calloc(1, 4096);

	if (!msg)
		return "no message";
	for (item = msg->items; (__u8 *)item < (__u8 *)msg + msg->size;
	     item = item_next(item))
		if (item->type == KDBUS_ITEM_OWNED_NAME)
			strcat(strcat(names, item->name.name), "; ");
	if (conn_free(c, msg_offset(c, msg)) < 0)
		abort();
	return names;
}

TEST_F(hidden, metadata_names)
{
	struct kdbus_cmd_hello *hello = hello_new(POOL_SIZE);
	struct conn names[3];
	unsigned int i;

	/* two users of the endpoint, and one that sees all */
	hello->attach_flags_recv = KDBUS_ATTACH_NAMES;
	ASSERT_EQ(0, say_hello(&names[0], open_ep(self->d, "0-ep"), hello));
	ASSERT_EQ(0, say_hello(&names[1], open_ep(self->d, "bus"), hello));
	ASSERT_EQ(0, act_as(BOB, BOB));
	ASSERT_EQ(0, say_hello(&names[2], open_ep(self->d, "0-ep"), hello));
	ASSERT_EQ(0, act_as_root());
	ASSERT_EQ(0, ep_update(self->ep, "org.see.* w:see org.talk.* w:talk "
					 "org.hidden.o u11002:see"));

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, send_cookie(&self->open, names[i].id, 1));
	EXPECT_STREQ("org.talk.o; ", names_told(&names[0]));
	EXPECT_STREQ("org.hidden.o; org.talk.o; ", names_told(&names[1]));
	EXPECT_STREQ("org.hidden.o; org.talk.o; ", names_told(&names[2]));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, send_cookie(&self->dark, names[i].id, 1));
	EXPECT_STREQ("", names_told(&names[0]));
	EXPECT_STREQ("org.dark; ", names_told(&names[1]));
	EXPECT_STREQ("", names_told(&names[2]));

	/* one message for all of them */
	ASSERT_EQ(0, conn_policy_update(&self->holder, "org.talk.o w:talk"));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, match_all(&names[i]));
	ASSERT_EQ(0, signal_to(&self->open, BCAST, 2));
	EXPECT_STREQ("org.talk.o; ", names_told(&names[0]));
	EXPECT_STREQ("org.hidden.o; org.talk.o; ", names_told(&names[1]));
	EXPECT_STREQ("org.hidden.o; org.talk.o; ", names_told(&names[2]));
}

static struct kdbus_cmd_info *info_new(__u64 id, const char *name, __u64 mask)
{
	struct kdbus_cmd_info *cmd = object_new(sizeof(*cmd));

	cmd->id = id;
	cmd->attach_flags = mask;
	if (name)
		item_add_str(cmd, KDBUS_ITEM_NAME, name);
	return cmd;
}

/* What is told of the names of who is asked about, or the error */
static const char *asked(const struct conn *c, uid_t uid, __u64 id,
			 const char *name)
{
	struct kdbus_cmd_info *cmd = info_new(id, name, KDBUS_ATTACH_NAMES);
	int r = act_as(uid, uid) ?: cmd_run(c->fd, KDBUS_CMD_CONN_INFO, cmd);
	char *names = calloc(1, 4096);
	const struct kdbus_item *item;
	const __u8 *info;

	if (act_as_root() < 0)
		abort();
	if (r < 0)
		return strerror(-r);
	info = c->pool + cmd->offset;
	for (item = ((const struct kdbus_info *)info)->items;
	     (const __u8 *)item < info + cmd->info_size; item = item_next(item))
		strcat(strcat(names, item->name.name), "; ");
	if (conn_free(c, cmd->offset) < 0)
		abort();
	return names;
}

/* let others know the names */
static int open_up(const struct conn *c)
{
	const __u64 mask = KDBUS_ATTACH_NAMES;
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));

	item_add(cmd, KDBUS_ITEM_ATTACH_FLAGS_SEND, &mask, sizeof(mask));
	return cmd_run(c->fd, KDBUS_CMD_UPDATE, cmd);
}

#define EXPECT_ASKED(_expected, _uid, _id, _name) \
	EXPECT_STREQ(_expected, asked(&self->c, _uid, _id, _name))

TEST_F(hidden, questions)
{
	const char *enxio = strerror(ENXIO), *esrch = strerror(ESRCH);
	struct conn mon;

	/* what does not exist, and what is hidden */
	EXPECT_ASKED(enxio, 0, NO_ID, NULL);
	EXPECT_ASKED(enxio, 0, self->dark.id, NULL);
	EXPECT_ASKED(enxio, 0, self->alice.id, NULL);
	EXPECT_ASKED(enxio, 0, self->holder.id, NULL);
	EXPECT_ASKED(enxio, 0, self->c.id, NULL);
	EXPECT_ASKED(esrch, 0, 0, "org.none");
	EXPECT_ASKED(esrch, 0, 0, "org.dark");
	EXPECT_ASKED(esrch, 0, self->dark.id, "org.dark");
	EXPECT_ASKED(esrch, 0, NO_ID, "org.dark");
	EXPECT_ASKED(esrch, 0, 0, "org.hidden.s");
	EXPECT_ASKED(esrch, 0, self->open.id, "org.hidden.o");
	EXPECT_ASKED(esrch, 0, self->dark.id, "org.see.s");
	EXPECT_ASKED(esrch, 0, NO_ID, "org.see.s");

	/* of who can be seen nothing is told but what can be */
	ASSERT_EQ(0, open_up(&self->seen));
	ASSERT_EQ(0, open_up(&self->open));
	EXPECT_ASKED("org.see.s; ", 0, self->seen.id, NULL);
	EXPECT_ASKED("org.see.s; ", 0, 0, "org.see.s");
	EXPECT_ASKED("org.talk.o; ", 0, self->open.id, "org.talk.o");
	EXPECT_STREQ("org.see.s; org.hidden.s; ",
		     asked(&self->alice, ALICE, self->seen.id, NULL));

	/* to the current user */
	ASSERT_EQ(0, ep_update(self->ep, "org.dark u11002:see "
					 "org.hidden.s u11002:see"));
	ASSERT_EQ(0, open_up(&self->dark));
	EXPECT_ASKED(enxio, 0, self->dark.id, NULL);
	EXPECT_ASKED("org.dark; ", BOB, self->dark.id, NULL);
	EXPECT_ASKED("org.dark; ", BOB, 0, "org.dark");
	EXPECT_ASKED("org.hidden.s; ", BOB, self->seen.id, NULL);
	EXPECT_ASKED(esrch, BOB, 0, "org.see.s");

	/* nobody is an owner there, so nobody knows of monitors */
	ASSERT_EQ(0, hello(&mon, open_ep(self->d, "bus"), MONITOR, 0,
			   POOL_SIZE));
	EXPECT_ASKED(enxio, 0, mon.id, NULL);
	EXPECT_ASKED(enxio, ALICE, mon.id, NULL);
}

/* What a policy of the bus grants to see has no effect. */
TEST_F(hidden, only_the_endpoints_policy_shows)
{
	struct conn holder;

	ASSERT_EQ(0, holder_new(&holder, self->d, "org.dark w:see"));
	EXPECT_ASKED(strerror(ESRCH), 0, 0, "org.dark");
	ASSERT_EQ(0, conn_policy_update(&holder, "org.dark w:own"));
	EXPECT_ASKED(strerror(ESRCH), 0, 0, "org.dark");
	EXPECT_ASKED(strerror(ENXIO), 0, self->dark.id, NULL);
	EXPECT_EQ(-ESRCH, send_to_name(&self->c, 0, "org.dark", 1));
}

/* What is no matter of policy */
TEST_F(hidden, what_is_not)
{
	struct kdbus_cmd_info *cmd = info_new(0, NULL, 0);
	struct conn mon;

	EXPECT_EQ(0, cmd_run(self->c.fd, KDBUS_CMD_BUS_CREATOR_INFO, cmd));
	EXPECT_EQ(0, conn_free(&self->c, cmd->offset));

	/* how calls end, and what monitors see */
	ASSERT_EQ(0, hello(&mon, open_ep(self->d, "bus"), MONITOR, 0,
			   POOL_SIZE));
	ASSERT_EQ(0, call(&self->c, self->open.id, 3));
	EXPECT_STREQ("message 3", heard(&mon));
	ASSERT_EQ(0, ep_update(self->ep, ""));
	conn_close(&self->open);
	EXPECT_STREQ("REPLY_DEAD 3", heard(&self->c));
	EXPECT_STREQ("", heard(&self->c));
}

KDBUS_HARNESS_MAIN
