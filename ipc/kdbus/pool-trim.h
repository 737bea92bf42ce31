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

#include <linux/blk_types.h>
#include <linux/fs.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include "pool.h"

/* the low end stays: there is where small messages go */
#define KDBUS_POOL_KEEP		SZ_256K

int kdbus_pool_trim_module_init(void);
void kdbus_pool_trim_module_exit(void);

void kdbus_pool_trim_init(struct kdbus_pool *pool);
void kdbus_pool_trim_stop(struct kdbus_pool *pool);
void kdbus_pool_trim_later(struct kdbus_pool *pool);
void kdbus_pool_trim_wait(struct kdbus_pool *pool);

/* bytes that the file has, in memory or in swap space */
static inline u64 kdbus_pool_backed(const struct kdbus_pool *pool)
{
	/* a guess is enough while it grows or shrinks */
	return (u64)data_race(file_inode(pool->file)->i_blocks) <<
	       SECTOR_SHIFT;
}

/**
 * kdbus_pool_trim_is_due() - see if much more memory is there than is used
 * @pool:	pool
 *
 * Context: @pool's lock is held.
 * Return: true if kdbus_pool_trim_later() should be called.
 */
static inline bool kdbus_pool_trim_is_due(const struct kdbus_pool *pool)
{
	return kdbus_pool_backed(pool) >
	       (u64)pool->slices.used_bytes + KDBUS_POOL_KEEP;
}

/**
 * kdbus_pool_trim_overlaps() - see if a new slice is being given back
 * @pool:	pool
 * @slice:	slice that was allocated just now
 *
 * Context: @pool's lock is held.
 * Return: true if the caller has to call kdbus_pool_trim_wait() before anybody
 *         accesses the slice.
 */
static inline bool kdbus_pool_trim_overlaps(const struct kdbus_pool *pool,
					    const struct kdbus_slice *slice)
{
	return slice->offset < pool->trim_end &&
	       slice->offset + slice->size > pool->trim_start;
}

#endif
