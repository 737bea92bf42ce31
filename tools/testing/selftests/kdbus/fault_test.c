// SPDX-License-Identifier: LGPL-2.1+
/*
 * Lets every allocation and every copy from and to user memory fail that a
 * command makes, one at a time. What must hold after each failure is in
 * fault_util.c. Messages are in fault_message_test.c.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fault_fixture.h"

/*
 * File system
 */

static int mount_again(struct scene *s)
{
	struct domain d;
	int r = domain_mount(&d, 0, NULL);

	(void)s;
	return r < 0 ? r : domain_umount(&d);
}

static int open_again(struct scene *s)
{
	int fd = open_endpoint(&s->d, "0-bus");

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

FAULT(mount, .call = mount_again)
FAULT(open, .call = open_again)

/*
 * Commands on their own
 */

static void with_control(struct scene *s)
{
	s->fresh = open_control(&s->d);
}

static void with_endpoint(struct scene *s)
{
	s->fresh = open_endpoint(&s->d, "0-bus");
}

static int run_bus_make(struct scene *s)
{
	struct kdbus_cmd *cmd = bus_make_new("0-other",
					     KDBUS_MAKE_ACCESS_WORLD);
	__u64 all = _KDBUS_ATTACH_ANY;
	int r;

	item_add(cmd, KDBUS_ITEM_ATTACH_FLAGS_SEND, &all, sizeof(all));
	r = cmd_run(s->fresh, KDBUS_CMD_BUS_MAKE, cmd);
	free(cmd);
	return r;
}

FAULT(bus_make, .prepare = with_control, .call = run_bus_make,
      .capacity = CAPACITY_BUSES)

static void add_policy(void *cmd, const char *name, __u64 access)
{
	struct kdbus_policy_access world = {
		.type = KDBUS_POLICY_ACCESS_WORLD,
		.access = access,
	};
	struct kdbus_policy_access user = {
		.type = KDBUS_POLICY_ACCESS_USER,
		.access = KDBUS_POLICY_OWN,
		.id = ALICE,
	};

	item_add_str(cmd, KDBUS_ITEM_NAME, name);
	item_add(cmd, KDBUS_ITEM_POLICY_ACCESS, &world, sizeof(world));
	item_add(cmd, KDBUS_ITEM_POLICY_ACCESS, &user, sizeof(user));
}

static int run_hello_as(struct scene *s, __u64 flags)
{
	struct kdbus_cmd_hello *cmd = hello_new(FAULT_POOL);
	int r;

	cmd->flags = flags;
	item_add_str(cmd, KDBUS_ITEM_CONN_DESCRIPTION, "fault");
	if (flags & KDBUS_HELLO_ACTIVATOR)
		item_add_str(cmd, KDBUS_ITEM_NAME, FAULT_NAME);
	if (flags & KDBUS_HELLO_POLICY_HOLDER)
		add_policy(cmd, FAULT_NAME, KDBUS_POLICY_TALK);
	r = cmd_run(s->fresh, KDBUS_CMD_HELLO, cmd);
	cmd->id = 0;
	fault_out(s, cmd, offsetof(struct kdbus_cmd_hello, id128));
	free(cmd);
	return r;
}

static int run_hello(struct scene *s)
{
	return run_hello_as(s, KDBUS_HELLO_ACCEPT_FD);
}

static int run_hello_monitor(struct scene *s)
{
	return run_hello_as(s, KDBUS_HELLO_MONITOR);
}

FAULT(hello, .prepare = with_endpoint, .call = run_hello,
      .flags = FAULT_LOSS, .capacity = CAPACITY_CONNS, .takes_id = true)
FAULT(hello_monitor, .prepare = with_endpoint, .call = run_hello_monitor,
      .capacity = CAPACITY_CONNS, .takes_id = true)

static int run_endpoint_make(struct scene *s)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	int r;

	cmd->flags = KDBUS_MAKE_ACCESS_WORLD;
	item_add_str(cmd, KDBUS_ITEM_MAKE_NAME, "0-extra");
	r = cmd_run(s->fresh, KDBUS_CMD_ENDPOINT_MAKE, cmd);
	free(cmd);
	return r;
}

static void with_own_endpoint(struct scene *s)
{
	with_endpoint(s);
	CHECK(run_endpoint_make(s) == 0);
}

static int run_endpoint_update(struct scene *s)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	int r;

	add_policy(cmd, FAULT_NAME, KDBUS_POLICY_SEE);
	add_policy(cmd, "org.example.*", KDBUS_POLICY_TALK);
	r = cmd_run(s->fresh, KDBUS_CMD_ENDPOINT_UPDATE, cmd);
	free(cmd);
	return r;
}

FAULT(endpoint_make, .prepare = with_endpoint, .call = run_endpoint_make)
FAULT(endpoint_update, .prepare = with_own_endpoint,
      .call = run_endpoint_update)

static int run_hello_activator(struct scene *s)
{
	return run_hello_as(s, KDBUS_HELLO_ACTIVATOR);
}

