// SPDX-License-Identifier: LGPL-2.1+
/*
 * Programs: made at random, changed a little, written down, made shorter.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* splitmix64 */
void rng_init(struct rng *r, uint64_t seed)
{
	r->state = seed;
}

uint32_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) >> 32;
}

uint32_t below(struct rng *r, uint32_t n)
{
	return rng_next(r) % n;
}

bool one_in(struct rng *r, uint32_t n)
{
	return below(r, n) == 0;
}

/* Messages are what most code is about. */
static uint8_t any_kind(struct rng *r)
{
	unsigned int i, choice = below(r, 100);

	if (choice < 35) {
		for (i = 0; abi_commands[i].nr != KDBUS_CMD_SEND; i++)
			;
		return i;
	}
	if (choice < 50)
		return OP_TAKE;
	if (choice < 85)
		return below(r, abi_n_commands);
	return OP_OPEN + below(r, OP_END - OP_OPEN);
}

static void any_op(struct op *op, struct rng *r)
{
	op->kind = any_kind(r);
	op->executor = below(r, N_EXECUTORS);
	op->slot = below(r, N_SLOTS);
	op->wait = !one_in(r, 4);
	op->seed = rng_next(r);
}

void program_make(struct program *p, struct rng *r)
{
	unsigned int i;

	p->n = 4 + below(r, MAX_OPS - 3);
	for (i = 0; i < p->n; i++)
		any_op(&p->ops[i], r);
}

static void insert(struct program *p, unsigned int at, const struct op *op)
{
	if (p->n == MAX_OPS)
		p->n--;
	if (at > p->n)
		at = p->n;
	memmove(&p->ops[at + 1], &p->ops[at], (p->n - at) * sizeof(*op));
	p->ops[at] = *op;
	p->n++;
}

static void cut(struct program *p, unsigned int at, unsigned int n)
{
	memmove(&p->ops[at], &p->ops[at + n],
		(p->n - at - n) * sizeof(p->ops[0]));
	p->n -= n;
}

void program_mutate(struct program *p, const struct program *other,
		    struct rng *r)
{
	unsigned int times = 1 + below(r, 4), at;
	struct op op;

	while (times--) {
		at = below(r, p->n);
		any_op(&op, r);
		switch (below(r, 6)) {
		case 0:
			insert(p, at, &op);
			break;
		case 1:
			insert(p, at, &other->ops[below(r, other->n)]);
			break;
		case 2:
			if (p->n > 1)
				cut(p, at, 1);
			break;
		case 3:
			p->ops[at].seed = op.seed;
			break;
		case 4:
			p->ops[at].slot = op.slot;
			p->ops[at].executor = op.executor;
			break;
		case 5:
			insert(p, below(r, p->n + 1), &p->ops[at]);
			break;
		}
	}
}

#define OP_DIGITS	16

void program_text(const struct program *p, char *text, size_t size)
{
	const struct op *op;

	for (op = p->ops; op < p->ops + p->n && size > OP_DIGITS; op++) {
		snprintf(text, size, "%02x%02x%02x%02x%08x", op->kind,
			 op->executor, op->slot, op->wait, op->seed);
		text += OP_DIGITS;
		size -= OP_DIGITS;
	}
}

bool program_parse(struct program *p, const char *text)
{
	unsigned int kind, executor, slot, wait, seed;
	size_t len = strlen(text);
	struct op *op;

	if (len == 0 || len % OP_DIGITS || len > MAX_OPS * OP_DIGITS)
		return false;
	p->n = len / OP_DIGITS;
	for (op = p->ops; op < p->ops + p->n; op++, text += OP_DIGITS) {
		if (sscanf(text, "%2x%2x%2x%2x%8x", &kind, &executor, &slot,
			   &wait, &seed) != 5)
			return false;
		if ((kind >= abi_n_commands && kind < OP_OPEN) ||
		    kind >= OP_END || executor >= N_EXECUTORS ||
		    slot >= N_SLOTS)
			return false;
		*op = (struct op){ kind, executor, slot, wait, seed };
	}
	return true;
}

uint64_t program_digest(const struct program *p, uint64_t before)
{
	const uint8_t *byte = (const uint8_t *)p->ops;
	size_t i;

	for (i = 0; i < p->n * sizeof(p->ops[0]); i++)
		before = (before ^ byte[i]) * 0x100000001b3ULL;
	return before;
}

/* Take away what it fails without, in ever smaller pieces. */
bool program_minimise(struct program *p,
		      bool (*fails)(const struct program *p))
{
	unsigned int at, n;
	struct program less;

	if (!fails(p))
		return false;
	for (n = p->n / 2; n > 0; n /= 2) {
		for (at = 0; at + n <= p->n && p->n > n;) {
			less = *p;
			cut(&less, at, n);
			if (fails(&less))
				*p = less;
			else
				at += n;
		}
	}
	return true;
}
