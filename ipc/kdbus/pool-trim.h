/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_POOL_TRIM_H
#define KDBUS_POOL_TRIM_H

/**
 * DOC: Trimming
 *
 * Whoever receives something large should not have its memory for ever. When a
 * slice is released and the pool has much more pages than are used, a work item
 * is scheduled. It does nothing as long as the pool goes on being used like
 * that; otherwise the pages of the long free stretches go back to the system.
 *
 * No slice is taken out of circulation for that. The stretch that is being given
 * back is written down under the pool's lock; who allocates a slice in it waits
 * for @trim_lock before it writes.
 */

#include <linux/types.h>

struct kdbus_pool;
struct kdbus_slice;

int kdbus_pool_trim_module_init(void);
void kdbus_pool_trim_module_exit(void);

void kdbus_pool_trim_init(struct kdbus_pool *pool);
void kdbus_pool_trim_stop(struct kdbus_pool *pool);
bool kdbus_pool_trim_is_due(const struct kdbus_pool *pool);
void kdbus_pool_trim_later(struct kdbus_pool *pool);
bool kdbus_pool_trim_overlaps(const struct kdbus_pool *pool,
			      const struct kdbus_slice *slice);
void kdbus_pool_trim_wait(struct kdbus_pool *pool);

#endif