static int run_hello_holder(struct scene *s)
{
	return run_hello_as(s, KDBUS_HELLO_POLICY_HOLDER);
}

FAULT(hello_activator, .prepare = with_endpoint, .call = run_hello_activator,
      .flags = FAULT_LOSS, .capacity = CAPACITY_CONNS, .takes_id = true)
FAULT(hello_policy_holder, .prepare = with_endpoint, .call = run_hello_holder,
      .flags = FAULT_LOSS, .capacity = CAPACITY_CONNS, .takes_id = true)

static int run_update(struct scene *s)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	__u64 all = _KDBUS_ATTACH_ANY;
	int r;

	item_add(cmd, KDBUS_ITEM_ATTACH_FLAGS_SEND, &all, sizeof(all));
	item_add(cmd, KDBUS_ITEM_ATTACH_FLAGS_RECV, &all, sizeof(all));
	r = cmd_run(s->conn[A].fd, KDBUS_CMD_UPDATE, cmd);
	free(cmd);
	return r;
}

static void with_holder(struct scene *s)
{
	with_endpoint(s);
	CHECK(run_hello_holder(s) == 0);
}

static int run_update_policy(struct scene *s)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	int r;

	add_policy(cmd, FAULT_NAME, KDBUS_POLICY_SEE);
	r = cmd_run(s->fresh, KDBUS_CMD_UPDATE, cmd);
	free(cmd);
	return r;
}

FAULT(update, .call = run_update)
FAULT(update_policy, .prepare = with_holder, .call = run_update_policy)

static int run_byebye(struct scene *s)
{
	return conn_byebye(&s->conn[A]);
}

static void busy(struct scene *s)
{
	CHECK(name_acquire(&s->conn[A], FAULT_NAME, 0) >= 0);
	CHECK(name_acquire(&s->conn[A], "org.example.second", 0) >= 0);
	CHECK(name_acquire(&s->conn[B], FAULT_NAME, QUEUE) >= 0);
	CHECK(match_all(&s->conn[A]) == 0);
	CHECK(call(&s->conn[A], s->conn[B].id, 1) == 0);
	CHECK(call(&s->conn[B], s->conn[A].id, 2) == 0);
}

/* Nothing is to be received, else it fails. */
static void busy_but_empty(struct scene *s)
{
	busy(s);
	CHECK(receive_cookie(&s->conn[A]) == 2);
}

FAULT(byebye, .prepare = busy_but_empty, .call = run_byebye,
      .flags = FAULT_LOSS)

/* The end of a connection works in any case. */
static int run_close(struct scene *s)
{
	conn_close(&s->conn[A]);
	return 0;
}

FAULT(close, .prepare = busy, .call = run_close, .flags = FAULT_LOSS)

static void with_slice(struct scene *s)
{
	const struct kdbus_msg *msg;

	CHECK(send_cookie(&s->conn[B], s->conn[A].id, 1) == 0);
	msg = receive(&s->conn[A]);
	CHECK(msg);
	s->out[0] = msg_offset(&s->conn[A], msg);
}

static int run_free(struct scene *s)
{
	return conn_free(&s->conn[A], s->out[0]);
}

FAULT_FIXED(free, .prepare = with_slice, .call = run_free)


static int run_list(struct scene *s)
{
	struct kdbus_cmd_list list;
	int r = list_run(&s->conn[A], KDBUS_LIST_UNIQUE | KDBUS_LIST_NAMES |
			 KDBUS_LIST_QUEUED, &list);

	fault_out(s, &list, sizeof(list));
	return r;
}

FAULT(list, .prepare = busy, .call = run_list)

/*
 * Names
 */

static int acquire(const struct conn *c, __u64 flags)
{
	int r = name_acquire(c, FAULT_NAME, flags);

	return r < 0 ? r : 0;
}

static int run_name_acquire(struct scene *s)
{
	return acquire(&s->conn[A], ALLOW);
}

static void name_taken(struct scene *s)
{
	CHECK(acquire(&s->conn[B], ALLOW | QUEUE) == 0);
}

static int run_name_queue(struct scene *s)
{
	return acquire(&s->conn[A], QUEUE);
}

static int run_name_replace(struct scene *s)
{
	return acquire(&s->conn[A], REPLACE);
}

static int run_name_release(struct scene *s)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	int r;

	item_add_str(cmd, KDBUS_ITEM_NAME, FAULT_NAME);
	r = cmd_run(s->conn[A].fd, KDBUS_CMD_NAME_RELEASE, cmd);
	free(cmd);
	return r;
}

static void name_wanted(struct scene *s)
{
	CHECK(acquire(&s->conn[A], 0) == 0);
	CHECK(acquire(&s->conn[B], QUEUE) == 0);
}

/* Messages move to who acquires the name, and back. */
static void name_activated(struct scene *s)
{
	int i;

	with_endpoint(s);
	CHECK(run_hello_activator(s) == 0);
	for (i = 1; i < 4; i++)
		CHECK(send_to_name(&s->conn[B], 0, FAULT_NAME, i) == 0);
}

