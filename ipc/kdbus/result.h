/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_RESULT_H
#define KDBUS_RESULT_H

/**
 * DOC: Results
 *
 * What a command tells its caller in the caller's own pool.
 */

#include <linux/types.h>
#include <linux/uio.h>

struct kdbus_pool;
struct kdbus_slice;

struct kdbus_slice *kdbus_result_store(struct kdbus_pool *pool,
				       const struct kvec *parts, size_t n);
int kdbus_result_return(struct kdbus_pool *pool, const struct kvec *parts,
			size_t n, u64 __user *offset, u64 __user *size);

#endif
