/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef _KDBUS_SAMPLES_UTIL_H
#define _KDBUS_SAMPLES_UTIL_H

/*
 * What every program that talks kdbus has to do, in as few lines as it takes.
 *
 * Functions return 0 or a negative errno. Those that return a descriptor return
 * that instead of 0.
 */

#include <stdbool.h>
#include <stddef.h>

#include <linux/kdbus.h>

/*
 * What the payload of a message is: here, plain text. The kernel does not look
 * at it, it only reserves 0 for itself. Programs that talk D-Bus say
 * KDBUS_PAYLOAD_DBUS.
 */
#define PAYLOAD_TEXT	0x74786574ULL

/**
 * struct peer - a connection to a bus
 * @fd:			the endpoint, opened and greeted
 * @id:			number of the connection, given by the kernel
 * @pool:		memory that the kernel puts messages into; read-only
 * @pool_size:		bytes of it
 * @bloom_size:		bytes of a bloom filter on this bus
 * @bloom_hashes:	bits to set in it for each topic
 * @last_cookie:	number of the message sent last
 * @lost:		signals that found no room in the pool
 */
struct peer {
	int fd;
	__u64 id;
	const void *pool;
	size_t pool_size;
	size_t bloom_size;
	unsigned int bloom_hashes;
	__u64 last_cookie;
	__u64 lost;
};

/**
 * struct draft - a command or message in the making
 * @words:	a fixed struct, behind it items
 *
 * Every command and every message starts with its size and ends with items, each
 * of which begins at a multiple of 8. So one function can append to them all.
 */
struct draft {
	__u64 words[256];
};

void *draft_start(struct draft *draft, size_t fixed);
struct kdbus_item *draft_add(struct draft *draft, __u64 type,
			     const void *payload, size_t size);
void draft_add_string(struct draft *draft, __u64 type, const char *string);

/*
 * Buses and connections
 */

bool kdbusfs_is_mounted(const char *dir);
int bus_make(const char *dir, const char *name, __u64 flags);

int peer_connect(struct peer *peer, const char *endpoint,
		 const char *description, __u64 attach_flags);
int peer_hold(struct peer *peer, const char *endpoint, __u64 kind,
	      const char *name, const struct kdbus_policy_access *access,
	      size_t n);
int peer_monitor(struct peer *peer, const char *endpoint, __u64 attach_flags);
void peer_disconnect(struct peer *peer);
int peer_leave(struct peer *peer);
int peer_acquire(struct peer *peer, const char *name);
int peer_release(struct peer *peer, const char *name);
int peer_subscribe(struct peer *peer, const char *topic);

/*
 * Messages to send
 */

struct kdbus_msg *message_start(struct draft *draft, __u64 dst_id);
void message_start_to(struct draft *draft, const char *name);
void message_start_reply(struct draft *draft, const struct kdbus_msg *request);
void message_start_signal(struct draft *draft, const struct peer *peer,
			  __u64 dst_id, const char *topic);
void message_add_bytes(struct draft *draft, const void *data, size_t size);
void message_add_memfd(struct draft *draft, int memfd, size_t size);

int peer_send(struct peer *peer, struct draft *message);
int peer_call(struct peer *peer, struct draft *message, int timeout_ms,
	      const struct kdbus_msg **reply);

/*
 * Received messages: they lie in the pool, read-only, until they are freed.
 */

int peer_receive(struct peer *peer, int timeout_ms,
		 const struct kdbus_msg **msg);
int peer_peek(struct peer *peer, int timeout_ms, const struct kdbus_msg **msg);
void peer_free(struct peer *peer, const struct kdbus_msg *msg);

#define message_for_each_item(_item, _msg) \
	for ((_item) = (_msg)->items; \
	     (const char *)(_item) < (const char *)(_msg) + (_msg)->size; \
	     (_item) = message_next_item(_item))

const struct kdbus_item *message_next_item(const struct kdbus_item *item);
const struct kdbus_item *message_find(const struct kdbus_msg *msg, __u64 type);
const void *message_bytes(const struct kdbus_msg *msg, size_t *size);

/*
 * Sealed memory
 */

int memfd_new(const char *name, size_t size, void **memory);
int memfd_seal(int fd, void *memory, size_t size);

#endif /* _KDBUS_SAMPLES_UTIL_H */
