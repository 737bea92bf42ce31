/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_PATH_H
#define KDBUS_PATH_H

/**
 * DOC: Paths of cgroups
 *
 * Pure text: no lock, no allocation, no kernel object.
 */

#include <linux/types.h>

int kdbus_path_relative(const char *from, const char *to, char *buf,
			size_t size);

#endif
