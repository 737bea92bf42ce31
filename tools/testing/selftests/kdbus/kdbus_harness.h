/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef _KDBUS_HARNESS_H
#define _KDBUS_HARNESS_H

/* The framework, as the tests here use it; each program includes this once. */

#include "kdbus_util.h"
#include "kselftest_harness.h"

/*
 * Only what hangs shall run into it. The framework's 30 seconds are too few on
 * a kernel that checks everything, in an emulator, on a busy machine.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 600

/* TEST_HARNESS_MAIN for what needs a kdbusfs, see kdbus_require(). */
#define KDBUS_HARNESS_MAIN \
	static void __attribute__((constructor)) kdbus_constructor(void) \
	{ \
		kdbus_require(); \
	} \
	TEST_HARNESS_MAIN

#endif
