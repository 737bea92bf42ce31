// SPDX-License-Identifier: LGPL-2.1+
/*
 * All commands, as the tests of their arguments need them: how to run one
 * successfully, how to see that it did something, and how it can be refused.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

#include "command_util.h"

int scene_enter(struct scene *s)
{
	int r;

	s->d = &s->domain;
	r = domain_enter(s->d);
	if (r < 0)
		return r;
	s->bus = bus_new(s->d, "0-bus", 0);
	if (s->bus < 0)
		return s->bus;
	return conn_new(&s->peer, s->d, "0-bus");
}

static int connect_fd(struct scene *s)
{
	int r = conn_new(&s->conn, s->d, "0-bus");

	return r < 0 ? r : s->conn.fd;
}

static int open_control_fd(struct scene *s)
{
	return open_control(s->d);
}

static void *build_bus_make(struct scene *s __attribute__((unused)))
{
	return bus_make_new("0-new", 0);
}

static int effects_bus_make(struct scene *s)
{
	return access(path_in(s->d, "0-new"), F_OK) == 0;
}

static void *refused_bus_make(struct scene *s __attribute__((unused)))
{
	return bus_make_new("0-bus", 0);
}

static int open_endpoint_fd(struct scene *s)
{
	return open_endpoint(s->d, "0-bus");
}

static void *build_hello(struct scene *s __attribute__((unused)))
{
	return hello_new(POOL_SIZE);
}

static int effects_hello(struct scene *s)
{
	return !!(poll_now(s->fd) & POLLOUT);
}

static void *refused_hello(struct scene *s __attribute__((unused)))
{
	return hello_new(POOL_SIZE + 1);
}

static void *build_cmd(struct scene *s __attribute__((unused)))
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));

	cmd->return_flags = ~0ULL;
	return cmd;
}

static int effects_byebye(struct scene *s)
{
	return !!(poll_now(s->fd) & POLLHUP);
}

/* A message that was received, but is not free yet */
static int prepare_free(struct scene *s)
{
	int fd = connect_fd(s);

	if (fd < 0 || send_cookie(&s->conn, s->conn.id, 1) < 0)
		return -1;
	s->offset = msg_offset(&s->conn, receive(&s->conn));
	return fd;
}

static void *build_free(struct scene *s)
{
	struct kdbus_cmd_free *cmd = object_new(sizeof(*cmd));

	cmd->return_flags = ~0ULL;
	cmd->offset = s->offset;
	return cmd;
}

/* Once it is free, the next message of that size takes its place. */
static int effects_free(struct scene *s)
{
	__u64 offset;

	if (send_cookie(&s->conn, s->conn.id, 1) < 0)
		return -1;
	offset = msg_offset(&s->conn, receive(&s->conn));
	conn_free(&s->conn, offset);
	return offset == s->offset;
}

static void *refused_free(struct scene *s)
{
	struct kdbus_cmd_free *cmd = build_free(s);

	cmd->offset += 8;
	return cmd;
}

static void *build_msg(struct scene *s)
{
	struct kdbus_msg *msg = msg_new(s->peer.id, 1);

	item_add_vec(msg, "payload", 8);
	return msg;
}

static void *build_send(struct scene *s)
{
	return send_new(build_msg(s));
}

static int effects_send(struct scene *s)
{
	int n = 0;

	while (receive_cookie(&s->peer))
		n++;
	return n;
}

static void *refused_send(struct scene *s)
{
	return send_new(msg_new(s->peer.id + 1000, 1));
}

static void *refused_msg(struct scene *s)
{
	return msg_new(s->peer.id + 1000, 1);
}

static int prepare_recv(struct scene *s)
{
	int fd = connect_fd(s);

	if (fd < 0 || send_cookie(&s->conn, s->conn.id, 1) < 0)
		return -1;
	return fd;
}

static void *build_recv(struct scene *s __attribute__((unused)))
{
	return recv_new(0, 0);
}

static int effects_recv(struct scene *s)
{
	return !(poll_now(s->fd) & POLLIN);
}

static void *refused_recv(struct scene *s __attribute__((unused)))
{
	return recv_new(KDBUS_RECV_DROP | KDBUS_RECV_USE_PRIORITY, 0);
}

/* The items fill whole words. */
static void *name_new(const char *name)
{
	struct kdbus_cmd *cmd = build_cmd(NULL);

	item_add_str(cmd, KDBUS_ITEM_NAME, name);
	return cmd;
}

