/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <linux/kdbus.h>

#define POOL_SIZE	(16UL << 20)
#define ROUNDS		200
#define WARM_UP		20

/* bytes of a bloom filter of the bus */
#define BLOOM_SIZE	64

struct peer {
	int fd;
	uint64_t id;
	uint8_t *pool;
};

struct message {
	struct kdbus_msg msg;
	uint64_t vec_size, vec_type;
	struct kdbus_vec vec;
};

/* What fails ends the program. */
void __attribute__((noreturn)) die(const char *what);
uint64_t now(void);
uint64_t median(uint64_t *values, size_t n);

int open_bus(void);
struct peer hello(uint64_t attach_flags);
void bye(struct peer *peer);
struct message message(uint64_t dst, size_t size);
uint64_t kdbus_send(const struct peer *peer, const void *message,
		    uint64_t flags);
struct kdbus_msg *kdbus_recv(const struct peer *peer);
void kdbus_free(const struct peer *peer, uint64_t offset);

/* how cost grows with the number of others; @clock is that of two now() */
void bench_scale(uint64_t clock);

#endif
