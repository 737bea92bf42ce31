// SPDX-License-Identifier: LGPL-2.1+
/*
 * Lets every allocation and every copy from and to user memory fail that a
 * command makes, one at a time. What must hold after each failure is in
 * fault_util.c.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fault_util.h"
#include "kselftest_harness.h"

/* so that it does not take long to find out how many are left */
#define CONNS_PER_USER	"8"

static char conns_per_user[16];

FIXTURE(fault) {
	char path[128];
};

FIXTURE_SETUP(fault)
{
	FILE *file;

	ASSERT_EQ(0, own_mounts());
	snprintf(self->path, sizeof(self->path),
		 "/sys/module/%.*s/parameters/max_conns_per_user",
		 (int)strlen(kdbus_fs_type()) - 2, kdbus_fs_type());
	file = fopen(self->path, "r+e");
	ASSERT_NE(NULL, file);
	ASSERT_NE(NULL, fgets(conns_per_user, sizeof(conns_per_user), file));
	rewind(file);
	ASSERT_LT(0, fputs(CONNS_PER_USER, file));
	ASSERT_EQ(0, fclose(file));
}

FIXTURE_TEARDOWN(fault)
{
	FILE *file = fopen(self->path, "we");

	ASSERT_NE(NULL, file);
	fputs(conns_per_user, file);
	ASSERT_EQ(0, fclose(file));
}

/*
 * FAULT(what, .call = ...) is a test that what is called fails well. Each
 * command has at least the copy of its argument.
 */
#define FAULT(_name, ...) \
	TEST_F_TIMEOUT(fault, _name, 3600) \
	{ \
		static const struct fault_case c = { \
			.name = #_name, __VA_ARGS__ \
		}; \
		EXPECT_LT(0, fault_run(&c)); \
	}

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

FAULT(free, .prepare = with_slice, .call = run_free)


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
 * Messages
 */

static int send_with(struct scene *s, __u64 flags)
{
	struct kdbus_cmd_send *cmd = send_new(s->msg);
	int r;

	cmd->flags = flags;
	r = cmd_run(s->conn[A].fd, KDBUS_CMD_SEND, cmd);
	fault_out(s, cmd, sizeof(*cmd));
	s->out[3] = 0;
	free(cmd);
	return r;
}

static int run_send(struct scene *s)
{
	return send_with(s, 0);
}

static int run_call(struct scene *s)
{
	return send_with(s, KDBUS_SEND_SYNC_REPLY);
}

