// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "slice.h"
#include "unit.h"

/*
 * Invariants of the allocator itself
 */

static size_t count_list(struct kdbus_slices *slices, bool is_free)
{
	struct kdbus_slice *slice;
	size_t n = 0;

	list_for_each_entry(slice, &slices->all, entry)
		n += slice->is_free == is_free;
	return n;
}

/* the list covers everything, without gaps and without free neighbours */
static void check_list(struct kdbus_slices *slices)
{
	struct kdbus_slice *slice;
	size_t offset = 0, used = 0;
	bool was_free = false;

	list_for_each_entry(slice, &slices->all, entry) {
		CHECK(slice->offset == offset, "%zu", offset);
		CHECK(slice->size > 0 && slice->size % 8 == 0);
		CHECK(!slice->is_free || !was_free, "at %zu", offset);
		if (!slice->is_free)
			used += slice->size;
		was_free = slice->is_free;
		offset += slice->size;
		CHECK(slice->entry.next->prev == &slice->entry);
	}
	CHECK(offset == slices->size);
	CHECK(used == slices->used_bytes);
}

/* each tree has all slices of its kind, in its order */
static void check_trees(struct kdbus_slices *slices)
{
	struct kdbus_slice *slice, *last = NULL;
	struct rb_node *node;
	size_t n = 0;

	for (node = rb_first(&slices->free); node; node = rb_next(node)) {
		slice = rb_entry(node, struct kdbus_slice, rb);
		CHECK(slice->is_free);
		CHECK(!last || last->size < slice->size ||
		      (last->size == slice->size &&
		       last->offset < slice->offset));
		last = slice;
		n++;
	}
	CHECK(n == count_list(slices, true));

	n = 0;
	last = NULL;
	for (node = rb_first(&slices->used); node; node = rb_next(node)) {
		slice = rb_entry(node, struct kdbus_slice, rb);
		CHECK(!slice->is_free);
		CHECK(!last || last->offset < slice->offset);
		last = slice;
		n++;
	}
	CHECK(n == count_list(slices, false));
}

static void check_invariants(struct kdbus_slices *slices)
{
	check_list(slices);
	check_trees(slices);
}

/*
 * Calls with what they promise about objects
 */

static struct kdbus_slice *new_object(void)
{
	return unit_alloc(sizeof(struct kdbus_slice));
}

static void init(struct kdbus_slices *slices, size_t size)
{
	memset(slices, 0xa5, sizeof(*slices));
	kdbus_slices_init(slices, size, new_object());
	CHECK(slices->size == size);
	CHECK(slices->used_bytes == 0);
	check_invariants(slices);
}

static size_t deinit(struct kdbus_slices *slices)
{
	struct kdbus_slice *slice;
	size_t n = 0;

	while ((slice = kdbus_slices_deinit(slices))) {
		free(slice);
		n++;
	}
	return n;
}

static struct kdbus_slice *alloc(struct kdbus_slices *slices, size_t size)
{
	struct kdbus_slice *slice, *object = new_object(), *spare = object;
	size_t before = count_list(slices, true) + count_list(slices, false);
	size_t used = slices->used_bytes, after;

	slice = kdbus_slices_alloc(slices, size, &spare);
	after = count_list(slices, true) + count_list(slices, false);
	check_invariants(slices);

	/* the spare object is needed just when there is one slice more */
	CHECK(spare == (after == before ? object : NULL));
	CHECK(after - before <= 1);
	free(spare);

	if (!slice) {
		CHECK(after == before && slices->used_bytes == used);
		return NULL;
	}

	CHECK(!slice->is_free && !slice->kernel && !slice->user);
	CHECK(slice->size >= size && slice->size - size < 8);
	CHECK(slices->used_bytes == used + slice->size);
	slice->kernel = true;
	slice->user = true;
	return slice;
}

static struct kdbus_slice *release(struct kdbus_slices *slices,
				   struct kdbus_slice *slice)
{
	size_t before = count_list(slices, true) + count_list(slices, false);
	size_t used = slices->used_bytes - slice->size, after, n = 0, i;
	size_t start = slice->offset, end = start + slice->size;
	struct kdbus_slice_trash trash;
	struct kdbus_slice *merged;

	memset(&trash, 0xa5, sizeof(trash));
	merged = kdbus_slices_release(slices, slice, &trash);
	after = count_list(slices, true) + count_list(slices, false);
	check_invariants(slices);

