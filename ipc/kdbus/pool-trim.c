// SPDX-License-Identifier: GPL-2.0
#include "pool-trim.h"

#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>

#include "pool.h"

/* shorter stretches are not worth it; bounds how many there are */
#define KDBUS_POOL_STRETCH	SZ_64K

/* a stretch that is needed again and again is left alone */
#define KDBUS_POOL_TRIM_DELAY	HZ

static struct workqueue_struct *kdbus_pool_wq;

/**
 * kdbus_pool_trim_module_init() - make what pools share
 *
 * Context: module init; may sleep.
 * Return: 0 or -ENOMEM.
 */
int kdbus_pool_trim_module_init(void)
{
	kdbus_pool_wq = alloc_workqueue(KBUILD_MODNAME "_pool", WQ_UNBOUND, 0);
	return kdbus_pool_wq ? 0 : -ENOMEM;
}

/**
 * kdbus_pool_trim_module_exit() - release what pools share
 *
 * Context: module exit; no pool exists any more.
 */
void kdbus_pool_trim_module_exit(void)
{
	destroy_workqueue(kdbus_pool_wq);
}

/*
 * Choose a stretch. From now on a slice that is allocated there has to wait
 * before it is written to, see kdbus_pool_trim_overlaps().
 */
static bool kdbus_pool_trim_begin(struct kdbus_pool *pool, size_t *start,
				  size_t *end)
{
	struct kdbus_slice *slice;

	*start = 0;
	*end = 0;

	spin_lock(&pool->lock);
	slice = kdbus_slices_find_stale(&pool->slices, KDBUS_POOL_STRETCH);
	if (slice) {
		slice->stale = false;
		/* neighbours may share the first and the last page */
		*start = max_t(size_t, PAGE_ALIGN(slice->offset),
			       KDBUS_POOL_KEEP);
		*end = (slice->offset + slice->size) & PAGE_MASK;
		if (*start < *end) {
			pool->trim_start = *start;
			pool->trim_end = *end;
		}
	}
	spin_unlock(&pool->lock);

	return slice;
}

static void kdbus_pool_trim_end(struct kdbus_pool *pool)
{
	spin_lock(&pool->lock);
	pool->trim_start = 0;
	pool->trim_end = 0;
	spin_unlock(&pool->lock);
}

static bool kdbus_pool_trim_one(struct kdbus_pool *pool)
{
	size_t start, end;
	bool found;

	mutex_lock(&pool->trim_lock);
	found = kdbus_pool_trim_begin(pool, &start, &end);
	if (start < end) {
		/* no cursor refers to this range, but the pool itself may */
		kdbus_pool_forget_recent(pool);
		shmem_truncate_range(file_inode(pool->file), start, end - 1);
		kdbus_pool_trim_end(pool);
	}
	mutex_unlock(&pool->trim_lock);

	return found;
}

static void kdbus_pool_trim_work(struct work_struct *work)
{
	struct kdbus_pool *pool = container_of(to_delayed_work(work),
					       struct kdbus_pool, trim);
	u64 backed = kdbus_pool_backed(pool);
	size_t used, peak;

	spin_lock(&pool->lock);
	used = pool->slices.used_bytes;
	peak = pool->peak;
	pool->peak = used;
	spin_unlock(&pool->lock);

	if (backed > (u64)peak + KDBUS_POOL_KEEP) {
		while (kdbus_pool_trim_one(pool))
			cond_resched();
	} else if (backed > (u64)used + KDBUS_POOL_KEEP) {
		/* it was in use a moment ago */
		queue_delayed_work(kdbus_pool_wq, &pool->trim,
				   KDBUS_POOL_TRIM_DELAY);
	}
}

/**
 * kdbus_pool_trim_init() - prepare to give memory back
 * @pool:	new pool
 *
 * Context: any.
 */
void kdbus_pool_trim_init(struct kdbus_pool *pool)
{
	mutex_init(&pool->trim_lock);
	INIT_DELAYED_WORK(&pool->trim, kdbus_pool_trim_work);
}

/**
 * kdbus_pool_trim_stop() - do not give memory back any more
 * @pool:	pool of which no slice is released any more
 *
 * Context: may sleep.
 */
void kdbus_pool_trim_stop(struct kdbus_pool *pool)
{
	cancel_delayed_work_sync(&pool->trim);
}

/**
 * kdbus_pool_trim_later() - give memory back if it is not needed soon
 * @pool:	pool
 *
 * Context: any, but not under the pool's lock.
 */
void kdbus_pool_trim_later(struct kdbus_pool *pool)
{
	if (!delayed_work_pending(&pool->trim))
		queue_delayed_work(kdbus_pool_wq, &pool->trim,
				   KDBUS_POOL_TRIM_DELAY);
}

/**
 * kdbus_pool_trim_wait() - wait until memory was given back
 * @pool:	pool
 *
 * Context: may sleep, for as long as it takes to free the pages of one stretch;
 *          takes the pool's trim_lock.
 */
void kdbus_pool_trim_wait(struct kdbus_pool *pool)
{
	mutex_lock(&pool->trim_lock);
	mutex_unlock(&pool->trim_lock);
}
