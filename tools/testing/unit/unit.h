/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_H
#define UNIT_H

/**
 * DOC: Unit tests
 *
 * A test is a function that returns if all went well. A check that fails ends
 * the test at once. Tests run in one process one after the other; each starts
 * with the same state of the random numbers, so that it can be run again alone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unit_test {
	const char *description;
	void (*run)(void);
};

/* fail unless @_condition; what may follow is a format and its arguments */
#define CHECK(_condition, ...)						\
	do {								\
		if (!(_condition))					\
			unit_fail(__FILE__, __LINE__, #_condition,	\
				  " " __VA_ARGS__);			\
	} while (0)

/* fail unless two integers are equal */
#define CHECK_EQ(_a, _b)						\
	do {								\
		long long a_ = (_a), b_ = (_b);				\
									\
		CHECK(a_ == b_, "%lld, not %lld", a_, b_);		\
	} while (0)

_Noreturn void unit_fail(const char *file, int line, const char *condition,
			 const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* the warnings since the last call; a test fails if it leaves some */
unsigned int unit_take_warnings(void);

uint64_t unit_random(void);
size_t unit_random_below(size_t limit);

/* memory that contains no zeroes and nothing that was there before */
void *unit_alloc(size_t size);

/* a copy in memory of just this size, so that reading past it is noticed */
void *unit_copy(const void *data, size_t size);

int unit_main(const struct unit_test *tests, size_t n_tests);

#define UNIT_MAIN(_tests)						\
	int main(void)							\
	{								\
		return unit_main(_tests,				\
				 sizeof(_tests) / sizeof(*(_tests)));	\
	}

#endif
