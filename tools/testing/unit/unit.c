// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/bug.h>
#include <linux/slab.h>

#define UNIT_DEFAULT_SEED	0x6b64627573

static jmp_buf unit_env;
static unsigned int unit_warnings;
bool unit_no_memory;
static uint64_t unit_state;

_Noreturn void unit_fail(const char *file, int line, const char *condition,
			 const char *format, ...)
{
	va_list args;

	printf("# %s:%d: %s:", file, line, condition);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");

	longjmp(unit_env, 1);
}

/* what WARN_ON() comes to */
bool unit_warn(const char *file, int line, const char *condition)
{
	printf("# warning at %s:%d: %s\n", file, line, condition);
	unit_warnings++;
	return true;
}

unsigned int unit_take_warnings(void)
{
	unsigned int n = unit_warnings;

	unit_warnings = 0;
	return n;
}

/* splitmix64 */
uint64_t unit_random(void)
{
	uint64_t z = unit_state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

size_t unit_random_below(size_t limit)
{
	return unit_random() % limit;
}

void *unit_alloc(size_t size)
{
	void *data = malloc(size);

	if (!data)
		abort();
	memset(data, 0xa5, size);
	return data;
}

void *unit_copy(const void *data, size_t size)
{
	void *copy = malloc(size);

	if (!copy)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

static bool unit_run(const struct unit_test *test)
{
	if (setjmp(unit_env))
		return false;

	test->run();
	CHECK(unit_take_warnings() == 0);
	return true;
}

int unit_main(const struct unit_test *tests, size_t n_tests)
{
	const char *env = getenv("SEED");
	uint64_t seed = env && *env ? strtoull(env, NULL, 0) :
				      UNIT_DEFAULT_SEED;
	bool passed = true;
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%zu\n# SEED=%#llx\n", n_tests,
	       (unsigned long long)seed);

	for (i = 0; i < n_tests; i++) {
		bool ok;

		unit_state = seed;
		unit_warnings = 0;
		ok = unit_run(&tests[i]);
		printf("%sok %zu - %s\n", ok ? "" : "not ", i + 1,
		       tests[i].description);
		passed = passed && ok;
	}

	return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