static void *build_name(struct scene *s __attribute__((unused)))
{
	return name_new("org.example.one");
}

static int effects_name_acquire(struct scene *s)
{
	return cmd_run(s->fd, KDBUS_CMD_NAME_RELEASE, build_name(s)) == 0;
}

static void *refused_name(struct scene *s __attribute__((unused)))
{
	return name_new("no-name");
}

static int prepare_name_release(struct scene *s)
{
	int fd = connect_fd(s);

	return cmd_run(fd, KDBUS_CMD_NAME_ACQUIRE, build_name(s)) ?: fd;
}

static int effects_name_release(struct scene *s)
{
	struct kdbus_cmd *cmd = build_name(s);

	cmd_run(s->fd, KDBUS_CMD_NAME_ACQUIRE, cmd);
	return !!(cmd->return_flags & KDBUS_NAME_ACQUIRED);
}

static void *build_list(struct scene *s __attribute__((unused)))
{
	struct kdbus_cmd_list *cmd = object_new(sizeof(*cmd));

	cmd->flags = KDBUS_LIST_UNIQUE;
	cmd->return_flags = ~0ULL;
	return cmd;
}

/* The pool fills with lists of two connections, from its beginning. */
static int effects_list(struct scene *s)
{
	int n = 0;

	while (conn_free(&s->conn, 2 * n * sizeof(struct kdbus_info)) == 0)
		n++;
	return n;
}

static void *build_endpoint_make(struct scene *s __attribute__((unused)))
{
	struct kdbus_cmd *cmd = build_cmd(NULL);

	item_add_str(cmd, KDBUS_ITEM_MAKE_NAME, "0-other");
	return cmd;
}

static int effects_endpoint_make(struct scene *s)
{
	return access(path_in(s->d, "0-bus/0-other"), F_OK) == 0;
}

static void *refused_endpoint_make(struct scene *s __attribute__((unused)))
{
	struct kdbus_cmd *cmd = build_cmd(NULL);

	item_add_str(cmd, KDBUS_ITEM_MAKE_NAME, "1-other");
	return cmd;
}

/* What the endpoint lets its connection see tells its policy. */
static int prepare_endpoint_update(struct scene *s)
{
	int r, fd = open_endpoint_fd(s);

	r = cmd_run(fd, KDBUS_CMD_ENDPOINT_MAKE, build_endpoint_make(s));
	if (r == 0)
		r = conn_hello(&s->conn, open_in(s->d, "0-bus/0-other", O_RDWR),
			       POOL_SIZE);
	if (r == 0)
		cmd_run(s->peer.fd, KDBUS_CMD_NAME_ACQUIRE,
			name_new("org.example.two"));
	return r ?: fd;
}

static void *build_endpoint_update(struct scene *s __attribute__((unused)))
{
	const struct kdbus_policy_access access = {
		.type = KDBUS_POLICY_ACCESS_WORLD,
		.access = KDBUS_POLICY_SEE,
	};
	struct kdbus_cmd *cmd = name_new("org.example.two");

	item_add(cmd, KDBUS_ITEM_POLICY_ACCESS, &access, sizeof(access));
	return cmd;
}

static int effects_endpoint_update(struct scene *s)
{
	struct kdbus_cmd_list list = {
		.size = sizeof(list),
		.flags = KDBUS_LIST_NAMES,
	};

	if (cmd_run(s->conn.fd, KDBUS_CMD_LIST, &list) < 0 ||
	    conn_free(&s->conn, list.offset) < 0 ||
	    cmd_run(s->fd, KDBUS_CMD_ENDPOINT_UPDATE, build_cmd(s)) < 0)
		return -1;
	return list.list_size > 0;
}

static void *refused_endpoint_update(struct scene *s)
{
	struct kdbus_cmd *cmd = build_endpoint_update(s);

	item_add_str(cmd, KDBUS_ITEM_NAME, "org.example.two");
	return cmd;
}

static void *update_new(__u64 mask)
{
	struct kdbus_cmd *cmd = build_cmd(NULL);

	item_add(cmd, KDBUS_ITEM_ATTACH_FLAGS_SEND, &mask, sizeof(mask));
	return cmd;
}

static void *build_update(struct scene *s __attribute__((unused)))
{
	return update_new(KDBUS_ATTACH_CREDS);
}

