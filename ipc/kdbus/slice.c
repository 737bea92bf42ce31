// SPDX-License-Identifier: GPL-2.0
#include "slice.h"

/*
 * Changing the key of a free slice where it is in the tree, if it stays between
 * its neighbours, is much cheaper than taking it out and putting it in again.
 * Almost always it does stay there: most pools are one large free range with
 * some slices at its start.
 */

/* order of free slices: by size, then by offset */
static bool kdbus_slice_fits_before(const struct kdbus_slice *a,
				    const struct kdbus_slice *b)
{
	return a->size < b->size || (a->size == b->size &&
				     a->offset < b->offset);
}

static void kdbus_slices_link_free(struct kdbus_slices *slices,
				   struct kdbus_slice *slice)
{
	struct rb_node **link = &slices->free.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		if (kdbus_slice_fits_before(slice,
					    rb_entry(parent, struct kdbus_slice,
						     rb)))
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}

	slice->is_free = true;
	rb_link_node(&slice->rb, parent, link);
	rb_insert_color(&slice->rb, &slices->free);
}

static void kdbus_slices_link_used(struct kdbus_slices *slices,
				   struct kdbus_slice *slice)
{
	struct rb_node **link = &slices->used.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		if (slice->offset <
		    rb_entry(parent, struct kdbus_slice, rb)->offset)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}

	slice->is_free = false;
	slice->kernel = false;
	slice->user = false;
	rb_link_node(&slice->rb, parent, link);
	rb_insert_color(&slice->rb, &slices->used);
	slices->used_bytes += slice->size;
}

static void kdbus_slices_unlink_used(struct kdbus_slices *slices,
				     struct kdbus_slice *slice)
{
	rb_erase(&slice->rb, &slices->used);
	slices->used_bytes -= slice->size;
}

/**
 * kdbus_slices_init() - make one free slice of a range
 * @slices:	allocator; uninitialised before
 * @size:	bytes, a multiple of 8, not 0
 * @first:	object for the slice; uninitialised before. The allocator has it
 *		until an operation gives it back
 *
 * Context: any.
 */
void kdbus_slices_init(struct kdbus_slices *slices, size_t size,
		       struct kdbus_slice *first)
{
	slices->size = size;
	slices->used_bytes = 0;
	INIT_LIST_HEAD(&slices->all);
	slices->free = RB_ROOT;
	slices->used = RB_ROOT;

	first->offset = 0;
	first->size = size;
	first->kernel = false;
	first->user = false;
	first->stale = false;
	list_add(&first->entry, &slices->all);
	kdbus_slices_link_free(slices, first);
}

/**
 * kdbus_slices_deinit() - take back the slices, one with each call
 * @slices:	allocator. Once this was called, nothing else may be
 *
 * Context: any; serialised by the caller.
 * Return: the object of a free or a used slice, which says so in its is_free
 *         and belongs to the caller; or NULL if there is none left.
 */
struct kdbus_slice *kdbus_slices_deinit(struct kdbus_slices *slices)
{
	struct kdbus_slice *slice;

	slice = list_first_entry_or_null(&slices->all, struct kdbus_slice,
					 entry);
	if (slice)
		list_del(&slice->entry);

	/* everything goes, so nobody needs the trees in order */
	slices->free = RB_ROOT;
	slices->used = RB_ROOT;
	slices->used_bytes = 0;

	return slice;
}

/*
 * Find the first free slice of at least @size bytes. @lower is the last one
 * that is smaller, which is the one in front of it, or NULL.
 */
static struct kdbus_slice *kdbus_slices_find_free(struct kdbus_slices *slices,
						  size_t size,
						  struct kdbus_slice **lower)
{
	struct rb_node *node = slices->free.rb_node;
	struct kdbus_slice *slice, *found = NULL;

	*lower = NULL;

	while (node) {
		slice = rb_entry(node, struct kdbus_slice, rb);
		if (slice->size < size) {
			*lower = slice;
			node = node->rb_right;
		} else {
			found = slice;
			node = node->rb_left;
		}
	}

	return found;
}

/**
 * kdbus_slices_alloc() - allocate a slice
 * @slices:	allocator
 * @size:	bytes, not 0; rounded up to a multiple of 8
 * @spare:	in: an object that may be uninitialised; out: NULL if it was
 *		used, else still the caller's
 *
 * Context: any; serialised by the caller.
 * Return: a used slice with kernel and user cleared, which the caller has to
 *         release; or NULL if no free range is large enough.
 */
struct kdbus_slice *kdbus_slices_alloc(struct kdbus_slices *slices, size_t size,
				       struct kdbus_slice **spare)
{
	struct kdbus_slice *slice, *free, *lower;

	/* neither does 0 pass, nor what would wrap around when rounded up */
	if (size - 1 >= slices->size)
		return NULL;
	size = (size + 7) & ~(size_t)7;

