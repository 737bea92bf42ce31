// SPDX-License-Identifier: GPL-2.0
#include "pool.h"

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "compat.h"

/*
 * Pages that exist are found in the page cache without a lock, several at a
 * time. No page is pinned for longer than it is being written, but for one in
 * each pool, so that all others can be swapped out, migrated and truncated like
 * those of any shmem file. What is not in the page cache, or not ready, is left
 * to shmem, which allocates it or reads it in.
 *
 * A folio is only used if it could be locked after a reference was taken on it,
 * for a moment: from then on it stays the one and only copy until the reference
 * is gone, and is marked dirty before that.
 */

/**
 * kdbus_pool_cursor_init() - start to access a slice
 * @cursor:	cursor
 * @pool:	pool
 * @slice:	slice that the caller has to itself, or only reads
 * @gfp:	KDBUS_POOL_GFP, or 0 if it is the owner of the pool who accesses it
 *
 * Context: any.
 */
void kdbus_pool_cursor_init(struct kdbus_pool_cursor *cursor,
			    struct kdbus_pool *pool,
			    const struct kdbus_slice *slice, gfp_t gfp)
{
	cursor->gfp = gfp;
	cursor->pool = pool;
	cursor->slice = slice;
	cursor->folio = NULL;
	cursor->written = false;
	cursor->used = 0;
	folio_batch_init(&cursor->batch);
}

static bool kdbus_folio_has(struct folio *folio, pgoff_t index)
{
	return index - folio->index < folio_nr_pages(folio);
}

/* before the references are given up, the folios have to know of their content */
static void kdbus_cursor_settle(struct kdbus_pool_cursor *cursor)
{
	unsigned int i;

	if (!cursor->written)
		return;

	/* what was written must not be missed by who finds the flag cleared */
	smp_mb();
	for (i = 0; i < cursor->used; i++)
		if (unlikely(!folio_test_dirty(cursor->batch.folios[i])))
			folio_mark_dirty(cursor->batch.folios[i]);
	cursor->written = false;
}

static void kdbus_cursor_leave(struct kdbus_pool_cursor *cursor)
{
	unsigned int i;

	kdbus_cursor_settle(cursor);
	for (i = 0; i < folio_batch_count(&cursor->batch); i++)
		folio_put(cursor->batch.folios[i]);

	cursor->folio = NULL;
	cursor->used = 0;
	folio_batch_init(&cursor->batch);
}

/**
 * kdbus_pool_cursor_deinit() - end to access a slice
 * @cursor:	cursor
 *
 * Context: any.
 */
void kdbus_pool_cursor_deinit(struct kdbus_pool_cursor *cursor)
{
	struct folio *folio = cursor->folio;

	if (!folio)
		return;

	if (likely(folio_batch_count(&cursor->batch) == 1)) {
		/* its reference is passed on */
		kdbus_cursor_settle(cursor);
	} else {
		folio_get(folio);
		kdbus_cursor_leave(cursor);
	}
	if (cmpxchg(&cursor->pool->recent, NULL, folio))
		folio_put(folio);
}

/*
 * The folio that was used last. One that is of no use is not put back: its range
 * may be given back to the system, which has to find all there is.
 */
static struct folio *kdbus_cursor_take_recent(struct kdbus_pool_cursor *cursor,
					      pgoff_t index)
{
	struct folio *folio;

	if (!READ_ONCE(cursor->pool->recent))
		return NULL;

	folio = xchg(&cursor->pool->recent, NULL);
	if (folio && !kdbus_folio_has(folio, index)) {
		folio_put(folio);
		folio = NULL;
	}
	return folio;
}

/*
 * A folio that is being migrated, collapsed or swapped out is locked all that
 * time: its content may have been copied already although it is still in the page
 * cache, and nobody looks again whether it is referenced. Who has a reference
 * since before it was able to lock the folio keeps these from starting.
 */
static bool kdbus_folio_claim(struct folio *folio,
			      const struct address_space *mapping,
			      pgoff_t index)
{
	bool usable;

	if (!folio_trylock(folio))
		return false;
	usable = folio->mapping == mapping && folio->index == index &&
		 !folio_test_large(folio) && folio_test_uptodate(folio);
	folio_unlock(folio);

	return usable;
}

/* is the folio still where it was found? The same as xas_reload(), for small ones */
static bool kdbus_folio_is_at(struct xa_state *xas, const struct folio *folio)
{
	if (unlikely(!xas->xa_node))
		return xas_reload(xas) == folio;

	return xa_entry(xas->xa, xas->xa_node, xas->xa_offset) == folio;
}

/*
 * Find what the page cache has of the pages from @index to @end, up to the first
 * that is missing, locked, not ready yet or part of something larger.
 */
