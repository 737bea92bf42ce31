/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_POOL_H
#define KDBUS_POOL_H

/**
 * DOC: Pools
 *
 * The memory in which a connection receives: a shmem file that its owner maps
 * read-only, divided into slices. Whoever sends writes into a slice of the
 * receiver's pool; the pages are charged to the receiver.
 *
 * A slice is needed by the kernel (an undelivered message), by user space (it
 * was told the offset and has to release it) or by both (a message that was
 * peeked at). It is free when neither needs it.
 *
 * Never changes: @file, @size, @memcg. @lock guards the slices; it is never held
 * while content is written, as a slice that is being written belongs to its
 * writer.
 */

#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "slice.h"

struct file;
struct mem_cgroup;
struct vm_area_struct;

/**
 * struct kdbus_pool - a pool
 * @file:	shmem file
 * @size:	bytes, a multiple of PAGE_SIZE
 * @memcg:	memory cgroup of the owner, with a reference, or NULL
 * @lock:	guards @slices, @spare, @peak and the trimmed range; nests nothing
 * @slices:	how the pool is divided
 * @peak:	most bytes that were used since it was last asked
 * @trim_start:	first byte of what is being given back to the system
 * @trim_end:	first byte behind it, 0 if there is nothing
 * @trim_lock:	held while pages are given back; @lock nests in it
 * @trim:	gives pages back
 * @spare:	a slice object that is not in use, or NULL. A pool that is used
 *		message by message allocates none
 * @recent:	the folio that was accessed last, with a reference, or NULL;
 *		taken and put back atomically. A pool that is used message by
 *		message goes on using its first page
 */
struct kdbus_pool {
	struct file *file;
	size_t size;
	struct mem_cgroup *memcg;
	spinlock_t lock;
	struct kdbus_slices slices;
	size_t peak;
	size_t trim_start;
	size_t trim_end;
	struct mutex trim_lock;
	struct delayed_work trim;
	struct kdbus_slice *spare;
	struct folio *recent;
};

/**
 * struct kdbus_pool_cursor - access to the content of one slice
 * @pool:	pool
 * @slice:	slice
 * @gfp:	how pages are allocated, besides what the pool says
 * @written:	what was used of @batch was written to and does not know yet
 * @folio:	folio that is accessed, the last one of @batch that was used, or
 *		NULL
 * @used:	elements of @batch that were used
 * @batch:	folios that were found together, with references
 *
 * Offsets are relative to the slice. Folios are kept, so that writing piece by
 * piece looks them up once. A cursor ends before its slice does: no folio is
 * referenced on behalf of a range that is free, except &kdbus_pool.recent.
 */
struct kdbus_pool_cursor {
	struct kdbus_pool *pool;
	const struct kdbus_slice *slice;
	gfp_t gfp;
	bool written;
	struct folio *folio;
	unsigned int used;
	struct folio_batch batch;
};

/* a receiver that is out of memory is no reason to kill for a sender */
#define KDBUS_POOL_GFP	(__GFP_NORETRY | __GFP_NOWARN)

/*
 * What is allocated between enter and leave is charged to the owner of the pool,
 * also if it is somebody else who allocates. Nothing of user space may be
 * touched there: its pages would be charged to the wrong one.
 */
static inline struct mem_cgroup *kdbus_pool_enter(struct kdbus_pool *pool)
{
	return set_active_memcg(pool->memcg);
}

static inline void kdbus_pool_leave(struct mem_cgroup *old)
{
	set_active_memcg(old);
}

int kdbus_pool_init(void);
void kdbus_pool_exit(void);

struct kdbus_pool *kdbus_pool_new(const char *description, size_t size);
struct kdbus_pool *kdbus_pool_free(struct kdbus_pool *pool);
int kdbus_pool_mmap(struct kdbus_pool *pool, struct vm_area_struct *vma);

struct kdbus_slice *kdbus_pool_alloc(struct kdbus_pool *pool, size_t size);
void kdbus_pool_drop(struct kdbus_pool *pool, struct kdbus_slice *slice);
void kdbus_pool_publish(struct kdbus_pool *pool, struct kdbus_slice *slice,
			bool keep);
int kdbus_pool_release(struct kdbus_pool *pool, u64 offset);

void kdbus_pool_forget_recent(struct kdbus_pool *pool);
void kdbus_pool_cursor_init(struct kdbus_pool_cursor *cursor,
			    struct kdbus_pool *pool,
			    const struct kdbus_slice *slice, gfp_t gfp);
void kdbus_pool_cursor_deinit(struct kdbus_pool_cursor *cursor);
int kdbus_pool_write(struct kdbus_pool_cursor *cursor, size_t offset,
		     const void *data, size_t size);
int kdbus_pool_read(struct kdbus_pool_cursor *cursor, size_t offset,
		    void *data, size_t size);
int kdbus_pool_zero(struct kdbus_pool_cursor *cursor, size_t offset,
		    size_t size);
int kdbus_pool_write_user(struct kdbus_pool_cursor *cursor, size_t offset,
			  const void __user *data, size_t size);
int kdbus_pool_copy(struct kdbus_pool_cursor *cursor, size_t offset,
		    struct kdbus_pool_cursor *from, size_t from_offset,
		    size_t size);

#endif
