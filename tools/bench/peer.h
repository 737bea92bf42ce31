/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kdbus.h>

#define POOL_SIZE	(16UL << 20)

/* bytes of a bloom filter of the bus */
#define BLOOM_SIZE	64

/* what the limits are raised to, see limits.h of the module */
#define MANY_CONNECTIONS 20000

struct peer {
	int fd;
	uint64_t id;
	uint8_t *pool;
};

/* a message of one piece */
struct message {
	struct kdbus_msg msg;
	uint64_t vec_size, vec_type;
	struct kdbus_vec vec;
};

void make_bus(void);
void raise_connection_limit(void);

int open_bus(void);

/* a connection with a small pool, which is not mapped; returns its id */
uint64_t hello_small(int fd);
struct peer hello(uint64_t attach_flags);
struct peer hello_monitor(void);
void bye(struct peer *peer);

struct message message(uint64_t dst, size_t size);

/* false if the receiver's queue is full; all else that fails ends the program */
bool kdbus_try_send(const struct peer *peer, const void *message);

/* returns the offset of the reply if @flags ask for one */
uint64_t kdbus_send(const struct peer *peer, const void *message,
		    uint64_t flags);

/* NULL if there is none */
struct kdbus_msg *kdbus_try_recv(const struct peer *peer);
struct kdbus_msg *kdbus_recv(const struct peer *peer);
void kdbus_free(const struct peer *peer, uint64_t offset);
void kdbus_free_msg(const struct peer *peer, const struct kdbus_msg *msg);

/* looks at the payload as a receiver does, at least once per page */
void kdbus_expect(const struct kdbus_msg *msg, size_t size, uint64_t number,
		  bool whole);

void acquire_name(int fd, const char *name);
void add_match(int fd, uint64_t type, const void *rule, size_t size);

/* a rule of 8 random bits, as clients subscribe to signals */
void add_bloom_match(int fd);

struct signal {
	struct message message;
	uint64_t filter_size, filter_type;
	uint64_t generation;
	uint64_t filter[BLOOM_SIZE / 8];
};

/* 16 random bits are set, as a client sets them for what a signal is about */
struct signal signal_message(void);

#endif