static void kdbus_cursor_look_up(struct kdbus_pool_cursor *cursor,
				 pgoff_t index, pgoff_t end)
{
	struct address_space *mapping = cursor->pool->file->f_mapping;
	XA_STATE(xas, &mapping->i_pages, index);
	struct folio *folio;

	rcu_read_lock();
	xas_for_each(&xas, folio, end) {
		/* neither is a folio; that it has this index is seen below */
		if (xa_is_internal(folio) || xa_is_value(folio))
			break;
		if (!folio_try_get(folio))
			break;
		/* it may be another one's by now, who would not bear the lock */
		if (!kdbus_folio_is_at(&xas, folio) ||
		    !kdbus_folio_claim(folio, mapping, index)) {
			folio_put(folio);
			break;
		}
		index++;
		if (!folio_batch_add(&cursor->batch, folio))
			break;
	}
	rcu_read_unlock();
}

/**
 * kdbus_pool_forget_recent() - drop the folio that was used last
 * @pool:	pool
 *
 * Context: any.
 */
void kdbus_pool_forget_recent(struct kdbus_pool *pool)
{
	struct folio *folio = xchg(&pool->recent, NULL);

	if (folio)
		folio_put(folio);
}

/* the pages of a pool are charged to its owner */
static struct folio *kdbus_cursor_read(struct kdbus_pool_cursor *cursor,
				       pgoff_t index)
{
	struct address_space *mapping = cursor->pool->file->f_mapping;
	struct mem_cgroup *old;
	struct folio *folio;
	struct page *page;
	bool kept;

	for (;;) {
		old = kdbus_pool_enter(cursor->pool);
		page = shmem_read_mapping_page_gfp(mapping, index,
						   mapping_gfp_mask(mapping) |
						   cursor->gfp);
		kdbus_pool_leave(old);
		if (IS_ERR(page))
			return ERR_CAST(page);

		folio = page_folio(page);
		if (likely(!folio_test_large(folio)))
			return folio;

		/*
		 * Part of it may be given back right now. If it is clean then
		 * shmem drops all of it, however much is in use.
		 */
		folio_lock(folio);
		kept = folio->mapping == mapping;
		if (kept)
			folio_mark_dirty(folio);
		folio_unlock(folio);
		if (kept)
			return folio;
		folio_put(folio);
	}
}

/* find the folio of a page; those up to the page @end may come with it */
static noinline struct folio *
kdbus_cursor_find(struct kdbus_pool_cursor *cursor, pgoff_t index, pgoff_t end)
{
	struct folio *folio;

	kdbus_cursor_leave(cursor);

	kdbus_cursor_look_up(cursor, index, end);
	if (!folio_batch_count(&cursor->batch)) {
		folio = kdbus_cursor_read(cursor, index);
		if (IS_ERR(folio))
			return folio;
		folio_batch_add(&cursor->batch, folio);
	}

	cursor->used = 1;
	cursor->folio = cursor->batch.folios[0];
	return cursor->folio;
}

/* have the folio of a page; a cursor most often begins where the last one ended */
static noinline struct folio *
kdbus_cursor_advance(struct kdbus_pool_cursor *cursor, pgoff_t index,
		     pgoff_t end)
{
	struct folio *folio;

	if (!cursor->folio) {
		folio = kdbus_cursor_take_recent(cursor, index);
		if (folio) {
			folio_batch_add(&cursor->batch, folio);
			cursor->used = 1;
			cursor->folio = folio;
			return folio;
		}
	}

	return kdbus_cursor_find(cursor, index, end);
}

/*
 * Have the page of the byte at @pos in the pool; at least @size bytes are going to
 * be accessed.
 */
static __always_inline struct page *
kdbus_cursor_seek(struct kdbus_pool_cursor *cursor, size_t pos, size_t size)
{
	pgoff_t index = pos >> PAGE_SHIFT;
	struct folio *folio = cursor->folio;
	struct page *page;

	if (cursor->used < folio_batch_count(&cursor->batch) &&
	    cursor->batch.folios[cursor->used]->index == index) {
		/* it was found together with the one before, and is not large */
		folio = cursor->batch.folios[cursor->used++];
		cursor->folio = folio;
		page = folio_page(folio, 0);
	} else {
		if (!folio || !kdbus_folio_has(folio, index))
			folio = kdbus_cursor_advance(cursor, index,
						     (pos + size - 1) >>
						     PAGE_SHIFT);
		if (IS_ERR(folio))
			return ERR_CAST(folio);
		page = folio_page(folio, index - folio->index);
	}

	return unlikely(PageHWPoison(page)) ? ERR_PTR(-EIO) : page;
}

/* bytes from @pos to the end of its page, at most @size */
static size_t kdbus_cursor_chunk(size_t pos, size_t size)
{
	return min_t(size_t, size, PAGE_SIZE - offset_in_page(pos));
}