static struct kdbus_cmd_info *info_new(__u64 id, __u64 mask)
{
	struct kdbus_cmd_info *cmd = object_new(sizeof(*cmd));

	cmd->return_flags = ~0ULL;
	cmd->id = id;
	cmd->attach_flags = mask;
	return cmd;
}

/* What others may learn of the connection; nothing again, then. */
static int effects_update(struct scene *s)
{
	struct kdbus_cmd_info *info = info_new(s->conn.id, KDBUS_ATTACH_CREDS);

	if (cmd_run(s->peer.fd, KDBUS_CMD_CONN_INFO, info) < 0 ||
	    conn_free(&s->peer, info->offset) < 0 ||
	    cmd_run(s->fd, KDBUS_CMD_UPDATE, update_new(0)) < 0)
		return -1;
	return info->info_size > sizeof(struct kdbus_info);
}

static void *build_conn_info(struct scene *s)
{
	return info_new(s->peer.id, 0);
}

static void *refused_conn_info(struct scene *s)
{
	return info_new(s->peer.id + 1000, 0);
}

/* The pool fills with answers of that size, from its beginning. */
static int effects_info(struct scene *s, size_t size)
{
	int n = 0;

	while (conn_free(&s->conn, n * size) == 0)
		n++;
	return n;
}

static int effects_conn_info(struct scene *s)
{
	return effects_info(s, sizeof(struct kdbus_info));
}

static void *build_creator_info(struct scene *s __attribute__((unused)))
{
	return info_new(0, 0);
}

static void *refused_creator_info(struct scene *s __attribute__((unused)))
{
	return info_new(0, 1 << 14);
}

/* They have the name of the bus. */
static int effects_creator_info(struct scene *s)
{
	return effects_info(s, sizeof(struct kdbus_info) + ALIGN8(16 + 6));
}

static struct kdbus_cmd_match *match_new(__u64 cookie)
{
	struct kdbus_cmd_match *cmd = object_new(sizeof(*cmd));

	cmd->return_flags = ~0ULL;
	cmd->cookie = cookie;
	return cmd;
}

static void *build_match(struct scene *s __attribute__((unused)))
{
	return match_new(77);
}

static int effects_match_add(struct scene *s)
{
	return cmd_run(s->fd, KDBUS_CMD_MATCH_REMOVE, match_new(77)) == 0;
}

/* The masks of the bus have 64 bytes. */
static void *refused_match_add(struct scene *s __attribute__((unused)))
{
	static const __u64 mask;
	struct kdbus_cmd_match *cmd = match_new(77);

	item_add(cmd, KDBUS_ITEM_BLOOM_MASK, &mask, sizeof(mask));
	return cmd;
}

static int prepare_match_remove(struct scene *s)
{
	int fd = connect_fd(s);

	return cmd_run(fd, KDBUS_CMD_MATCH_ADD, match_new(77)) ?: fd;
}

static int effects_match_remove(struct scene *s)
{
	int r = cmd_run(s->fd, KDBUS_CMD_MATCH_REMOVE, match_new(77));

	if (cmd_run(s->fd, KDBUS_CMD_MATCH_ADD, match_new(77)) < 0)
		return -1;
	return r == -EBADSLT;
}

static void *refused_match_remove(struct scene *s __attribute__((unused)))
{
	return match_new(78);
}

