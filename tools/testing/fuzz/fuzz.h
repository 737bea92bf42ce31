/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef _KDBUS_FUZZ_H
#define _KDBUS_FUZZ_H

/*
 * A fuzzer of kdbus that knows its interface.
 *
 * A program is a list of operations. Each is done by one of several executors,
 * tasks with different credentials and namespaces that share one table of
 * descriptors; all else about an operation follows from its seed. So a program
 * is a few numbers, is the same whenever it is run, and what is left of it when
 * operations are taken away is a program, too.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kdbus.h>

#define MAX_OPS		24
#define N_SLOTS		12
#define ALIGN8(_x)	(((_x) + 7ULL) & ~7ULL)

/* the numbers that follow from a seed */
struct rng {
	uint64_t state;
};

void rng_init(struct rng *r, uint64_t seed);
uint32_t rng_next(struct rng *r);
uint32_t below(struct rng *r, uint32_t n);
bool one_in(struct rng *r, uint32_t n);

/* abi.c */

#define ABI_MAX_ITEMS	12

/**
 * struct abi_command - what a command takes and returns
 * @name:	for people
 * @nr:		ioctl
 * @size:	bytes of the fixed part
 * @flags:	flags it knows
 * @items:	item types it takes, ends with 0
 * @errors:	what it may fail with besides abi_errors, ends with 0
 */
struct abi_command {
	const char *name;
	unsigned int nr;
	uint32_t size;
	uint64_t flags;
	uint64_t items[ABI_MAX_ITEMS];
	int errors[24];
};

extern const struct abi_command abi_commands[];
extern const unsigned int abi_n_commands;
extern const uint64_t abi_item_types[];
extern const unsigned int abi_n_item_types;
extern const struct abi_command abi_message;

bool abi_may_fail_with(const struct abi_command *c, int error);

/* program.c */

/* Operations beside the commands, whose numbers come first */
enum op_kind {
	OP_OPEN = 32,
	OP_CLOSE,
	OP_MAP,
	OP_POLL,
	OP_TAKE,
	OP_KILL,
	OP_END,
};

struct op {
	uint8_t kind;
	uint8_t executor;
	uint8_t slot;
	uint8_t wait;
	uint32_t seed;
};

struct program {
	unsigned int n;
	struct op ops[MAX_OPS];
};

void program_make(struct program *p, struct rng *r);
void program_mutate(struct program *p, const struct program *other,
		    struct rng *r);
void program_text(const struct program *p, char *text, size_t size);
bool program_parse(struct program *p, const char *text);
uint64_t program_digest(const struct program *p, uint64_t before);
bool program_minimise(struct program *p,
		      bool (*fails)(const struct program *p));

/* build.c */

/* What an operation can refer to */
struct world {
	uint64_t offsets[N_SLOTS];
	uint64_t deadline_base;
	char dir[32];
};

void *build_command(struct rng *r, const struct abi_command *c,
		    const struct world *world, unsigned int slot);

/* exec.c */

#define N_EXECUTORS	4
#define SIGNAL_SIZE	(1 << 16)
#define FAILURE_SIZE	256

/**
 * struct shared - what the executors share
 * @next:	per executor: operation to be done, plus 1; 0 if there is none
 * @running:	operations that were begun and are not done
 * @program:	to be run
 * @world:	what its operations refer to
 * @failure:	what was found, "" if nothing was
 * @done:	operations done
 * @succeeded:	per command: how often it returned 0
 * @tried:	per command: how often it was run
 * @fresh:	there is new coverage
 * @signal:	coverage of all programs up to now
 */
struct shared {
	uint32_t next[N_EXECUTORS];
	uint32_t running[N_EXECUTORS];
	struct program program;
	struct world world;
	char failure[FAILURE_SIZE];
	uint32_t done;
	uint32_t succeeded[32];
	uint32_t tried[32];
	uint32_t fresh;
	uint8_t signal[SIGNAL_SIZE];
};

extern struct shared *shared;
extern bool has_coverage;

void executors_init(void);
void executors_run(const struct program *p, bool racing);
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* check.c */

void check_message(const uint8_t *pool, size_t pool_size,
		   const struct kdbus_msg_info *info, bool installed);

#endif /* _KDBUS_FUZZ_H */
