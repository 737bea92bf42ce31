// SPDX-License-Identifier: LGPL-2.1+
/*
 * What the tests of activators have in common.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "activator_util.h"

struct kdbus_cmd_hello *activator_hello(const char *name, __u64 flags,
					size_t pool_size)
{
	struct kdbus_cmd_hello *cmd = hello_new(pool_size);

	cmd->flags = flags;
	if (name)
		item_add_str(cmd, KDBUS_ITEM_NAME, name);
	return cmd;
}

int activator_finish(struct conn *c, int fd, struct kdbus_cmd_hello *cmd)
{
	int r = fd < 0 ? fd : cmd_run(fd, KDBUS_CMD_HELLO, cmd);

	if (r < 0) {
		close(fd);
		return r;
	}
	c->fd = fd;
	c->id = cmd->id;
	c->pool_size = cmd->pool_size;
	c->pool = mmap(NULL, cmd->pool_size, PROT_READ, MAP_SHARED, fd, 0);
	if (c->pool == MAP_FAILED)
		return -errno;
	r = conn_free(c, cmd->offset);
	free(cmd);
	return r;
}

int activator_new(struct conn *c, const struct domain *d, const char *name,
		  __u64 flags)
{
	return activator_finish(c, open_endpoint(d, "0-bus"),
				activator_hello(name, ACTIVATOR | flags,
						POOL_SIZE));
}

struct kdbus_msg *to_name(struct kdbus_msg *msg, const char *name)
{
	item_add_str(msg, KDBUS_ITEM_DST_NAME, name);
	return msg;
}

int plain(const struct conn *c, const char *name, __u64 cookie)
{
	return send_to_name(c, KDBUS_DST_ID_NAME, name, cookie);
}

int call_name(const struct conn *c, const char *name, __u64 cookie)
{
	return pass(c, to_name(call_new(KDBUS_DST_ID_NAME, cookie, NEVER),
			       name));
}

const char *heard_all(const struct conn *c)
{
	static char all[8192];
	const char *next;
	size_t n = 0;

	all[0] = 0;
	while (*(next = heard(c)) && n + strlen(next) + 3 < sizeof(all))
		n += sprintf(all + n, "%s%s", n ? ", " : "", next);
	return all;
}
