// SPDX-License-Identifier: LGPL-2.1+
#include "kdbus-util.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/vfs.h>

#define KDBUSFS_MAGIC	0x44427573
#define POOL_SIZE	(1024 * 1024)
#define BLOOM_SIZE	64
#define BLOOM_HASHES	4

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	8U
#endif

static size_t align8(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static int command(int fd, unsigned long number, void *argument)
{
	return ioctl(fd, number, argument) < 0 ? -errno : 0;
}

/*
 * Drafts
 */

/* Pointers travel as 64 bits, so that 32-bit programs need no translation. */
static __u64 pointer_to_u64(const void *pointer)
{
	return (uintptr_t)pointer;
}

/* Returns the fixed struct, cleared but for its size. */
void *draft_start(struct draft *draft, size_t fixed)
{
	memset(draft->words, 0, fixed);
	draft->words[0] = fixed;
	return draft->words;
}

/* Appends an item; if @payload is NULL, the caller fills it. */
struct kdbus_item *draft_add(struct draft *draft, __u64 type,
			     const void *payload, size_t size)
{
	size_t offset = align8(draft->words[0]);
	size_t item_size = offsetof(struct kdbus_item, data) + size;
	struct kdbus_item *item;

	/* a program knows how much it adds */
	assert(offset + align8(item_size) <= sizeof(draft->words));

	item = (void *)((char *)draft->words + offset);
	memset(item, 0, align8(item_size));
	item->size = item_size;
	item->type = type;
	if (payload)
		memcpy(item->data, payload, size);

	draft->words[0] = offset + item_size;
	return item;
}

void draft_add_string(struct draft *draft, __u64 type, const char *string)
{
	draft_add(draft, type, string, strlen(string) + 1);
}

/*
 * Buses and connections
 */

bool kdbusfs_is_mounted(const char *dir)
{
	struct statfs fs;

	return statfs(dir, &fs) >= 0 && fs.f_type == KDBUSFS_MAGIC;
}

/*
 * Makes a bus. Its name has to start with the number of the user and a dash, so
 * that nobody takes another user's names. Returns a descriptor, which is the
 * bus: when it is closed, the bus is gone.
 */
int bus_make(const char *dir, const char *name, __u64 flags)
{
	const struct kdbus_bloom_parameter bloom = {
		.size = BLOOM_SIZE,
		.n_hash = BLOOM_HASHES,
	};
	struct kdbus_cmd *cmd;
	struct draft draft;
	char path[256];
	int fd, r;

	snprintf(path, sizeof(path), "%s/control", dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	cmd = draft_start(&draft, sizeof(*cmd));
	cmd->flags = flags;
	draft_add_string(&draft, KDBUS_ITEM_MAKE_NAME, name);
	draft_add(&draft, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
	r = command(fd, KDBUS_CMD_BUS_MAKE, cmd);
	if (r < 0) {
		close(fd);
		return r;
	}

	return fd;
}

static void peer_free_at(struct peer *peer, __u64 offset)
{
	struct kdbus_cmd_free cmd = {
		.size = sizeof(cmd),
		.offset = offset,
	};

	command(peer->fd, KDBUS_CMD_FREE, &cmd);
}

static int peer_hello(struct peer *peer, struct draft *draft)
{
	struct kdbus_cmd_hello *cmd = (void *)draft->words;
	const struct kdbus_item *item;
	int r;

	cmd->attach_flags_send = _KDBUS_ATTACH_ANY;
	cmd->pool_size = POOL_SIZE;
	r = command(peer->fd, KDBUS_CMD_HELLO, cmd);
	if (r < 0)
		return r;

	peer->pool = mmap(NULL, POOL_SIZE, PROT_READ, MAP_SHARED, peer->fd, 0);
	if (peer->pool == MAP_FAILED)
		return -errno;
	peer->pool_size = POOL_SIZE;
	peer->id = cmd->id;

	/* the one item that HELLO returns: how filters look on this bus */
	item = (void *)((const char *)peer->pool + cmd->offset);
	peer->bloom_size = item->bloom_parameter.size;
	peer->bloom_hashes = item->bloom_parameter.n_hash;
	peer_free_at(peer, cmd->offset);
	return 0;
}

static int peer_open(struct peer *peer, const char *endpoint,
		     struct draft *draft)
{
	int r;

	memset(peer, 0, sizeof(*peer));
	peer->fd = open(endpoint, O_RDWR | O_CLOEXEC);
	if (peer->fd < 0)
		return -errno;

	r = peer_hello(peer, draft);
	if (r < 0)
		close(peer->fd);
	return r;
}

/*
 * Connects to a bus. @attach_flags says what the kernel is to tell about the
 * senders of messages; about itself this peer hides nothing. What decides about
 * permissions is who the process is at this moment, not who it becomes later.
 */
int peer_connect(struct peer *peer, const char *endpoint,
		 const char *description, __u64 attach_flags)
{
	struct kdbus_cmd_hello *cmd;
	struct draft draft;

	cmd = draft_start(&draft, sizeof(*cmd));
	cmd->flags = KDBUS_HELLO_ACCEPT_FD;
	cmd->attach_flags_recv = attach_flags;
	draft_add_string(&draft, KDBUS_ITEM_CONN_DESCRIPTION, description);
	return peer_open(peer, endpoint, &draft);
}

/*
 * Connects as an activator (KDBUS_HELLO_ACTIVATOR) or a policy holder
 * (KDBUS_HELLO_POLICY_HOLDER) of a name, with the @n accesses to the name that
 * others have. This is for the owner of the bus.
 */
int peer_hold(struct peer *peer, const char *endpoint, __u64 kind,
	      const char *name, const struct kdbus_policy_access *access,
	      size_t n)
{
	struct kdbus_cmd_hello *cmd;
	struct draft draft;
	size_t i;

	cmd = draft_start(&draft, sizeof(*cmd));
	cmd->flags = kind | KDBUS_HELLO_ACCEPT_FD;
	cmd->attach_flags_recv = KDBUS_ATTACH_PIDS | KDBUS_ATTACH_PID_COMM;
	draft_add_string(&draft, KDBUS_ITEM_NAME, name);
	for (i = 0; i < n; i++)
		draft_add(&draft, KDBUS_ITEM_POLICY_ACCESS, &access[i],
			  sizeof(access[i]));
	return peer_open(peer, endpoint, &draft);
}

/*
 * Connects as a monitor, which gets a copy of every message of the bus and is
 * seen by nobody. This is for the owner of the bus, too.
 */
int peer_monitor(struct peer *peer, const char *endpoint, __u64 attach_flags)
{
	struct kdbus_cmd_hello *cmd;
	struct draft draft;

	cmd = draft_start(&draft, sizeof(*cmd));
	cmd->flags = KDBUS_HELLO_MONITOR;
	cmd->attach_flags_recv = attach_flags;
	return peer_open(peer, endpoint, &draft);
}

/*
 * After a fork both processes have the connection, which lives until the last
 * of them has closed it.
 */
void peer_disconnect(struct peer *peer)
{
	munmap((void *)peer->pool, peer->pool_size);
	close(peer->fd);
}

/*
 * Leaves the bus, unless there is something to receive: then it returns -EBUSY,
 * and the peer goes on. So no message is lost in between.
 */
int peer_leave(struct peer *peer)
{
	struct kdbus_cmd cmd = { .size = sizeof(cmd) };

	return command(peer->fd, KDBUS_CMD_BYEBYE, &cmd);
}

/*
 * Names
 */

static int peer_name(struct peer *peer, unsigned long number, const char *name)
{
	struct kdbus_cmd *cmd;
	struct draft draft;

	cmd = draft_start(&draft, sizeof(*cmd));
	draft_add_string(&draft, KDBUS_ITEM_NAME, name);
	return command(peer->fd, number, cmd);
}

int peer_acquire(struct peer *peer, const char *name)
{
	return peer_name(peer, KDBUS_CMD_NAME_ACQUIRE, name);
}

int peer_release(struct peer *peer, const char *name)
{
	return peer_name(peer, KDBUS_CMD_NAME_RELEASE, name);
}

/*
 * Signals
 *
 * Whom a signal reaches is decided in the kernel, by comparing bits: all bits
 * of a subscriber's mask have to be in the filter of the signal. What the bits
 * mean is up to the peers of the bus; these samples hash the topic.
 *
 * Two topics may share their bits. So the kernel may deliver too much, though
 * never too little, and the receiver has to look again.
 */

static void bloom_set(void *filter, const struct peer *peer, const char *topic)
{
	__u8 *bytes = filter;
	unsigned int i;
	const char *c;
	__u64 hash;

	for (i = 0; i < peer->bloom_hashes; i++) {
		/* FNV-1a, another one for each i */
		hash = 0xcbf29ce484222325ULL + i;
		for (c = topic; *c; c++)
			hash = (hash ^ (__u8)*c) * 0x100000001b3ULL;
		hash = (hash ^ hash >> 32) % (8 * peer->bloom_size);
		bytes[hash / 8] |= 1 << hash % 8;
	}
}

int peer_subscribe(struct peer *peer, const char *topic)
{
	struct kdbus_cmd_match *cmd;
	struct kdbus_item *item;
	struct draft draft;

	cmd = draft_start(&draft, sizeof(*cmd));
	item = draft_add(&draft, KDBUS_ITEM_BLOOM_MASK, NULL, peer->bloom_size);
	bloom_set(item->data64, peer, topic);
	return command(peer->fd, KDBUS_CMD_MATCH_ADD, cmd);
}

/*
 * Messages to send
 */

struct kdbus_msg *message_start(struct draft *draft, __u64 dst_id)
{
	struct kdbus_msg *msg = draft_start(draft, sizeof(*msg));

	msg->dst_id = dst_id;
	msg->payload_type = PAYLOAD_TEXT;
	return msg;
}

/* To whoever holds the name when the message is sent. */
void message_start_to(struct draft *draft, const char *name)
{
	message_start(draft, KDBUS_DST_ID_NAME);
	draft_add_string(draft, KDBUS_ITEM_DST_NAME, name);
}

void message_start_reply(struct draft *draft, const struct kdbus_msg *request)
{
	struct kdbus_msg *msg = message_start(draft, request->src_id);

	msg->cookie_reply = request->cookie;
}

/* To one subscriber, or to all with KDBUS_DST_ID_BROADCAST. */
void message_start_signal(struct draft *draft, const struct peer *peer,
			  __u64 dst_id, const char *topic)
{
	struct kdbus_msg *msg = message_start(draft, dst_id);
	struct kdbus_item *item;

	msg->flags = KDBUS_MSG_SIGNAL;
	item = draft_add(draft, KDBUS_ITEM_BLOOM_FILTER, NULL,
			 sizeof(struct kdbus_bloom_filter) + peer->bloom_size);
	bloom_set(item->bloom_filter.data, peer, topic);
}

/* The kernel copies the bytes when the message is sent, into the receiver. */
void message_add_bytes(struct draft *draft, const void *data, size_t size)
{
	const struct kdbus_vec vec = {
		.size = size,
		.address = pointer_to_u64(data),
	};

	draft_add(draft, KDBUS_ITEM_PAYLOAD_VEC, &vec, sizeof(vec));
}

/* The kernel copies nothing: the receiver gets the memory itself. */
void message_add_memfd(struct draft *draft, int memfd, size_t size)
{
	const struct kdbus_memfd item = {
		.size = size,
		.fd = memfd,
	};

	draft_add(draft, KDBUS_ITEM_PAYLOAD_MEMFD, &item, sizeof(item));
}

int peer_send(struct peer *peer, struct draft *message)
{
	struct kdbus_msg *msg = (void *)message->words;
	struct kdbus_cmd_send cmd = {
		.size = sizeof(cmd),
		.msg_address = pointer_to_u64(msg),
	};

	msg->cookie = ++peer->last_cookie;
	return command(peer->fd, KDBUS_CMD_SEND, &cmd);
}

/* Sends a request and waits for the reply, in one system call. */
int peer_call(struct peer *peer, struct draft *message, int timeout_ms,
	      const struct kdbus_msg **reply)
{
	struct kdbus_msg *msg = (void *)message->words;
	struct kdbus_cmd_send cmd = {
		.size = sizeof(cmd),
		.flags = KDBUS_SEND_SYNC_REPLY,
		.msg_address = pointer_to_u64(msg),
	};
	struct timespec now;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &now);
	msg->flags |= KDBUS_MSG_EXPECT_REPLY;
	msg->cookie = ++peer->last_cookie;
	msg->timeout_ns = now.tv_sec * 1000000000ULL + now.tv_nsec +
			  timeout_ms * 1000000ULL;

	/*
	 * Interrupted by a signal, the same command goes on waiting: the kernel
	 * knows the cookie and does not send the message again.
	 */
	do
		r = command(peer->fd, KDBUS_CMD_SEND, &cmd);
	while (r == -EINTR);
	if (r < 0)
		return r;

	*reply = (void *)((const char *)peer->pool + cmd.reply.offset);
	return 0;
}

/*
 * Received messages
 */

/*
 * Waits for a message; for ever if @timeout_ms is negative, else -ETIMEDOUT
 * says that none came in time.
 */
static int peer_receive_flags(struct peer *peer, int timeout_ms, __u64 flags,
			      const struct kdbus_msg **msg)
{
	struct pollfd poll_fd = {
		.fd = peer->fd,
		.events = POLLIN,
	};
	struct kdbus_cmd_recv cmd;
	int r;

	for (;;) {
		memset(&cmd, 0, sizeof(cmd));
		cmd.size = sizeof(cmd);
		cmd.flags = flags;
		r = command(peer->fd, KDBUS_CMD_RECV, &cmd);
		peer->lost += cmd.dropped_msgs;
		if (r >= 0)
			break;
		if (r != -EAGAIN)
			return r;

		r = poll(&poll_fd, 1, timeout_ms);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r == 0)
			return -ETIMEDOUT;
	}

	*msg = (void *)((const char *)peer->pool + cmd.msg.offset);
	return 0;
}

int peer_receive(struct peer *peer, int timeout_ms,
		 const struct kdbus_msg **msg)
{
	return peer_receive_flags(peer, timeout_ms, 0, msg);
}

/* Waits for a message in the same way, and leaves it where it is. */
int peer_peek(struct peer *peer, int timeout_ms, const struct kdbus_msg **msg)
{
	return peer_receive_flags(peer, timeout_ms, KDBUS_RECV_PEEK, msg);
}

/*
 * Gives the memory of a message back, and closes the descriptors that came with
 * it. Whoever wants to keep one duplicates it.
 */
void peer_free(struct peer *peer, const struct kdbus_msg *msg)
{
	const struct kdbus_item *item;
	const int *fd;

	message_for_each_item(item, msg) {
		if (item->type == KDBUS_ITEM_PAYLOAD_MEMFD &&
		    item->memfd.fd >= 0)
			close(item->memfd.fd);
		if (item->type != KDBUS_ITEM_FDS)
			continue;
		for (fd = item->fds; (char *)fd < (char *)item + item->size;
		     fd++)
			if (*fd >= 0)
				close(*fd);
	}

	peer_free_at(peer, (const char *)msg - (const char *)peer->pool);
}

const struct kdbus_item *message_next_item(const struct kdbus_item *item)
{
	return (void *)((const char *)item + align8(item->size));
}

/* Returns the first item of that type, or NULL. */
const struct kdbus_item *message_find(const struct kdbus_msg *msg, __u64 type)
{
	const struct kdbus_item *item;

	message_for_each_item(item, msg)
		if (item->type == type)
			return item;
	return NULL;
}

/*
 * Returns the first run of payload bytes, or NULL. It is behind the items; the
 * sender decides what is in there, so nothing is certain, no NUL at the end
 * either.
 */
const void *message_bytes(const struct kdbus_msg *msg, size_t *size)
{
	const struct kdbus_item *item;

	item = message_find(msg, KDBUS_ITEM_PAYLOAD_OFF);
	/* zeroes that the sender did not even store */
	if (!item || item->vec.offset == ~0ULL)
		return NULL;

	*size = item->vec.size;
	return (const char *)msg + item->vec.offset;
}

/*
 * Sealed memory
 */

/* Returns the descriptor of memory that is mapped at *@memory to be filled. */
int memfd_new(const char *name, size_t size, void **memory)
{
	int fd, r;

	/* from 6.3 on the kernel wants to be told that this is no program */
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING |
				MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;

	*memory = MAP_FAILED;
	if (ftruncate(fd, size) >= 0)
		*memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			       fd, 0);
	if (*memory == MAP_FAILED) {
		r = -errno;
		close(fd);
		return r;
	}

	return fd;
}

/*
 * Unmaps the memory and seals it: nobody can change it any more, which is why a
 * receiver can work on it without a copy. kdbus takes no other memfd.
 */
int memfd_seal(int fd, void *memory, size_t size)
{
	munmap(memory, size);
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW |
				      F_SEAL_WRITE | F_SEAL_SEAL) < 0 ?
	       -errno : 0;
}
