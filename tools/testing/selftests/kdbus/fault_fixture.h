/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef _FAULT_FIXTURE_H
#define _FAULT_FIXTURE_H

/*
 * The test harness takes one program for one file, so this is what the programs
 * of fault_util.h share of it: a fixture that is in a mount namespace of its
 * own, and FAULT().
 */

#include "fault_util.h"
#include "kdbus_harness.h"

/* so that it does not take long to find out how many are left */
#define CONNS_PER_USER	"8"

static char conns_per_user[16];

FIXTURE(fault) {
	char path[128];
};

FIXTURE_SETUP(fault)
{
	FILE *file;

	ASSERT_EQ(0, own_mounts());
	snprintf(self->path, sizeof(self->path),
		 "/sys/module/%.*s/parameters/max_conns_per_user",
		 (int)strlen(kdbus_fs_type()) - 2, kdbus_fs_type());
	file = fopen(self->path, "r+e");
	ASSERT_NE(NULL, file);
	ASSERT_NE(NULL, fgets(conns_per_user, sizeof(conns_per_user), file));
	rewind(file);
	ASSERT_LT(0, fputs(CONNS_PER_USER, file));
	ASSERT_EQ(0, fclose(file));
}

FIXTURE_TEARDOWN(fault)
{
	FILE *file = fopen(self->path, "we");

	ASSERT_NE(NULL, file);
	fputs(conns_per_user, file);
	ASSERT_EQ(0, fclose(file));
}

/*
 * FAULT(what, .call = ...) is a test that what is called fails well. Each
 * command has at least the copy of its argument; FAULT_FIXED() is for those that
 * read theirs in a way that the kernel cannot let fail, and may need nothing else.
 */
#define FAULT_AT_LEAST(_least, _name, ...) \
	TEST_F_TIMEOUT(fault, _name, 3600) \
	{ \
		static const struct fault_case c = { \
			.name = #_name, __VA_ARGS__ \
		}; \
		EXPECT_LE(_least, fault_run(&c)); \
	}

#define FAULT(_name, ...)	FAULT_AT_LEAST(1, _name, __VA_ARGS__)
#define FAULT_FIXED(_name, ...)	FAULT_AT_LEAST(0, _name, __VA_ARGS__)

#define FAULT_HARNESS_MAIN \
	static void __attribute__((constructor)) fault_constructor(void) \
	{ \
		kdbus_require(); \
		fault_require(); \
	} \
	TEST_HARNESS_MAIN

#endif /* _FAULT_FIXTURE_H */
