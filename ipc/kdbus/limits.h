/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_LIMITS_H
#define KDBUS_LIMITS_H

/**
 * DOC: Limits
 *
 * Every limit with its reason. What an administrator may want to change is a
 * module parameter (see limits.c); the values here are the defaults that
 * existing clients were written against.
 */

#include <linux/sizes.h>

/* command or message with its items: fits a kmalloc, far above real use */
#define KDBUS_CMD_MAX_SIZE		SZ_32K

/* payload of one VEC: clients split what is larger over several VECs */
#define KDBUS_VEC_MAX_SIZE		SZ_2M

/* memfds per message: each costs an entry in the receiver's fd table */
#define KDBUS_MSG_MAX_MEMFDS		16

/* file descriptors in the FDS item of a message, same reason */
#define KDBUS_MSG_MAX_FDS		16

/* bytes of a bloom filter; every receiver compares all of them */
#define KDBUS_BLOOM_MAX_SIZE		4096
#define KDBUS_BLOOM_MIN_SIZE		8

/* match entries of one connection; a broadcast may have to look at all */
#define KDBUS_CONN_MAX_MATCHES		256

/*
 * bytes of all rules of one connection: as many entries as it may have, each with
 * a mask of the largest bloom filter, and some room for other rules
 */
#define KDBUS_CONN_MAX_MATCH_BYTES	SZ_2M

/* names that one connection owns or waits for */
#define KDBUS_CONN_MAX_NAMES		256

/* requests of one connection that wait for their reply */
#define KDBUS_CONN_MAX_REQUESTS		128

/* ends of requests that a connection was told and has not received yet */
#define KDBUS_CONN_MAX_NOTICES		256

/* messages and fds that one user may have queued on one receiver */
#define KDBUS_QUOTA_MAX_MSGS		256
#define KDBUS_QUOTA_MAX_FDS		16

/* stored payload of one message: it is pinned memory while it is copied */
extern unsigned int kdbus_max_payload;

/* bytes of one pool: it is charged to the receiver and not swapped early */
extern unsigned int kdbus_max_pool;

/* buses and connections of one user in one domain */
extern unsigned int kdbus_max_buses_per_user;
extern unsigned int kdbus_max_conns_per_user;

/* custom endpoints of one bus: each has room for the connections of a user */
extern unsigned int kdbus_max_endpoints_per_bus;

/*
 * files in messages of one user that were not received yet, in one domain: they
 * are in no table of descriptors, so that RLIMIT_NOFILE does not count them
 */
extern unsigned int kdbus_max_files_per_user;

/* limits that are told about when they refuse something */
enum kdbus_limit {
	KDBUS_LIMIT_BUSES,
	KDBUS_LIMIT_CONNS,
	KDBUS_LIMIT_ENDPOINTS,
	KDBUS_LIMIT_FILES,
	KDBUS_LIMIT_PAYLOAD,
	KDBUS_LIMIT_MATCHES,
	KDBUS_LIMIT_NAMES,
	KDBUS_LIMIT_REQUESTS,
	KDBUS_LIMIT_QUEUE,
	KDBUS_LIMIT_QUEUE_FDS,
	KDBUS_LIMIT_POOL,
};

struct kdbus_user;

void kdbus_limit_refused(struct kdbus_user *user, enum kdbus_limit limit);

#endif
