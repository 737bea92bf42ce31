/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef _RECV_UTIL_H
#define _RECV_UTIL_H

#include "monitor_util.h"

#define PEEK		KDBUS_RECV_PEEK
#define DROP		KDBUS_RECV_DROP
#define MAX_FDS		16

/*
 * take() is RECV; it returns its result and stores what the command wrote.
 * take_msg() stores where the message is, too.
 */
int take(const struct conn *c, __u64 flags, struct kdbus_cmd_recv *recv);
int take_msg(const struct conn *c, __u64 flags, struct kdbus_cmd_recv *recv,
	     const struct kdbus_msg **msg);

/* Receives and frees all there is; returns how many, or the error */
int drain(const struct conn *c);

/* A SEND that waits for the reply */
int call_sync(const struct conn *c, const struct kdbus_msg *msg,
	      struct kdbus_msg_info *reply);

/* A sealed file of that many bytes, all of them the same */
int memfd_new(size_t size, int byte);
struct kdbus_item *item_add_memfd(void *msg, int fd, __u64 start, __u64 size);
struct kdbus_item *item_add_fds(void *msg, const int *fds, unsigned int n);

/* The number that the next file gets, and how many the process may have */
int next_number(void);
int limit_numbers(unsigned int n);

/**
 * struct room - what a user can have queued at a connection
 * @msgs:	messages without payload
 * @bytes:	the longest payload, to 8 bytes
 * @fds:	descriptors
 *
 * To find out it is filled, so it has to be empty before, and is afterwards.
 */
struct room {
	unsigned int msgs;
	size_t bytes;
	unsigned int fds;
};

int room_measure(const struct conn *src, const struct conn *dst,
		 struct room *room);

/* Fills it with messages of that cookie; returns what the last one got. */
int fill_up(const struct conn *src, const struct conn *dst, __u64 cookie);

#endif /* _RECV_UTIL_H */