/* Payload of all kinds, over the borders of pages; files, if they may be. */
static void add_items(struct scene *s, struct kdbus_msg *msg, bool files)
{
	static char bytes[2 * 4096 + 100];
	const struct kdbus_memfd memfd = {
		.size = page_size() - 1,
		.fd = s->memfd,
	};
	const int fds[] = { s->memfd, 0, s->memfd };

	s->msg = msg;
	item_add_vec(msg, bytes, sizeof(bytes));
	item_add_vec(msg, NULL, 13);
	item_add_vec(msg, "kdbus", 5);
	item_add(msg, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	if (files)
		item_add(msg, KDBUS_ITEM_FDS, fds, sizeof(fds));
}

static void plain(struct scene *s)
{
	add_items(s, msg_new(s->conn[B].id, 1), true);
}

/* too large for the stack */
static void plain_large(struct scene *s)
{
	int i;

	plain(s);
	for (i = 0; i < 20; i++)
		item_add_vec(s->msg, "kdbus", 5);
}

static void plain_to_name(struct scene *s)
{
	CHECK(acquire(&s->conn[B], 0) == 0);
	add_items(s, msg_new(KDBUS_DST_ID_NAME, 1), true);
	item_add_str(s->msg, KDBUS_ITEM_DST_NAME, FAULT_NAME);
}

static void a_call(struct scene *s)
{
	add_items(s, call_new(s->conn[B].id, 1, NEVER), true);
}

static void a_served_call(struct scene *s)
{
	a_call(s);
	fault_serve(s);
}

static void a_reply(struct scene *s)
{
	CHECK(call(&s->conn[B], s->conn[A].id, 3) == 0);
	add_items(s, reply_new(s->conn[B].id, 1, 3), true);
}

static void a_signal(struct scene *s)
{
	CHECK(match_all(&s->conn[B]) == 0);
	add_items(s, signal_new(s->conn[B].id, 1), true);
}

static void a_broadcast(struct scene *s)
{
	CHECK(match_all(&s->conn[A]) == 0);
	CHECK(match_all(&s->conn[B]) == 0);
	add_items(s, signal_new(KDBUS_DST_ID_BROADCAST, 1), false);
}

FAULT(send, .prepare = plain, .call = run_send, .flags = FAULT_LATE)
FAULT(send_large, .prepare = plain_large, .call = run_send,
      .flags = FAULT_LATE)
FAULT(send_to_name, .prepare = plain_to_name, .call = run_send,
      .flags = FAULT_LATE)
FAULT(send_metadata, .prepare = plain_to_name, .call = run_send,
      .flags = FAULT_LATE | FAULT_LESS)
FAULT(send_monitored, .prepare = plain, .call = run_send,
      .flags = FAULT_LATE | FAULT_LOSS, .monitored = true)
FAULT(send_call, .prepare = a_call, .call = run_send,
      .flags = FAULT_LATE, .capacity = CAPACITY_CALLS)
FAULT(send_call_and_wait, .prepare = a_served_call, .call = run_call,
      .flags = FAULT_LATE, .capacity = CAPACITY_CALLS)
FAULT(send_call_monitored, .prepare = a_call, .call = run_send,
      .flags = FAULT_LATE | FAULT_LOSS, .capacity = CAPACITY_CALLS,
      .monitored = true)
FAULT(send_reply, .prepare = a_reply, .call = run_send, .flags = FAULT_LATE)
FAULT(send_signal, .prepare = a_signal, .call = run_send,
      .flags = FAULT_LATE | FAULT_LOSS)
FAULT(send_broadcast, .prepare = a_broadcast, .call = run_send,
      .flags = FAULT_LATE | FAULT_LOSS)
FAULT(send_broadcast_metadata, .prepare = a_broadcast, .call = run_send,
      .flags = FAULT_LATE | FAULT_LOSS | FAULT_LESS)
FAULT(send_broadcast_monitored, .prepare = a_broadcast, .call = run_send,
      .flags = FAULT_LATE | FAULT_LOSS, .monitored = true)

/* asks what is possible, and gets an answer in three places */
static int run_negotiate(struct scene *s)
{
	__u64 types[] = { KDBUS_ITEM_FDS, KDBUS_ITEM_NAME, 0x4711 };
	struct kdbus_cmd_send *cmd;
	struct kdbus_msg *msg = msg_new(s->conn[B].id, 1);
	int r;

	msg->flags = KDBUS_FLAG_NEGOTIATE;
	item_add(msg, KDBUS_ITEM_NEGOTIATE, types, sizeof(types));
	cmd = send_new(msg);
	cmd->flags = KDBUS_FLAG_NEGOTIATE;
	item_add(cmd, KDBUS_ITEM_NEGOTIATE, types, sizeof(types));
	r = cmd_run(s->conn[A].fd, KDBUS_CMD_SEND, cmd);
	s->n_out = 4;
	s->out[0] = cmd->flags;
	s->out[1] = msg->flags;
	s->out[2] = cmd->items[0].data64[1];
	s->out[3] = msg->items[0].data64[0];
	free(msg);
	free(cmd);
	return r;
}

FAULT(send_negotiate, .call = run_negotiate)

/*
 * Receiving
 */

static void with_message(struct scene *s)
{
	add_items(s, msg_new(s->conn[A].id, 1), true);
	CHECK(msg_send(&s->conn[B], s->msg) == 0);
	CHECK(send_cookie(&s->conn[B], s->conn[A].id, 2) == 0);
}

/* The table of descriptors has to grow, which it can do without files. */
static void with_full_table(struct scene *s)
{
	int fd;

	with_message(s);
	do
		fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
	while (fd >= 0 && fd < 62);
	CHECK(fd == 62);
}

static void with_call(struct scene *s)
{
	CHECK(call(&s->conn[B], s->conn[A].id, 1) == 0);
}

/* Files are closed when the message is looked at. */
static int recv_with(struct scene *s, __u64 flags)
{
	struct kdbus_cmd_recv *recv = recv_new(flags, 0);
	int r = conn_recv(&s->conn[A], recv);
	const struct kdbus_msg *msg;

	fault_out(s, recv, sizeof(*recv));
	if (r == 0 && !flags) {
		msg = msg_at(&s->conn[A], recv->msg.offset);
		files_close(find(msg, KDBUS_ITEM_FDS));
		files_close(find(msg, KDBUS_ITEM_PAYLOAD_MEMFD));
	}
	free(recv);
	return r;
}

static int run_recv(struct scene *s)
{
	return recv_with(s, 0);
}

static int run_recv_peek(struct scene *s)
{
	return recv_with(s, KDBUS_RECV_PEEK);
}

static int run_recv_drop(struct scene *s)
{
	return recv_with(s, KDBUS_RECV_DROP);
}

static int run_recv_priority(struct scene *s)
{
	return recv_with(s, KDBUS_RECV_USE_PRIORITY);
}

FAULT(recv, .prepare = with_message, .call = run_recv, .flags = FAULT_FILES)
FAULT(recv_full_table, .prepare = with_full_table, .call = run_recv,
      .flags = FAULT_FILES)
FAULT(recv_peek, .prepare = with_message, .call = run_recv_peek)
FAULT(recv_priority, .prepare = with_message, .call = run_recv_priority)
FAULT(recv_drop, .prepare = with_call, .call = run_recv_drop,
      .flags = FAULT_LOSS)

static void __attribute__((constructor)) fault_constructor(void)
{
	kdbus_require();
	fault_require();
}

TEST_HARNESS_MAIN
