/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef _FAULT_UTIL_H
#define _FAULT_UTIL_H

#include <pthread.h>
#include <stdio.h>

#include "monitor_util.h"

#define FAULT_POOL	(256 * 1024)
#define FAULT_NAME	"org.example.fault"

/* Who takes part in a case; each can be closed by it, and has fd -1 then. */
enum { A, B, OBSERVER, MON, N_CONNS };

/**
 * struct scene - where a command is run
 * @d:		domain of its own
 * @bus:	handle that made the bus "0-bus"
 * @fresh:	another open file, of whatever the case needs, or -1
 * @conn:	connections: A acts on B, OBSERVER has a match that everything
 *		fits, MON is a monitor in some cases
 * @out:	what the command under test wrote
 * @n_out:	words in @out
 * @msg:	message under test, or NULL
 * @memfd:	sealed memfd of a page, or -1
 * @thread:	replies to the calls that B gets, while @serving
 * @serving:	there is such a thread
 * @served:	calls replied to
 * @waiting:	@thread is B's, which waits for a reply instead
 * @waited:	what B's SEND returned then
 * @cancel:	eventfd for the command under test, or -1
 *
 * A scene is made anew for each failure, and is the same each time.
 */
struct scene {
	struct domain d;
	int bus;
	int fresh;
	struct conn conn[N_CONNS];
	__u64 out[16];
	unsigned int n_out;
	struct kdbus_msg *msg;
	int memfd;
	pthread_t thread;
	bool serving;
	unsigned int served;
	bool waiting;
	int waited;
	int cancel;
};

/*
 * What a failure may do apart from letting the command fail without any
 * effect, and the chapter of Documentation/kdbus.txt that says so.
 */
enum fault_flags {
	/* EFAULT or ENOMEM although all was done: 5.5, 5.9, 9.3 */
	FAULT_LATE	= 1 << 0,
	/* 0, and receivers counted a loss: 8.3 */
	FAULT_LOSS	= 1 << 1,
	/* 0, and less metadata: 11.1 */
	FAULT_LESS	= 1 << 2,
	/* 0, and files that were not installed: 6.4 */
	FAULT_FILES	= 1 << 3,
};

/* What can be used up by the leftovers of failures */
enum fault_capacity {
	CAPACITY_CALLS	= 1 << 0,
	CAPACITY_MATCHES = 1 << 1,
	CAPACITY_NAMES	= 1 << 2,
	CAPACITY_BUSES	= 1 << 3,
	CAPACITY_CONNS	= 1 << 4,
};

/**
 * struct fault_case - a command whose allocations and copies fail in turn
 * @name:	for people
 * @prepare:	brings the scene into the state it is run in, or NULL
 * @call:	runs the command; returns 0 or the negative errno. It is called
 *		again after a failure
 * @flags:	enum fault_flags
 * @capacity:	enum fault_capacity
 * @monitored:	there is a monitor
 * @attach:	metadata that is told, all of it if this is 0; with FAULT_LESS
 * @takes_id:	makes a connection, whose id is another one after a failure
 */
struct fault_case {
	const char *name;
	void (*prepare)(struct scene *s);
	int (*call)(struct scene *s);
	unsigned int flags;
	unsigned int capacity;
	__u64 attach;
	bool monitored;
	bool takes_id;
};

/*
 * Leaves with status 4 where the kernel cannot inject faults. Tests are in a
 * mount namespace of their own.
 */
void fault_require(void);

/*
 * Runs a case with its first, second, third... allocation or copy failing until
 * none does. Returns how many there were, or -1 after it said what is wrong.
 */
int fault_run(const struct fault_case *c);

/* For prepare and call */
void fault_out(struct scene *s, const void *data, size_t size);
void fault_serve(struct scene *s);
void fault_wait(struct scene *s, __u64 cookie);
void drop_all(const struct conn *c);

/* Close the files of an item; returns how many there were. */
unsigned int files_close(const struct kdbus_item *item);

#endif /* _FAULT_UTIL_H */
