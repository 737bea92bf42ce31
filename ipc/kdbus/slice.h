/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_SLICE_H
#define KDBUS_SLICE_H

/**
 * DOC: Slice allocator
 *
 * Divides the address range [0, size) of a pool into slices. Offsets and sizes
 * are multiples of 8. Allocation is best fit: the smallest free slice that is
 * large enough, the lowest of equals; its low part is taken and the rest stays
 * free. Freeing merges with free neighbours on both sides. There is no
 * compaction.
 *
 * All operations are O(log n) in the number of free slices respectively used
 * slices. A pool that is used first in, first out has few free slices, most of
 * the time one or two, so that its cost does not grow.
 *
 * The allocator knows addresses only: no memory is touched, nothing sleeps,
 * nothing is allocated. Slice objects come from the caller and go back to the
 * caller, who also serialises all calls on one &struct kdbus_slices.
 */

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

/**
 * struct kdbus_slice - a range of a pool
 * @rb:		in &kdbus_slices.free (by size, then offset) while free, else
 *		in &kdbus_slices.used (by offset)
 * @entry:	in &kdbus_slices.all, ordered by offset, gapless
 * @offset:	first byte
 * @size:	bytes, a multiple of 8, never 0
 * @is_free:	which of the two trees @rb is in
 * @stale:	part of it was used since the owner of the allocator cleared
 *		this (free slices only)
 * @kernel:	the kernel still needs the content (used slices only)
 * @user:	user space may read the content and has to release it (used
 *		slices only)
 *
 * @kernel and @user belong to the pool; the allocator clears them when the
 * slice is allocated.
 *
 * What remains of a free slice when another one is cut from it is as stale as it
 * was; what is freed is stale, with all that it merges with.
 */
struct kdbus_slice {
	struct rb_node rb;
	struct list_head entry;
	size_t offset;
	size_t size;
	bool is_free;
	bool stale;
	bool kernel;
	bool user;
};

/**
 * struct kdbus_slices - a divided range
 * @size:	bytes in total
 * @used_bytes:	bytes in used slices
 * @all:	all slices by offset
 * @free:	free slices by size, then offset
 * @used:	used slices by offset
 */
struct kdbus_slices {
	size_t size;
	size_t used_bytes;
	struct list_head all;
	struct rb_root free;
	struct rb_root used;
};

/**
 * struct kdbus_slice_trash - slice objects that an operation made superfluous
 * @slices:	objects to free by the caller; unused places are NULL
 */
struct kdbus_slice_trash {
	struct kdbus_slice *slices[2];
};

void kdbus_slices_init(struct kdbus_slices *slices, size_t size,
		       struct kdbus_slice *first);
struct kdbus_slice *kdbus_slices_deinit(struct kdbus_slices *slices);
struct kdbus_slice *kdbus_slices_alloc(struct kdbus_slices *slices, size_t size,
				       struct kdbus_slice **spare);
struct kdbus_slice *kdbus_slices_find(const struct kdbus_slices *slices,
				      u64 offset);
struct kdbus_slice *kdbus_slices_find_stale(const struct kdbus_slices *slices,
					    size_t min);
struct kdbus_slice *kdbus_slices_release(struct kdbus_slices *slices,
					 struct kdbus_slice *slice,
					 struct kdbus_slice_trash *trash);

#endif