static void name_to_give_back(struct scene *s)
{
	name_activated(s);
	CHECK(acquire(&s->conn[A], 0) == 0);
}

FAULT(name_acquire_activated, .prepare = name_activated,
      .call = run_name_acquire, .flags = FAULT_LATE | FAULT_LOSS)
FAULT(name_release_activated, .prepare = name_to_give_back,
      .call = run_name_release, .flags = FAULT_LOSS)
FAULT(name_acquire, .call = run_name_acquire, .capacity = CAPACITY_NAMES,
      .flags = FAULT_LATE | FAULT_LOSS)
FAULT(name_acquire_queue, .prepare = name_taken, .call = run_name_queue,
      .flags = FAULT_LATE, .capacity = CAPACITY_NAMES)
FAULT(name_acquire_replace, .prepare = name_taken, .call = run_name_replace,
      .flags = FAULT_LATE | FAULT_LOSS)
FAULT(name_release, .prepare = name_wanted, .call = run_name_release,
      .flags = FAULT_LOSS, .capacity = CAPACITY_NAMES)

/*
 * Matches
 */

static struct kdbus_cmd_match *rules_new(__u64 cookie)
{
	static const __u64 mask[2 * 8];
	struct kdbus_cmd_match *match = match_new(cookie);
	struct {
		struct kdbus_notify_name_change change;
		char name[sizeof(FAULT_NAME)];
	} change = {
		.change = { { ~0ULL, 0 }, { ~0ULL, 0 } },
		.name = FAULT_NAME,
	};
	__u64 any[2] = { KDBUS_MATCH_ID_ANY };

	item_add(match, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
	item_add_str(match, KDBUS_ITEM_NAME, FAULT_NAME);
	item_add(match, KDBUS_ITEM_ID, any, 8);
	item_add(match, KDBUS_ITEM_DST_ID, any, 8);
	item_add(match, KDBUS_ITEM_ID_ADD, any, 16);
	item_add(match, KDBUS_ITEM_ID_REMOVE, any, 16);
	item_add(match, KDBUS_ITEM_NAME_CHANGE, &change,
		 offsetof(typeof(change), name) + sizeof(change.name));
	return match;
}

static int run_match_add(struct scene *s)
{
	return match_add(&s->conn[A], rules_new(7));
}

static void with_matches(struct scene *s)
{
	CHECK(match_add(&s->conn[A], rules_new(7)) == 0);
	CHECK(match_add(&s->conn[A], rules_new(8)) == 0);
}

static int run_match_replace(struct scene *s)
{
	struct kdbus_cmd_match *match = rules_new(7);

	match->flags = KDBUS_MATCH_REPLACE;
	return match_add(&s->conn[A], match);
}

static int run_match_remove(struct scene *s)
{
	struct kdbus_cmd_match *match = match_new(7);
	int r = cmd_run(s->conn[A].fd, KDBUS_CMD_MATCH_REMOVE, match);

	free(match);
	return r;
}

FAULT(match_add, .call = run_match_add, .capacity = CAPACITY_MATCHES)
FAULT(match_add_replace, .prepare = with_matches, .call = run_match_replace,
      .capacity = CAPACITY_MATCHES)
FAULT(match_remove, .prepare = with_matches, .call = run_match_remove,
      .capacity = CAPACITY_MATCHES)

/*
 * Questions
 */

/* What was told is compared as well: its size, and the types of its items. */
static int ask(struct scene *s, unsigned int nr, __u64 id, const char *name)
{
	struct kdbus_cmd_info *cmd = object_new(sizeof(*cmd));
	const struct conn *a = &s->conn[A];
	const struct kdbus_info *info;
	const struct kdbus_item *item;
	__u64 told[3] = {};
	int r;

	cmd->id = id;
	cmd->attach_flags = _KDBUS_ATTACH_ANY;
	if (name)
		item_add_str(cmd, KDBUS_ITEM_NAME, name);
	r = cmd_run(a->fd, nr, cmd);
	if (r == 0) {
		info = (const void *)(a->pool + cmd->offset);
		for (item = info->items;
		     (const __u8 *)item < (const __u8 *)info + info->size;
		     item = item_next(item))
			told[2] = told[2] * 31 + item->type;
		told[0] = cmd->offset;
		told[1] = info->id;
		fault_out(s, told, sizeof(told));
	}
	free(cmd);
	return r;
}

static int run_conn_info(struct scene *s)
{
	return ask(s, KDBUS_CMD_CONN_INFO, s->conn[B].id, NULL);
}

static int run_conn_info_name(struct scene *s)
{
	return ask(s, KDBUS_CMD_CONN_INFO, 0, FAULT_NAME);
}

static int run_creator_info(struct scene *s)
{
	return ask(s, KDBUS_CMD_BUS_CREATOR_INFO, 0, NULL);
}

FAULT(conn_info, .prepare = busy_but_empty, .call = run_conn_info)
FAULT(conn_info_name, .prepare = name_taken, .call = run_conn_info_name)
FAULT(bus_creator_info, .call = run_creator_info)

FAULT_HARNESS_MAIN
