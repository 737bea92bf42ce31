// SPDX-License-Identifier: LGPL-2.1+
/*
 * What the tests of names, of LIST and of notifications have in common.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "name_util.h"

static char *format(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static char *format(const char *format, ...)
{
	va_list args;
	char *str;

	va_start(args, format);
	if (vasprintf(&str, format, args) < 0)
		abort();
	va_end(args);
	return str;
}

int name_try_acquire(const struct conn *c, const char *name, __u64 flags,
		     __u64 *returned)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	int r;

	cmd->flags = flags;
	cmd->return_flags = ~0ULL;
	item_add_str(cmd, KDBUS_ITEM_NAME, name);
	r = cmd_run(c->fd, KDBUS_CMD_NAME_ACQUIRE, cmd);
	*returned = cmd->return_flags;
	/* nothing else is written */
	if (cmd->flags != flags)
		abort();
	free(cmd);
	return r;
}

int name_acquire(const struct conn *c, const char *name, __u64 flags)
{
	__u64 returned;
	int r = name_try_acquire(c, name, flags, &returned);

	return r < 0 ? r : (int)returned;
}

int name_release(const struct conn *c, const char *name)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	int r;

	cmd->return_flags = ~0ULL;
	item_add_str(cmd, KDBUS_ITEM_NAME, name);
	r = cmd_run(c->fd, KDBUS_CMD_NAME_RELEASE, cmd);
	if (cmd->return_flags != 0 && r != -ECONNRESET)
		abort();
	free(cmd);
	return r;
}

char *name_number(const char *prefix, unsigned int number)
{
	return format("%s.n%u", prefix, number);
}

struct kdbus_cmd_match *match_new(__u64 cookie)
{
	struct kdbus_cmd_match *match = object_new(sizeof(*match));

	match->cookie = cookie;
	return match;
}

int match_add(const struct conn *c, struct kdbus_cmd_match *match)
{
	int r = cmd_run(c->fd, KDBUS_CMD_MATCH_ADD, match);

	free(match);
	return r;
}

int match_remove(const struct conn *c, __u64 cookie)
{
	struct kdbus_cmd_match match = {
		.size = sizeof(match),
		.return_flags = ~0ULL,
		.cookie = cookie,
	};

	return cmd_run(c->fd, KDBUS_CMD_MATCH_REMOVE, &match);
}

int match_all(const struct conn *c)
{
	return match_add(c, match_new(1));
}

int match_sender(const struct conn *c, const struct conn *src)
{
	struct kdbus_cmd_match *match = match_new(src->id);

	item_add(match, KDBUS_ITEM_ID, &src->id, sizeof(src->id));
	return match_add(c, match);
}

const char *id_event(const char *type, __u64 id, __u64 flags)
{
	return format("%s %llu/%llx", type, id, flags);
}

const char *name_event(const char *type, __u64 old_id, __u64 old_flags,
		       __u64 new_id, __u64 new_flags, const char *name)
{
	return format("%s %llu/%llx %llu/%llx %s", type, old_id, old_flags,
		      new_id, new_flags, name);
}

static const char *told(const struct kdbus_msg *msg)
{
	static const char *const types[] = {
		"NAME_ADD", "NAME_REMOVE", "NAME_CHANGE", "ID_ADD",
		"ID_REMOVE", "REPLY_TIMEOUT", "REPLY_DEAD",
	};
	const struct kdbus_item *item = msg->items;
	__u64 nr = item->type - _KDBUS_ITEM_KERNEL_BASE;

	if (msg->src_id != KDBUS_SRC_ID_KERNEL)
		return format("message %llu", msg->cookie);
	if (nr >= sizeof(types) / sizeof(types[0]))
		return format("type %llx", item->type);
	if (item->type >= KDBUS_ITEM_REPLY_TIMEOUT)
		return format("%s %llu", types[nr], msg->cookie_reply);
	if (item->type >= KDBUS_ITEM_ID_ADD)
		return id_event(types[nr], item->id_change.id,
				item->id_change.flags);
	return name_event(types[nr], item->name_change.old_id.id,
			  item->name_change.old_id.flags,
			  item->name_change.new_id.id,
			  item->name_change.new_id.flags,
			  item->name_change.name);
}

const char *heard(const struct conn *c)
{
	const struct kdbus_msg *msg = receive(c);
	const char *str;

	if (!msg)
		return errno == EAGAIN ? "" : strerror(errno);
	str = told(msg);
	if (conn_free(c, msg_offset(c, msg)) < 0)
		abort();
	return str;
}

int list_run(const struct conn *c, __u64 flags, struct kdbus_cmd_list *list)
{
	/* the fields that only the kernel writes hold something */
	*list = (struct kdbus_cmd_list){
		.size = sizeof(*list),
		.flags = flags,
		.return_flags = ~0ULL,
		.offset = ~0ULL,
		.list_size = ~0ULL,
	};
	return cmd_run(c->fd, KDBUS_CMD_LIST, list);
}

/* one object, or NULL if it is not as it should be */
static char *object_str(const struct kdbus_info *info, size_t left)
{
	const struct kdbus_item *item = info->items;
	size_t len;

	if (left < sizeof(*info) || info->size > left || info->size % 8)
		return NULL;
	if (info->size == sizeof(*info))
		return format("%llu; ", info->id);
	if (item->type != KDBUS_ITEM_OWNED_NAME || item->size < 16 + 8 + 1 ||
	    info->size != sizeof(*info) + ALIGN8(item->size))
		return NULL;
	len = item->size - 16 - 8 - 1;
	if (strnlen(item->name.name, len + 1) != len)
		return NULL;
	return format("%llu %s %llx; ", info->id, item->name.name,
		      item->name.flags);
}

/* What an object is sorted by; ids stay small in a test. */
struct object {
	__u64 id;
	char *str;
};

#define MAX_OBJECTS	(8 * MAX_NAMES)

const char *listed(const struct conn *c, __u64 flags)
{
	static struct object objects[MAX_OBJECTS], object;
	const struct kdbus_info *info;
	struct kdbus_cmd_list list;
	size_t pos, size = 1;
	unsigned int i, n = 0;
	char *result;
	int r;

	r = list_run(c, flags, &list);
	if (r < 0)
		return strerror(-r);
	for (pos = 0; pos < list.list_size; pos += info->size) {
		info = (const void *)(c->pool + list.offset + pos);
		object.str = object_str(info, list.list_size - pos);
		if (!object.str || n == MAX_OBJECTS)
			return "not a list of objects";
		object.id = info->id;
		for (i = n++; i > 0 && objects[i - 1].id > object.id; i--)
			objects[i] = objects[i - 1];
		objects[i] = object;
		size += strlen(object.str);
	}
	if (conn_free(c, list.offset) < 0)
		return "no offset that can be freed";

	result = calloc(1, size);
	if (!result)
		abort();
	for (i = 0; i < n; i++) {
		strcat(result, objects[i].str);
		free(objects[i].str);
	}
	return result;
}

int send_to_name(const struct conn *c, __u64 dst_id, const char *name,
		 __u64 cookie)
{
	struct kdbus_msg *msg = msg_new(dst_id, cookie);
	int r;

	item_add_str(msg, KDBUS_ITEM_DST_NAME, name);
	r = msg_send(c, msg);
	free(msg);
	return r;
}