	CHECK(slices->used_bytes == used);
	CHECK(merged->is_free);
	CHECK(merged->offset <= start && merged->offset + merged->size >= end);
	for (i = 0; i < 2; i++) {
		CHECK(trash.slices[i] != merged);
		n += !!trash.slices[i];
		free(trash.slices[i]);
	}
	CHECK(before - after == n);
	return merged;
}

/*
 * Tests
 */

static void test_init(void)
{
	struct kdbus_slices slices;
	struct kdbus_slice *first = new_object();

	kdbus_slices_init(&slices, 4096, first);
	check_invariants(&slices);
	CHECK(first->is_free && first->offset == 0 && first->size == 4096);
	CHECK(!first->kernel && !first->user);
	CHECK(!kdbus_slices_find(&slices, 0));
	CHECK(kdbus_slices_deinit(&slices) == first);
	CHECK(!kdbus_slices_deinit(&slices));
	CHECK(!kdbus_slices_deinit(&slices));
	free(first);
}

static void test_deinit(void)
{
	struct kdbus_slices slices;
	struct kdbus_slice *a, *b, *c, *d, *slice;
	size_t n_free = 0, n_used = 0;

	init(&slices, 4096);
	a = alloc(&slices, 8);
	b = alloc(&slices, 8);
	c = alloc(&slices, 8);
	d = alloc(&slices, 8);
	release(&slices, a);
	release(&slices, c);
	while ((slice = kdbus_slices_deinit(&slices))) {
		if (slice->is_free)
			n_free++;
		else
			n_used++;
		CHECK(slice->is_free == (slice != b && slice != d));
		free(slice);
	}
	CHECK(n_free == 3 && n_used == 2);
}

static void test_rounding(void)
{
	struct kdbus_slices slices;
	struct kdbus_slice *slice;
	size_t size;

	for (size = 1; size <= 64; size++) {
		init(&slices, 64);
		slice = alloc(&slices, size);
		CHECK(slice && slice->offset == 0);
		CHECK_EQ(slice->size, (size + 7) / 8 * 8);
		deinit(&slices);
	}
}

static void test_too_large(void)
{
	struct kdbus_slices slices;
	size_t i;

	init(&slices, 4096);
	CHECK(!alloc(&slices, 4097));
	CHECK(!alloc(&slices, 4104));
	for (i = 0; i < 4096; i++)
		CHECK(!alloc(&slices, SIZE_MAX - i));
	CHECK(!alloc(&slices, SIZE_MAX / 2));
	CHECK(!alloc(&slices, SIZE_MAX / 2 + 1));

	/* not a size, but it must not do harm either */
	CHECK(!alloc(&slices, 0));

	CHECK(alloc(&slices, 4089));
	CHECK(!alloc(&slices, 1));
	CHECK(deinit(&slices) == 1);
}

/* the sum of the free bytes does not help */
static void test_fragmented(void)
{
	struct kdbus_slice *slice[16];
	struct kdbus_slices slices;
	size_t i;

	init(&slices, 16 * 64);
	for (i = 0; i < 16; i++)
		slice[i] = alloc(&slices, 64);
	for (i = 0; i < 16; i += 2)
		release(&slices, slice[i]);
	CHECK_EQ(slices.used_bytes, 8 * 64);
	CHECK(!alloc(&slices, 65));
	for (i = 0; i < 16; i += 2) {
		slice[i] = alloc(&slices, 64);
		CHECK(slice[i] && slice[i]->offset == i * 64);
	}
	CHECK(!alloc(&slices, 1));
	deinit(&slices);
}

/* the low part is taken, and what is an exact fit needs no object */
static void test_split(void)
{
	struct kdbus_slice *first = new_object(), *spare, *a, *b, *object;
	struct kdbus_slices slices;

	kdbus_slices_init(&slices, 4096, first);
	object = spare = new_object();
	a = kdbus_slices_alloc(&slices, 1000, &spare);
	CHECK(a == object && !spare);
	CHECK(a->offset == 0 && a->size == 1000);
	CHECK(first->is_free && first->offset == 1000 && first->size == 3096);
	check_invariants(&slices);

	spare = new_object();
	b = kdbus_slices_alloc(&slices, 3096, &spare);
	CHECK(b == first && spare);
	CHECK(b->offset == 1000 && b->size == 3096);
	CHECK(!slices.free.rb_node);
	check_invariants(&slices);

	CHECK(!kdbus_slices_alloc(&slices, 8, &spare));
	CHECK(spare);
	free(spare);
	CHECK(deinit(&slices) == 2);
}

