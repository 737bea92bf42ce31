/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef _SEND_UTIL_H
#define _SEND_UTIL_H

#include <pthread.h>

#include "monitor_util.h"

#define SYNC		KDBUS_SEND_SYNC_REPLY
#define MAX_REQUESTS	128
#define MAX_FDS		16
#define MS		1000000ULL
#define ALL_SEALS	(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | \
			 F_SEAL_SEAL)

enum sender_type {
	THREAD,
	PROCESS,
};

/**
 * struct sender - a thread or a process that sends one message
 * @c:		connection
 * @msg:	message
 * @cmd:	command, on a page of its own
 * @type:	what sends
 * @thread:	the thread
 * @id:		id of the thread or process, 0 before it runs
 * @result:	what SEND returned
 * @end:	when that was, CLOCK_MONOTONIC
 *
 * Is in memory that processes share, and so is @cmd.
 */
struct sender {
	const struct conn *c;
	struct kdbus_msg *msg;
	struct kdbus_cmd_send *cmd;
	enum sender_type type;
	pthread_t thread;
	pid_t id;
	int result;
	__u64 end;
};

/*
 * sender_sleeps() returns when it sleeps, wherever; sender_end() waits for its
 * end and returns what SEND returned. call_start() makes a synchronous call and
 * returns when it is queued at @dst, whose queue was empty, and the caller
 * sleeps.
 */
struct sender *sender_new(const struct conn *c, struct kdbus_msg *msg,
			  __u64 flags);
struct sender *sender_start(struct sender *s, enum sender_type type);
void sender_sleeps(const struct sender *s);
int sender_end(struct sender *s);
struct sender *call_start(const struct conn *c, const struct conn *dst,
			  __u64 cookie, enum sender_type type);
void call_waits(const struct sender *s, const struct conn *dst);

__u64 now(void);
int memfd_new(size_t size, unsigned int seals);
int next_number(void);
void pin_to_first_cpu(void);
struct kdbus_msg *with_fd(struct kdbus_msg *msg, int fd);
struct kdbus_msg *with_bytes(struct kdbus_msg *msg, size_t size);
struct kdbus_msg *with_name(struct kdbus_msg *msg, const char *name);

#endif /* _SEND_UTIL_H */
