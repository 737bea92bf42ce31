// SPDX-License-Identifier: LGPL-2.1+
/*
 * What the tests of policies and of custom endpoints have in common.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "policy_util.h"

int act_as(uid_t uid, uid_t euid)
{
	return setresuid(uid, euid, 0) < 0 ? -errno : 0;
}

int act_as_group(uid_t uid, gid_t egid, gid_t extra)
{
	if (setgroups(1, &extra) < 0 || setresgid(0, egid, 0) < 0)
		return -errno;
	return act_as(uid, uid);
}

int act_as_root(void)
{
	if (setresuid(0, 0, 0) < 0 || setresgid(0, 0, 0) < 0 ||
	    setgroups(0, NULL) < 0)
		return -errno;
	return 0;
}

void access_add(void *cmd, __u64 type, __u64 access, __u64 id)
{
	const struct kdbus_policy_access grant = {
		.type = type,
		.access = access,
		.id = id,
	};

	item_add(cmd, KDBUS_ITEM_POLICY_ACCESS, &grant, sizeof(grant));
}

static void grant_add(void *cmd, const char *grant, const char *access)
{
	__u64 type, level;

	switch (grant[0]) {
	case 'u':
		type = KDBUS_POLICY_ACCESS_USER;
		break;
	case 'g':
		type = KDBUS_POLICY_ACCESS_GROUP;
		break;
	default:
		type = KDBUS_POLICY_ACCESS_WORLD;
		break;
	}
	if (!strcmp(access, "see"))
		level = SEE;
	else if (!strcmp(access, "talk"))
		level = TALK;
	else if (!strcmp(access, "own"))
		level = OWN;
	else
		abort();
	access_add(cmd, type, level, strtoull(grant + 1, NULL, 10));
}

void policy_add(void *cmd, const char *policy)
{
	char *copy = strdup(policy), *word, *colon, *rest;

	for (word = strtok_r(copy, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest)) {
		colon = strchr(word, ':');
		if (colon)
			grant_add(cmd, word, colon + 1);
		else
			item_add_str(cmd, KDBUS_ITEM_NAME, word);
	}
	free(copy);
}

int policy_bus_new(const struct domain *d)
{
	int bus, r;

	r = act_as(ALICE, ALICE);
	if (r < 0)
		return r;
	bus = bus_new(d, BUS, KDBUS_MAKE_ACCESS_WORLD);
	return act_as_root() ?: bus;
}

int open_ep(const struct domain *d, const char *ep)
{
	char *path = path_in(d, "%s/%s", BUS, ep);
	int fd = open(path, O_RDWR | O_CLOEXEC);

	free(path);
	return fd < 0 ? -errno : fd;
}

int ep_make(int fd, const char *name, __u64 flags)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	int r;

	cmd->flags = flags;
	cmd->return_flags = ~0ULL;
	item_add_str(cmd, KDBUS_ITEM_MAKE_NAME, name);
	r = cmd_run(fd, KDBUS_CMD_ENDPOINT_MAKE, cmd);
	free(cmd);
	return r;
}

static int policy_run(int fd, unsigned int nr, const char *policy)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	int r;

	cmd->return_flags = ~0ULL;
	policy_add(cmd, policy);
	r = cmd_run(fd, nr, cmd);
	free(cmd);
	return r;
}

int ep_update(int fd, const char *policy)
{
	return policy_run(fd, KDBUS_CMD_ENDPOINT_UPDATE, policy);
}

int conn_policy_update(const struct conn *c, const char *policy)
{
	return policy_run(c->fd, KDBUS_CMD_UPDATE, policy);
}

int ep_new(const struct domain *d, const char *name, const char *policy)
{
	int r, fd = open_ep(d, "bus");

	if (fd < 0)
		return fd;
	r = ep_make(fd, name, KDBUS_MAKE_ACCESS_WORLD);
	if (r >= 0 && policy)
		r = ep_update(fd, policy);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

int say_hello(struct conn *c, int fd, struct kdbus_cmd_hello *hello)
{
	void *pool;
	int r;

	r = cmd_run(fd, KDBUS_CMD_HELLO, hello);
	if (r < 0)
		return r;
	pool = mmap(NULL, hello->pool_size, PROT_READ, MAP_SHARED, fd, 0);
	if (pool == MAP_FAILED)
		return -errno;
	c->fd = fd;
	c->id = hello->id;
	c->pool = pool;
	c->pool_size = hello->pool_size;
	return conn_free(c, hello->offset);
}

int conn_as(struct conn *c, const struct domain *d, const char *ep, uid_t uid)
{
	int fd, r;

	r = act_as(uid, uid);
	if (r < 0)
		return r;
	fd = open_ep(d, ep);
	r = fd < 0 ? fd : conn_hello(c, fd, POOL_SIZE);
	return act_as_root() ?: r;
}

int holder_new(struct conn *c, const struct domain *d, const char *policy)
{
	struct kdbus_cmd_hello *hello = hello_new(POOL_SIZE);
	int r, fd = open_ep(d, "bus");

	if (fd < 0)
		return fd;
	hello->flags = HOLDER;
	policy_add(hello, policy);
	r = say_hello(c, fd, hello);
	if (r < 0)
		close(fd);
	free(hello);
	return r;
}

/* what is in the queue of the receiver goes with the result */
static int talked(int r, const struct conn *dst)
{
	if (act_as_root() < 0 || (receive_cookie(dst) == 3) != (r == 0))
		return -EBADMSG;
	return r;
}

int talk_as(const struct conn *src, uid_t uid, const struct conn *dst)
{
	return talked(act_as(uid, uid) ?: send_cookie(src, dst->id, 3), dst);
}

int talk_to_name_as(const struct conn *src, uid_t uid, const struct conn *dst,
		    const char *name)
{
	return talked(act_as(uid, uid) ?: send_to_name(src, 0, name, 3), dst);
}

int acquire_as(const struct conn *c, uid_t uid, const char *name)
{
	int r = act_as(uid, uid) ?: name_acquire(c, name, 0);

	return act_as_root() ?: r;
}
