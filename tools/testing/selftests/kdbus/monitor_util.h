/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef _MONITOR_UTIL_H
#define _MONITOR_UTIL_H

#include "name_util.h"

#define MONITOR		KDBUS_HELLO_MONITOR
#define ACCEPT_FD	KDBUS_HELLO_ACCEPT_FD
#define BCAST		KDBUS_DST_ID_BROADCAST
#define NAME		"org.example.a"
#define MAX_QUEUED	256
#define NEVER		(~0ULL >> 1)

/* All peers are on the bus "0-bus"; peer_new() lets them know the time. */
int hello(struct conn *c, int fd, __u64 flags, __u64 attach_recv,
	  size_t pool_size);
int peer_new(struct conn *c, const struct domain *d, __u64 flags);

struct kdbus_msg *call_new(__u64 dst_id, __u64 cookie, __u64 timeout);
struct kdbus_msg *reply_new(__u64 dst_id, __u64 cookie, __u64 to);
struct kdbus_msg *signal_new(__u64 dst_id, __u64 cookie);

/* pass() sends a message and frees it. */
int pass(const struct conn *c, struct kdbus_msg *msg);
int call(const struct conn *c, __u64 dst_id, __u64 cookie);
int reply(const struct conn *c, __u64 dst_id, __u64 cookie, __u64 to);
int signal_to(const struct conn *c, __u64 dst_id, __u64 cookie);

const struct kdbus_item *find(const struct kdbus_msg *msg, __u64 type);
__u64 seqnum(const struct kdbus_msg *msg);

/*
 * copied() receives and frees the next message of both, and returns its number
 * if it is the same to the last byte, else 0. lost() returns how many messages
 * were lost since somebody asked.
 */
__u64 copied(const struct conn *mon, const struct conn *c);
__u64 lost(const struct conn *c);
void readable_wait(const struct conn *c);

#endif /* _MONITOR_UTIL_H */