/*
 * Make free ranges of these many bytes, with 8 used bytes behind each, and
 * nothing else.
 */
static void make_holes(struct kdbus_slices *slices, const size_t *sizes,
		       size_t n)
{
	struct kdbus_slice *holes[16];
	size_t i, total = 0;

	for (i = 0; i < n; i++)
		total += sizes[i] + 8;
	init(slices, total);
	for (i = 0; i < n; i++) {
		holes[i] = alloc(slices, sizes[i]);
		CHECK(holes[i] && alloc(slices, 8));
	}
	for (i = 0; i < n; i++)
		release(slices, holes[i]);
	CHECK(count_list(slices, true) == n);
}

static void test_best_fit(void)
{
	static const size_t holes[] = { 64, 32, 48, 16, 40, 8, 56, 24 };
	struct kdbus_slices slices;
	struct kdbus_slice *slice;
	size_t size, i, offset;

	for (size = 8; size <= 64; size += 8) {
		make_holes(&slices, holes, 8);
		for (i = 0, offset = 0; holes[i] != size; i++)
			offset += holes[i] + 8;
		slice = alloc(&slices, size - 3);
		CHECK(slice && slice->offset == offset, "%zu", size);
		deinit(&slices);
	}
	make_holes(&slices, holes, 8);
	CHECK(!alloc(&slices, 65));
	deinit(&slices);
}

/* smallest that is large enough, even if it is the last one */
static void test_best_fit_inexact(void)
{
	static const size_t holes[] = { 800, 16, 120, 400, 104, 96, 112 };
	struct kdbus_slices slices;

	make_holes(&slices, holes, 7);
	CHECK_EQ(alloc(&slices, 97)->offset, 800 + 16 + 120 + 400 + 4 * 8);
	CHECK_EQ(alloc(&slices, 97)->offset, 800 + 16 + 120 + 400 + 104 + 96 +
					     6 * 8);
	CHECK_EQ(alloc(&slices, 97)->offset, 800 + 16 + 2 * 8);
	CHECK_EQ(alloc(&slices, 97)->offset, 800 + 16 + 120 + 3 * 8);
	CHECK_EQ(alloc(&slices, 97)->offset, 800 + 16 + 120 + 104 + 3 * 8);
	deinit(&slices);
}

static void test_lowest_of_equals(void)
{
	static const size_t holes[] = { 48, 32, 24, 32, 32, 40, 32, 32 };
	static const size_t order[] = { 1, 3, 4, 6, 7, 5, 0 };
	size_t offsets[8], i, offset = 0;
	struct kdbus_slices slices;

	for (i = 0; i < 8; i++) {
		offsets[i] = offset;
		offset += holes[i] + 8;
	}

	make_holes(&slices, holes, 8);
	for (i = 0; i < 7; i++)
		CHECK_EQ(alloc(&slices, 32)->offset, offsets[order[i]]);
	CHECK(!alloc(&slices, 32));
	deinit(&slices);
}

/* what remains of a slice may have to change its place among the free ones */
static void test_remainder_order(void)
{
	static const size_t holes[] = { 16, 24, 64, 32, 16, 8 };
	struct kdbus_slices slices;
	size_t size;

	for (size = 40; size < 64; size += 8) {
		make_holes(&slices, holes, 6);
		CHECK_EQ(alloc(&slices, size)->offset, 16 + 24 + 2 * 8);
		deinit(&slices);
	}

	/* of two equal ones the remainder is behind: the other one is lower */
	make_holes(&slices, holes, 6);
	CHECK(alloc(&slices, 48));
	CHECK_EQ(alloc(&slices, 16)->offset, 0);
	CHECK_EQ(alloc(&slices, 16)->offset, 16 + 24 + 2 * 8 + 48);
	deinit(&slices);
}