	free = kdbus_slices_find_free(slices, size, &lower);
	if (!free)
		return NULL;

	if (free->size == size) {
		rb_erase(&free->rb, &slices->free);
		kdbus_slices_link_used(slices, free);
		return free;
	}

	/* the rest stays free, so let it keep the object that is linked */
	slice = *spare;
	*spare = NULL;
	slice->offset = free->offset;
	slice->size = size;
	list_add_tail(&slice->entry, &free->entry);
	kdbus_slices_link_used(slices, slice);

	free->offset += size;
	free->size -= size;
	if (lower && kdbus_slice_fits_before(free, lower)) {
		rb_erase(&free->rb, &slices->free);
		kdbus_slices_link_free(slices, free);
	}

	return slice;
}

/**
 * kdbus_slices_find() - find a used slice
 * @slices:	allocator
 * @offset:	first byte of the slice; any value
 *
 * Context: any; serialised by the caller.
 * Return: the used slice that starts at @offset, still the allocator's; or
 *         NULL if there is none.
 */
struct kdbus_slice *kdbus_slices_find(const struct kdbus_slices *slices,
				      u64 offset)
{
	struct rb_node *node = slices->used.rb_node;
	struct kdbus_slice *slice;

	while (node) {
		slice = rb_entry(node, struct kdbus_slice, rb);
		if (offset == slice->offset)
			return slice;
		node = offset < slice->offset ? node->rb_left : node->rb_right;
	}

	return NULL;
}

/**
 * kdbus_slices_find_stale() - find a free slice that was used
 * @slices:	allocator
 * @min:	bytes that the slice has to have
 *
 * Looks at the free slices of that size only, of which there are at most the
 * size of the allocator divided by @min.
 *
 * Context: any; serialised by the caller.
 * Return: the largest stale one, still the allocator's; or NULL if there is
 *         none.
 */
struct kdbus_slice *kdbus_slices_find_stale(const struct kdbus_slices *slices,
					    size_t min)
{
	struct kdbus_slice *slice;
	struct rb_node *node;

	for (node = rb_last(&slices->free); node; node = rb_prev(node)) {
		slice = rb_entry(node, struct kdbus_slice, rb);
		if (slice->size < min)
			break;
		if (slice->stale)
			return slice;
	}

	return NULL;
}

/* the neighbour of a slice on one side, if it is free */
static struct kdbus_slice *kdbus_slices_free_at(struct kdbus_slices *slices,
						struct list_head *entry)
{
	struct kdbus_slice *slice = list_entry(entry, struct kdbus_slice,
					       entry);

	return entry != &slices->all && slice->is_free ? slice : NULL;
}

/* let a free slice grow to that size, from that offset on */
static void kdbus_slices_extend_free(struct kdbus_slices *slices,
				     struct kdbus_slice *free, size_t offset,
				     size_t size)
{
	struct rb_node *next = rb_next(&free->rb);

	free->offset = offset;
	free->size = size;
	free->stale = true;

	if (next && !kdbus_slice_fits_before(free,
					     rb_entry(next, struct kdbus_slice,
						      rb))) {
		rb_erase(&free->rb, &slices->free);
		kdbus_slices_link_free(slices, free);
	}
}

/**
 * kdbus_slices_release() - free a slice
 * @slices:	allocator
 * @slice:	used slice. The caller must not touch it any more, other than
 *		as part of the result and of @trash
 * @trash:	uninitialised before; set to the objects that merging with free
 *		neighbours left over, which are the caller's. They are in no
 *		particular order and @slice may be among them
 *
 * Context: any; serialised by the caller.
 * Return: the free slice, still the allocator's, that @slice is now (part of).
 */
struct kdbus_slice *kdbus_slices_release(struct kdbus_slices *slices,
					 struct kdbus_slice *slice,
					 struct kdbus_slice_trash *trash)
{
	struct kdbus_slice *prev, *next, *free;
	size_t offset = slice->offset, size = slice->size;

	prev = kdbus_slices_free_at(slices, slice->entry.prev);
	next = kdbus_slices_free_at(slices, slice->entry.next);
	trash->slices[0] = NULL;
	trash->slices[1] = NULL;

	kdbus_slices_unlink_used(slices, slice);

	if (!prev && !next) {
		slice->stale = true;
		kdbus_slices_link_free(slices, slice);
		return slice;
	}

	list_del(&slice->entry);
	trash->slices[0] = slice;

	if (prev) {
		offset = prev->offset;
		size += prev->size;
	}
	if (next)
		size += next->size;

	/* the larger one has less far to go in the tree */
	free = next && (!prev || next->size > prev->size) ? next : prev;
	if (prev && next) {
		struct kdbus_slice *other = free == next ? prev : next;

		list_del(&other->entry);
		rb_erase(&other->rb, &slices->free);
		trash->slices[1] = other;
	}
	kdbus_slices_extend_free(slices, free, offset, size);

	return free;
}