const struct command commands[] = {
	{
		"BUS_MAKE", KDBUS_CMD_BUS_MAKE, 24, 0x3,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_MAKE_NAME,
		  KDBUS_ITEM_BLOOM_PARAMETER, KDBUS_ITEM_ATTACH_FLAGS_SEND },
		open_control_fd, build_bus_make, effects_bus_make,
		refused_bus_make, -EEXIST, 0,
	}, {
		"ENDPOINT_MAKE", KDBUS_CMD_ENDPOINT_MAKE, 24, 0x3,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_MAKE_NAME },
		open_endpoint_fd, build_endpoint_make, effects_endpoint_make,
		refused_endpoint_make, -EINVAL, 0,
	}, {
		"ENDPOINT_UPDATE", KDBUS_CMD_ENDPOINT_UPDATE, 24, 0,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_NAME,
		  KDBUS_ITEM_POLICY_ACCESS },
		prepare_endpoint_update, build_endpoint_update,
		effects_endpoint_update, refused_endpoint_update, -EEXIST, 0,
	}, {
		"HELLO", KDBUS_CMD_HELLO, 96, 0xf,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_CONN_DESCRIPTION,
		  KDBUS_ITEM_NAME, KDBUS_ITEM_CREDS, KDBUS_ITEM_PIDS,
		  KDBUS_ITEM_SECLABEL, KDBUS_ITEM_POLICY_ACCESS },
		open_endpoint_fd, build_hello, effects_hello,
		refused_hello, -EINVAL, 0,
	}, {
		"UPDATE", KDBUS_CMD_UPDATE, 24, 0,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_ATTACH_FLAGS_SEND,
		  KDBUS_ITEM_ATTACH_FLAGS_RECV, KDBUS_ITEM_NAME,
		  KDBUS_ITEM_POLICY_ACCESS },
		connect_fd, build_update, effects_update,
		build_name, -EOPNOTSUPP, 0,
	}, {
		"BYEBYE", KDBUS_CMD_BYEBYE, 24, 0,
		{ KDBUS_ITEM_NEGOTIATE },
		connect_fd, build_cmd, effects_byebye,
		NULL, 0, 0,
	}, {
		"FREE", KDBUS_CMD_FREE, 32, 0,
		{ KDBUS_ITEM_NEGOTIATE },
		prepare_free, build_free, effects_free,
		refused_free, -ENXIO, 0,
	}, {
		"CONN_INFO", KDBUS_CMD_CONN_INFO, 56, 0,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_NAME },
		connect_fd, build_conn_info, effects_conn_info,
		refused_conn_info, -ENXIO, 0,
	}, {
		"BUS_CREATOR_INFO", KDBUS_CMD_BUS_CREATOR_INFO, 56, 0,
		{ KDBUS_ITEM_NEGOTIATE },
		connect_fd, build_creator_info, effects_creator_info,
		refused_creator_info, -EINVAL, 0,
	}, {
		"LIST", KDBUS_CMD_LIST, 40, 0xf,
		{ KDBUS_ITEM_NEGOTIATE },
		connect_fd, build_list, effects_list,
		NULL, 0, 0,
	}, {
		"SEND", KDBUS_CMD_SEND, 56, KDBUS_SEND_SYNC_REPLY,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_CANCEL_FD },
		connect_fd, build_send, effects_send,
		refused_send, -ENXIO, 0,
	}, {
		"message", MESSAGE, 64, 0x7,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_PAYLOAD_VEC,
		  KDBUS_ITEM_PAYLOAD_MEMFD, KDBUS_ITEM_FDS,
		  KDBUS_ITEM_BLOOM_FILTER, KDBUS_ITEM_DST_NAME },
		connect_fd, build_msg, effects_send,
		refused_msg, -ENXIO, 0,
	}, {
		"RECV", KDBUS_CMD_RECV, 64, 0x7,
		{ KDBUS_ITEM_NEGOTIATE },
		prepare_recv, build_recv, effects_recv,
		refused_recv, -EINVAL, 0,
	}, {
		"NAME_ACQUIRE", KDBUS_CMD_NAME_ACQUIRE, 24, 0x7,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_NAME },
		connect_fd, build_name, effects_name_acquire,
		refused_name, -EINVAL,
		KDBUS_NAME_PRIMARY | KDBUS_NAME_ACQUIRED,
	}, {
		"NAME_RELEASE", KDBUS_CMD_NAME_RELEASE, 24, 0,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_NAME },
		prepare_name_release, build_name, effects_name_release,
		refused_name, -ESRCH, 0,
	}, {
		"MATCH_ADD", KDBUS_CMD_MATCH_ADD, 32, KDBUS_MATCH_REPLACE,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_BLOOM_MASK, KDBUS_ITEM_NAME,
		  KDBUS_ITEM_ID, KDBUS_ITEM_DST_ID, KDBUS_ITEM_NAME_ADD,
		  KDBUS_ITEM_NAME_REMOVE, KDBUS_ITEM_NAME_CHANGE,
		  KDBUS_ITEM_ID_ADD, KDBUS_ITEM_ID_REMOVE },
		connect_fd, build_match, effects_match_add,
		refused_match_add, -EDOM, 0,
	}, {
		"MATCH_REMOVE", KDBUS_CMD_MATCH_REMOVE, 32, 0,
		{ KDBUS_ITEM_NEGOTIATE },
		prepare_match_remove, build_match, effects_match_remove,
		refused_match_remove, -EBADSLT, 0,
	},
};

const unsigned int n_commands = sizeof(commands) / sizeof(commands[0]);