/* all combinations of used and free on both sides, in all orders of size */
static void test_merge(void)
{
	static const size_t sizes[] = { 8, 40, 64 };
	struct kdbus_slice *slice[3], *merged;
	struct kdbus_slices slices;
	size_t i, left, right, offset, size;

	for (i = 0; i < 3 * 3 * 4; i++) {
		left = sizes[i / 4 % 3];
		right = sizes[i / 12];

		init(&slices, left + 32 + right);
		slice[0] = alloc(&slices, left);
		slice[1] = alloc(&slices, 32);
		slice[2] = alloc(&slices, right);
		if (i & 1)
			release(&slices, slice[0]);
		if (i & 2)
			release(&slices, slice[2]);

		merged = release(&slices, slice[1]);
		offset = i & 1 ? 0 : left;
		size = 32 + (i & 1 ? left : 0) + (i & 2 ? right : 0);
		CHECK(merged->offset == offset && merged->size == size);
		CHECK_EQ(deinit(&slices), 1 + !(i & 1) + !(i & 2));
	}
}

/* a free slice that grows may have to change its place among the others */
static void test_merge_order(void)
{
	struct kdbus_slice *a, *b, *c, *d;
	struct kdbus_slices slices;
	size_t i;

	for (i = 0; i < 8; i++) {
		init(&slices, 256);
		a = alloc(&slices, 24);
		b = alloc(&slices, 32);
		CHECK(alloc(&slices, 8));
		c = alloc(&slices, 40);
		CHECK(alloc(&slices, 8));
		d = alloc(&slices, 48);
		CHECK(alloc(&slices, 96));
		CHECK(!alloc(&slices, 1));

		release(&slices, c);
		if (i & 1)
			release(&slices, d);
		release(&slices, i & 2 ? a : b);
		release(&slices, i & 2 ? b : a);
		CHECK_EQ(alloc(&slices, i & 4 ? 33 : 49)->offset,
			 i & 4 ? 64 : 0);
		deinit(&slices);
	}
}

static void test_find(void)
{
	struct kdbus_slice *slice, *a, *b, *c;
	struct kdbus_slices slices;
	u64 offset;

	init(&slices, 256);
	a = alloc(&slices, 16);
	b = alloc(&slices, 24);
	c = alloc(&slices, 8);
	release(&slices, alloc(&slices, 64));
	release(&slices, b);

	for (offset = 0; offset < 1024; offset++) {
		slice = kdbus_slices_find(&slices, offset);
		CHECK(slice == (offset == 0 ? a : offset == 40 ? c : NULL),
		      "%llu", (unsigned long long)offset);
	}
	for (offset = 1; offset; offset <<= 1) {
		CHECK(!kdbus_slices_find(&slices, offset));
		CHECK(!kdbus_slices_find(&slices, -offset));
		CHECK(offset < 64 ||
		      !kdbus_slices_find(&slices, offset + 40));
	}
	CHECK(!kdbus_slices_find(&slices, ~0ULL));
	deinit(&slices);
}

static void test_large(void)
{
	const size_t gib = 1UL << 30;
	struct kdbus_slice *a, *b;
	struct kdbus_slices slices;

	if (sizeof(size_t) < 8)
		return;

	init(&slices, 64 * gib);
	a = alloc(&slices, 5 * gib);
	b = alloc(&slices, 40 * gib - 7);
	CHECK(a->offset == 0 && b->offset == 5 * gib);
	CHECK(b->size == 40 * gib);
	CHECK(!alloc(&slices, 20 * gib));
	CHECK(kdbus_slices_find(&slices, 5 * gib) == b);
	CHECK(!kdbus_slices_find(&slices, (5 * gib) & 0xffffffff));
	release(&slices, a);
	CHECK_EQ(release(&slices, b)->size, 64 * gib);
	deinit(&slices);

	init(&slices, SIZE_MAX - 7);
	CHECK(!alloc(&slices, SIZE_MAX));
	a = alloc(&slices, SIZE_MAX - 7);
	CHECK(a && a->size == SIZE_MAX - 7);
	deinit(&slices);
}

/* messages of one size, first in, first out: the pool does not fall apart */
static void test_fifo(void)
{
	struct kdbus_slice *queue[10] = {};
	struct kdbus_slices slices;
	size_t i, in;

	init(&slices, 4096);
	for (i = 0; i < 1000; i++) {
		in = i % 10;
		if (queue[in])
			release(&slices, queue[in]);
		queue[in] = alloc(&slices, 100);
		CHECK(queue[in]);
		CHECK(count_list(&slices, true) <= 2);
	}
	CHECK(deinit(&slices) <= 12);
}