/**
 * kdbus_pool_write() - write kernel memory into a slice
 * @cursor:	cursor
 * @offset:	first byte in the slice
 * @data:	what to write
 * @size:	bytes; all of them are inside the slice
 *
 * Context: may sleep.
 * Return: 0, or what shmem returns if it cannot provide a page (-ENOMEM, -EIO).
 */
int kdbus_pool_write(struct kdbus_pool_cursor *cursor, size_t offset,
		     const void *data, size_t size)
{
	size_t pos = cursor->slice->offset + offset;

	while (size > 0) {
		size_t n = kdbus_cursor_chunk(pos, size);
		struct page *page;

		page = kdbus_cursor_seek(cursor, pos, size);
		if (IS_ERR(page))
			return PTR_ERR(page);

		cursor->written = true;
		memcpy_to_page(page, offset_in_page(pos), data, n);

		data += n;
		pos += n;
		size -= n;
	}

	return 0;
}

/**
 * kdbus_pool_read() - read from a slice into kernel memory
 * @cursor:	cursor
 * @offset:	first byte in the slice
 * @data:	filled in
 * @size:	bytes; all of them are inside the slice
 *
 * Context: may sleep.
 * Return: 0, or what shmem returns if it cannot provide a page (-ENOMEM, -EIO).
 */
int kdbus_pool_read(struct kdbus_pool_cursor *cursor, size_t offset,
		    void *data, size_t size)
{
	size_t pos = cursor->slice->offset + offset;

	while (size > 0) {
		size_t n = kdbus_cursor_chunk(pos, size);
		struct page *page;

		page = kdbus_cursor_seek(cursor, pos, size);
		if (IS_ERR(page))
			return PTR_ERR(page);

		memcpy_from_page(data, page, offset_in_page(pos), n);

		data += n;
		pos += n;
		size -= n;
	}

	return 0;
}

/**
 * kdbus_pool_zero() - write zeros into a slice
 * @cursor:	cursor
 * @offset:	first byte in the slice
 * @size:	bytes; fewer than a page, all of them inside the slice
 *
 * Context: may sleep.
 * Return: 0, or what shmem returns if it cannot provide a page (-ENOMEM, -EIO).
 */
int kdbus_pool_zero(struct kdbus_pool_cursor *cursor, size_t offset,
		    size_t size)
{
	return size ? kdbus_pool_write(cursor, offset,
				       page_address(ZERO_PAGE(0)), size) : 0;
}

/**
 * kdbus_pool_write_user() - write user memory into a slice
 * @cursor:	cursor
 * @offset:	first byte in the slice
 * @data:	what to write
 * @size:	bytes; all of them are inside the slice
 *
 * Context: may sleep for as long as user space likes: no lock, no active
 *          reference is held.
 * Return: 0; -EFAULT if @data cannot be read; or what shmem returns if it
 *         cannot provide a page (-ENOMEM, -EIO). Part of the slice may be
 *         written.
 */
int kdbus_pool_write_user(struct kdbus_pool_cursor *cursor, size_t offset,
			  const void __user *data, size_t size)
{
	size_t pos = cursor->slice->offset + offset;

	while (size > 0) {
		size_t n = kdbus_cursor_chunk(pos, size);
		unsigned long left;
		struct page *page;
		void *address;

		page = kdbus_cursor_seek(cursor, pos, size);
		if (IS_ERR(page))
			return PTR_ERR(page);

		cursor->written = true;
		address = kmap_local_page(page);
		/* a page is no object whose size has to be looked up first */
		left = _copy_from_user(address + offset_in_page(pos), data, n);
		flush_dcache_page(page);
		kunmap_local(address);
		if (left)
			return -EFAULT;

		data += n;
		pos += n;
		size -= n;
	}

	return 0;
}

/**
 * kdbus_pool_copy() - copy from one slice to another
 * @cursor:		cursor to write with
 * @offset:		first byte to write
 * @from:		cursor to read with
 * @from_offset:	first byte to read
 * @size:		bytes; all of them are inside both slices
 *
 * Context: may sleep.
 * Return: 0, or what shmem returns if it cannot provide a page (-ENOMEM, -EIO).
 */
int kdbus_pool_copy(struct kdbus_pool_cursor *cursor, size_t offset,
		    struct kdbus_pool_cursor *from, size_t from_offset,
		    size_t size)
{
	size_t pos = from->slice->offset + from_offset;

	while (size > 0) {
		size_t n = kdbus_cursor_chunk(pos, size);
		struct page *page;
		void *address;
		int r;

		page = kdbus_cursor_seek(from, pos, size);
		if (IS_ERR(page))
			return PTR_ERR(page);

		address = kmap_local_page(page);
		r = kdbus_pool_write(cursor, offset,
				     address + offset_in_page(pos), n);
		kunmap_local(address);
		if (r < 0)
			return r;

		pos += n;
		offset += n;
		size -= n;
	}

	return 0;
}
