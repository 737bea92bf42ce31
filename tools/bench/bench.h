/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof(*(a)))

/* rounds that are not counted come first: caches fill, memory is touched */
#define WARM_UP		20
#define ROUNDS		200

#define MAX_PAYLOAD	(1UL << 20)

/* What fails ends the program: there are no figures of something broken. */
void __attribute__((noreturn)) die(const char *what);
void check(bool ok, const char *what);

uint64_t now(void);
uint64_t median(uint64_t *values, size_t n);
uint64_t percentile(uint64_t *values, size_t n, double percent);

/* median without what reading the clock costs */
uint64_t cost(uint64_t *values, size_t n);

/* rounds for exchanges that get long: the figures vary less then */
unsigned int rounds_for(size_t size);

void pin(int cpu);
pid_t start_child(void);
void wait_for_child(pid_t pid);
void wait_for_input(int fd);
void raise_file_limit(unsigned int files);
void write_file(const char *path, const char *text);
uint64_t read_field(const char *path, const char *field);

/* one line: @figure of @system, @n says the size or how many others there are */
void report(const char *figure, const char *system, uint64_t n, uint64_t value);

/*
 * Payloads start and end with a number, which is another one in each message:
 * that is how it is known that a message arrived. The first ones are compared
 * from end to end.
 */
extern char payload[MAX_PAYLOAD];

void stamp(size_t size, uint64_t number);
void expect(const void *data, size_t size, uint64_t number, bool whole);

/* a request's number, and that of its reply */
static inline uint64_t reply_number(uint64_t number)
{
	return ~number;
}

/* groups of figures */
void bench_calls(void);
void bench_crowded_calls(void);
void bench_some_calls(void);
void bench_steps(void);
void bench_some_steps(void);
void bench_memfd(void);
void bench_monitor(void);
void bench_broadcast(void);
void bench_some_broadcast(void);
void bench_unwanted(void);
void bench_growth(void);
void bench_names(void);
void bench_latency(void);
void bench_streams(void);
void bench_memory(void);
void make_load(void);

#endif