static void test_stale(void)
{
	struct kdbus_slice *a, *b, *found;
	struct kdbus_slices slices;

	init(&slices, 256);
	/* what was never used is not stale, nor is what is in use */
	CHECK(!kdbus_slices_find_stale(&slices, 8));
	a = alloc(&slices, 64);
	b = alloc(&slices, 32);
	CHECK(!kdbus_slices_find_stale(&slices, 8));

	release(&slices, a);
	CHECK(!kdbus_slices_find_stale(&slices, 72));
	found = kdbus_slices_find_stale(&slices, 64);
	CHECK(found && found->offset == 0 && found->size == 64);
	found->stale = false;
	CHECK(!kdbus_slices_find_stale(&slices, 8));

	/* the rest of what was cleared, and all that merges */
	a = alloc(&slices, 8);
	CHECK(!kdbus_slices_find_stale(&slices, 8));
	release(&slices, b);
	found = kdbus_slices_find_stale(&slices, 8);
	CHECK(found && found->offset == 8 && found->size == 248);
	found->stale = false;
	release(&slices, a);
	found = kdbus_slices_find_stale(&slices, 256);
	CHECK(found && found->offset == 0);
	deinit(&slices);
}

/*
 * The model: an owner for each 8 bytes.
 */

#define MODEL_MAX	512

struct model {
	size_t n;
	unsigned int owner[MODEL_MAX];		/* 0 is free */
	struct kdbus_slice *slices[MODEL_MAX];	/* used ones, in any order */
	unsigned int owners[MODEL_MAX];
	bool dirty[MODEL_MAX];			/* used since it was cleared */
	size_t n_slices;
	unsigned int last_owner;
};

/* where a slice has to be put, or model->n */
static size_t model_place(const struct model *model, size_t n)
{
	size_t start = 0, end, best = model->n, best_n = model->n + 1;

	while (start < model->n) {
		if (model->owner[start]) {
			start++;
			continue;
		}
		for (end = start; end < model->n && !model->owner[end]; end++)
			;
		if (end - start >= n && end - start < best_n) {
			best = start;
			best_n = end - start;
		}
		start = end;
	}
	return best;
}

static void model_alloc(struct model *model, struct kdbus_slices *slices,
			size_t size)
{
	size_t n = (size + 7) / 8, start = model_place(model, n), i;
	struct kdbus_slice *slice = alloc(slices, size);

	CHECK(!slice == (start == model->n));
	if (!slice)
		return;

	CHECK_EQ(slice->offset, start * 8);
	CHECK_EQ(slice->size, n * 8);
	model->last_owner++;
	for (i = start; i < start + n; i++)
		model->owner[i] = model->last_owner;
	memset(model->dirty + start, 1, n);
	model->owners[model->n_slices] = model->last_owner;
	model->slices[model->n_slices++] = slice;
}

static void model_release(struct model *model, struct kdbus_slices *slices,
			  size_t k)
{
	unsigned int owner = model->owners[k];
	struct kdbus_slice *merged;
	size_t start, end, i;

	merged = release(slices, model->slices[k]);
	for (i = 0; i < model->n; i++)
		if (model->owner[i] == owner)
			model->owner[i] = 0;

	start = merged->offset / 8;
	end = start + merged->size / 8;
	CHECK(start == 0 || model->owner[start - 1]);
	CHECK(end == model->n || model->owner[end]);
	for (i = start; i < end; i++)
		CHECK(!model->owner[i]);

	/* keep the order, so that the first is always the oldest */
	model->n_slices--;
	memmove(model->slices + k, model->slices + k + 1,
		(model->n_slices - k) * sizeof(*model->slices));
	memmove(model->owners + k, model->owners + k + 1,
		(model->n_slices - k) * sizeof(*model->owners));
}

static void model_compare(const struct model *model,
			  struct kdbus_slices *slices)
{
	struct kdbus_slice *slice;
	size_t i, used = 0;

