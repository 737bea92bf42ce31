// SPDX-License-Identifier: LGPL-2.1+
/*
 * What the tests of receiving have in common.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "recv_util.h"

int take(const struct conn *c, __u64 flags, struct kdbus_cmd_recv *recv)
{
	struct kdbus_cmd_recv *cmd = recv_new(flags, 0);
	int r = conn_recv(c, cmd);

	*recv = *cmd;
	free(cmd);
	return r;
}

int take_msg(const struct conn *c, __u64 flags, struct kdbus_cmd_recv *recv,
	     const struct kdbus_msg **msg)
{
	int r = take(c, flags, recv);

	*msg = r < 0 ? NULL : msg_at(c, recv->msg.offset);
	return r;
}

int drain(const struct conn *c)
{
	struct kdbus_cmd_recv recv;
	int r, n = 0;

	while ((r = take(c, 0, &recv)) == 0) {
		r = conn_free(c, recv.msg.offset);
		if (r < 0)
			return r;
		n++;
	}
	return r == -EAGAIN ? n : r;
}

int call_sync(const struct conn *c, const struct kdbus_msg *msg,
	      struct kdbus_msg_info *reply)
{
	struct kdbus_cmd_send *cmd = send_new(msg);
	int r;

	cmd->flags = KDBUS_SEND_SYNC_REPLY;
	r = cmd_run(c->fd, KDBUS_CMD_SEND, cmd);
	*reply = cmd->reply;
	free(cmd);
	return r;
}

int memfd_new(size_t size, int byte)
{
	int fd = memfd_create("test", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	__u8 *bytes = malloc(size);

	memset(bytes, byte, size);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
		  F_SEAL_SEAL) < 0)
		return -errno;
	free(bytes);
	return fd;
}

struct kdbus_item *item_add_memfd(void *msg, int fd, __u64 start, __u64 size)
{
	struct kdbus_memfd memfd = { .start = start, .size = size, .fd = fd };

	return item_add(msg, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
}

struct kdbus_item *item_add_fds(void *msg, const int *fds, unsigned int n)
{
	return item_add(msg, KDBUS_ITEM_FDS, fds, n * sizeof(int));
}

int next_number(void)
{
	int fd = fcntl(0, F_DUPFD, 0);

	close(fd);
	return fd;
}

int limit_numbers(unsigned int n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	limit.rlim_cur = n;
	return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

static int send_some_fds(const struct conn *src, const struct conn *dst,
			 unsigned int n)
{
	struct kdbus_msg *msg = msg_new(dst->id, 1);
	int fds[MAX_FDS] = {};

	item_add_fds(msg, fds, n);
	return pass(src, msg);
}

static int send_some_bytes(const struct conn *src, const struct conn *dst,
			   size_t size)
{
	__u8 *bytes = calloc(1, size);
	int r = send_bytes(src, dst->id, 1, bytes, size);

	free(bytes);
	return r;
}

int fill_up(const struct conn *src, const struct conn *dst, __u64 cookie)
{
	int r;

	do
		r = send_cookie(src, dst->id, cookie);
	while (r == 0);
	return r;
}

/* the largest payload of one message, a multiple of 8 */
static int longest(const struct conn *src, const struct conn *dst,
		   size_t *bytes)
{
	size_t low = 0, high = dst->pool_size / 8, middle;
	int r;

	while (low < high) {
		middle = (low + high + 1) / 2;
		r = send_some_bytes(src, dst, middle * 8);
		if (r == 0)
			low = middle;
		else if (r == -ENOBUFS || r == -EXFULL)
			high = middle - 1;
		else
			return r;
		r = drain(dst);
		if (r < 0)
			return r;
	}
	*bytes = low * 8;
	return 0;
}

int room_measure(const struct conn *src, const struct conn *dst,
		 struct room *room)
{
	int r;

	r = drain(dst);
	if (r < 0)
		return r;
	r = fill_up(src, dst, 1);
	if (r != -ENOBUFS && r != -EXFULL)
		return r;
	room->msgs = drain(dst);

	r = longest(src, dst, &room->bytes);
	if (r < 0)
		return r;

	for (room->fds = 0; ; room->fds++) {
		r = send_some_fds(src, dst, 1);
		if (r < 0)
			break;
	}
	if (r == -ECOMM || r == -EMFILE)
		r = drain(dst);
	return r < 0 ? r : 0;
}