	for (i = 0; i < model->n; i++) {
		bool starts = model->owner[i] &&
			      (i == 0 || model->owner[i - 1] !=
					 model->owner[i]);

		used += model->owner[i] ? 8 : 0;
		slice = kdbus_slices_find(slices, i * 8);
		CHECK(!slice == !starts, "at %zu", i * 8);
		CHECK(!slice || slice->offset == i * 8);
	}
	CHECK(slices->used_bytes == used);
	for (i = 0; i < model->n_slices; i++)
		CHECK(kdbus_slices_find(slices, model->slices[i]->offset) ==
		      model->slices[i]);
}

/* the largest free slice with something dirty in it, in units */
static size_t model_largest_dirty(const struct model *model, size_t min)
{
	size_t start, end, largest = 0;
	bool dirty;

	for (start = 0; start < model->n; start = end) {
		dirty = false;
		for (end = start; end < model->n && !model->owner[end]; end++)
			dirty |= model->dirty[end];
		if (dirty && end - start >= min && end - start > largest)
			largest = end - start;
		end += end == start;
	}
	return largest;
}

static void model_clear(struct model *model, struct kdbus_slices *slices,
			size_t min)
{
	size_t largest = model_largest_dirty(model, min);
	struct kdbus_slice *slice;

	while ((slice = kdbus_slices_find_stale(slices, min * 8))) {
		CHECK(slice->is_free && slice->stale);
		CHECK(slice->size >= min * 8 && slice->size >= largest * 8);
		slice->stale = false;
		memset(model->dirty + slice->offset / 8, 0, slice->size / 8);
		largest = model_largest_dirty(model, min);
	}
	CHECK(largest == 0);
}

enum { FIFO, LIFO, RANDOM, N_ORDERS };

static void model_run(size_t n, size_t max_size, int order, size_t steps)
{
	static struct model model;
	struct kdbus_slices slices;
	size_t i;

	memset(&model, 0, sizeof(model));
	model.n = n;
	init(&slices, n * 8);

	for (i = 0; i < steps; i++) {
		/* waves, so that it is sometimes full and sometimes empty */
		size_t fill = i / 200 % 2 ? 35 : 65;
		size_t k = model.n_slices;

		if (unit_random_below(100) < fill)
			model_alloc(&model, &slices,
				    1 + unit_random_below(max_size));
		else if (k > 0)
			model_release(&model, &slices,
				      order == FIFO ? 0 :
				      order == LIFO ? k - 1 :
				      unit_random_below(k));
		model_compare(&model, &slices);
		if (unit_random_below(10) == 0)
			model_clear(&model, &slices,
				    1 + unit_random_below(max_size / 8 + 1));
	}

	while (model.n_slices > 0)
		model_release(&model, &slices, model.n_slices - 1);
	CHECK(slices.used_bytes == 0);
	CHECK(deinit(&slices) == 1);
}

static void test_random(void)
{
	static const size_t sizes[] = { 1, 2, 7, 32, 100, MODEL_MAX };
	static const size_t parts[] = { 32, 8, 4, 2 };
	size_t i, k;
	int order;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (k = 0; k < sizeof(parts) / sizeof(*parts); k++)
			for (order = 0; order < N_ORDERS; order++)
				model_run(sizes[i],
					  sizes[i] * 8 / parts[k] + 8, order,
					  2000);
}

/* few sizes make many equals */
static void test_random_equals(void)
{
	int order;

	for (order = 0; order < N_ORDERS; order++) {
		model_run(128, 8, order, 4000);
		model_run(128, 16, order, 4000);
		model_run(256, 32, order, 4000);
	}
}

static const struct unit_test tests[] = {
	{ "one free slice at first", test_init },
	{ "deinit gives back all slices", test_deinit },
	{ "sizes are rounded up", test_rounding },
	{ "sizes that are too large", test_too_large },
	{ "only one free range counts", test_fragmented },
	{ "the low part is taken", test_split },
	{ "best fit", test_best_fit },
	{ "best fit that is not exact", test_best_fit_inexact },
	{ "the lowest of equals", test_lowest_of_equals },
	{ "a remainder is in order", test_remainder_order },
	{ "free neighbours are merged", test_merge },
	{ "a merged slice is in order", test_merge_order },
	{ "used slices are found by offset", test_find },
	{ "large sizes and offsets", test_large },
	{ "a queue does not fragment a pool", test_fifo },
	{ "stale slices are found", test_stale },
	{ "random slices against a map", test_random },
	{ "random slices of equal sizes against a map", test_random_equals },
};

UNIT_MAIN(tests)
