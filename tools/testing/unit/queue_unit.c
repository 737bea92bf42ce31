// SPDX-License-Identifier: GPL-2.0
/*
 * The queue of a connection and its index by priority.
 */

#include <stdlib.h>
#include <string.h>

#include <linux/slab.h>

#include "cast.h"
#include "queue.h"
#include "unit.h"

#define S64_MAX		((s64)(~0ULL >> 1))
#define S64_MIN		(-S64_MAX - 1)

static void setup(struct kdbus_queue *queue)
{
	CHECK_EQ(kdbus_queue_module_init(), 0);
	memset(queue, 0xa5, sizeof(*queue));
	kdbus_queue_init(queue);
}

static struct kdbus_entry *new_entry(s64 priority, u64 order)
{
	struct kdbus_entry *entry = kdbus_entry_alloc(0);

	CHECK(entry);
	memset(entry, 0xa5, sizeof(*entry));
	kdbus_entry_init(entry);
	entry->priority = priority;
	entry->seqnum = order;
	entry->order = order;
	return entry;
}

static void insert(struct kdbus_queue *queue, s64 priority, u64 order)
{
	kdbus_queue_insert(queue, new_entry(priority, order));
}

/* Take it; it is the one of that place. */
static void take(struct kdbus_queue *queue, struct kdbus_entry *entry,
		 u64 order)
{
	CHECK(entry);
	CHECK_EQ(entry->order, order);
	kdbus_queue_remove(queue, entry);
	CHECK(list_empty(&entry->link));
	kdbus_entry_free(entry);
}

static void take_first(struct kdbus_queue *queue, u64 order)
{
	take(queue, kdbus_queue_first(queue), order);
}

static void take_urgent(struct kdbus_queue *queue, s64 limit, u64 order)
{
	take(queue, kdbus_queue_first_priority(queue, limit), order);
}

static void expect_empty(struct kdbus_queue *queue)
{
	CHECK(kdbus_queue_is_empty(queue));
	CHECK(!kdbus_queue_first(queue));
	CHECK(!kdbus_queue_first_priority(queue, S64_MAX));
}

static void test_empty(void)
{
	struct kdbus_queue queue;

	setup(&queue);
	expect_empty(&queue);
	CHECK(hlist_empty(&queue.staged));
	CHECK_EQ(queue.dropped, 0);
	kdbus_entry_free(NULL);
	kdbus_queue_module_exit();
}

static void test_order(void)
{
	struct kdbus_queue queue;

	setup(&queue);
	insert(&queue, 5, 1);
	insert(&queue, -5, 2);
	insert(&queue, 5, 3);
	insert(&queue, 0, 4);
	CHECK(!kdbus_queue_is_empty(&queue));
	/* looking does not take */
	CHECK_EQ(kdbus_queue_first(&queue)->order, 1);
	CHECK_EQ(kdbus_queue_first(&queue)->order, 1);
	take_urgent(&queue, S64_MAX, 2);
	take_first(&queue, 1);
	take_urgent(&queue, S64_MAX, 4);
	take_urgent(&queue, S64_MAX, 3);
	expect_empty(&queue);
	kdbus_queue_module_exit();
}

static void test_limit(void)
{
	struct kdbus_queue queue;

	setup(&queue);
	insert(&queue, S64_MAX, 1);
	CHECK(!kdbus_queue_first_priority(&queue, S64_MAX - 1));
	insert(&queue, 0, 2);
	CHECK(!kdbus_queue_first_priority(&queue, -1));
	insert(&queue, -1, 3);
	CHECK(!kdbus_queue_first_priority(&queue, S64_MIN));
	insert(&queue, S64_MIN, 4);
	take_urgent(&queue, S64_MIN, 4);
	CHECK(!kdbus_queue_first_priority(&queue, S64_MIN));
	take_urgent(&queue, -1, 3);
	take_urgent(&queue, 0, 2);
	take_urgent(&queue, S64_MAX, 1);
	expect_empty(&queue);
	kdbus_queue_module_exit();
}

/* Numbers are given in one order and arrive in another. */
static void test_late(void)
{
	struct kdbus_queue queue;

	setup(&queue);
	insert(&queue, 0, 3);
	insert(&queue, 0, 1);
	insert(&queue, 0, 4);
	insert(&queue, 0, 2);
	take_first(&queue, 1);
	take_urgent(&queue, 0, 2);
	take_first(&queue, 3);
	take_urgent(&queue, 0, 4);
	expect_empty(&queue);
	kdbus_queue_module_exit();
}

static void test_staged(void)
{
	struct kdbus_cast casts[3] = {};
	struct kdbus_entry *entry;
	struct kdbus_queue queue;
	spinlock_t lock;
	int i;

	setup(&queue);
	spin_lock_init(&lock);
	insert(&queue, 0, 1);
	for (i = 0; i < 3; i++)
		kdbus_queue_stage(&queue, new_entry(-i, 0), &casts[i]);

	/* what has no number is not there yet */
	kdbus_queue_settle(&queue, &lock);
	CHECK_EQ(kdbus_queue_first_priority(&queue, S64_MAX)->order, 1);

	casts[0].seqnum = 4;
	casts[2].seqnum = 3;
	kdbus_queue_settle(&queue, &lock);
	CHECK(!lock.held);
	CHECK(!kdbus_queue_unstage(&queue, &casts[0]));
	CHECK(!kdbus_queue_unstage(&queue, &casts[2]));
	entry = kdbus_queue_unstage(&queue, &casts[1]);
	CHECK(entry && !entry->cast && list_empty(&entry->link));
	CHECK(!kdbus_queue_unstage(&queue, &casts[1]));
	kdbus_entry_free(entry);
	CHECK(hlist_empty(&queue.staged));

	entry = kdbus_queue_first_priority(&queue, S64_MAX);
	CHECK_EQ(entry->seqnum, 3);
	CHECK(!entry->cast);
	take_first(&queue, 1);
	take_first(&queue, 3);
	take_first(&queue, 4);
	expect_empty(&queue);
	kdbus_queue_module_exit();
}

/* A sender settles what is its own, and leaves the rest to who looks. */
static void test_settle_cast(void)
{
	struct kdbus_cast casts[3] = {};
	struct kdbus_queue queue;
	spinlock_t lock;
	int i;

	setup(&queue);
	spin_lock_init(&lock);
	for (i = 0; i < 3; i++)
		kdbus_queue_stage(&queue, new_entry(0, 0), &casts[i]);
	for (i = 0; i < 3; i++)
		casts[i].seqnum = i + 1;

	kdbus_queue_settle_cast(&queue, &casts[1]);
	CHECK_EQ(kdbus_queue_first(&queue)->seqnum, 2);
	CHECK_EQ(kdbus_queue_first(&queue)->order, 2);
	CHECK(!kdbus_queue_first(&queue)->cast);
	CHECK_EQ(kdbus_queue_first_priority(&queue, S64_MAX)->order, 2);

	kdbus_queue_settle(&queue, &lock);
	CHECK(hlist_empty(&queue.staged));
	/* somebody else was faster */
	kdbus_queue_settle_cast(&queue, &casts[0]);
	for (i = 0; i < 3; i++)
		take_first(&queue, i + 1);
	expect_empty(&queue);
	kdbus_queue_module_exit();
}

static void test_lost(void)
{
	struct kdbus_queue queue;

	setup(&queue);
	kdbus_queue_lost(&queue);
	kdbus_queue_lost(&queue);
	CHECK_EQ(queue.dropped, 2);
	/* better too few than none at all */
	queue.dropped = U64_MAX;
	kdbus_queue_lost(&queue);
	CHECK(queue.dropped == U64_MAX);
	kdbus_queue_module_exit();
}

/*
 * A model: everything that is there, in no order
 */

#define MODEL_SIZE	200

struct model {
	struct kdbus_entry *queued[MODEL_SIZE];
	size_t n_queued;
	struct kdbus_entry *staged[MODEL_SIZE];
	struct kdbus_cast *casts[MODEL_SIZE];
	size_t n_staged;
	u64 last;
};

static struct kdbus_entry *model_first(const struct model *model)
{
	struct kdbus_entry *first = NULL;
	size_t i;

	for (i = 0; i < model->n_queued; i++)
		if (!first || model->queued[i]->order < first->order)
			first = model->queued[i];
	return first;
}

static struct kdbus_entry *model_urgent(const struct model *model, s64 limit)
{
	struct kdbus_entry *first = NULL, *entry;
	size_t i;

	for (i = 0; i < model->n_queued; i++) {
		entry = model->queued[i];
		if (entry->priority > limit)
			continue;
		if (!first || entry->priority < first->priority ||
		    (entry->priority == first->priority &&
		     entry->order < first->order))
			first = entry;
	}
	return first;
}

static void model_remove(struct model *model, struct kdbus_queue *queue,
			 struct kdbus_entry *entry)
{
	size_t i;

	if (!entry)
		return;
	for (i = 0; model->queued[i] != entry; i++)
		;
	model->queued[i] = model->queued[--model->n_queued];
	kdbus_queue_remove(queue, entry);
	kdbus_entry_free(entry);
}

static s64 any_priority(void)
{
	static const s64 extremes[] = { S64_MIN, S64_MAX, -1, 0, 1 };

	if (unit_random_below(8) == 0)
		return extremes[unit_random_below(5)];
	return (s64)unit_random_below(9) - 4;
}

static void model_stage(struct model *model, struct kdbus_queue *queue)
{
	size_t n = model->n_staged++;

	model->casts[n] = calloc(1, sizeof(*model->casts[n]));
	model->staged[n] = new_entry(any_priority(), 0);
	kdbus_queue_stage(queue, model->staged[n], model->casts[n]);
}

static void model_forget_staged(struct model *model, size_t i)
{
	free(model->casts[i]);
	model->n_staged--;
	model->casts[i] = model->casts[model->n_staged];
	model->staged[i] = model->staged[model->n_staged];
}

/* Some get a number, in any order. */
static void model_settle(struct model *model, struct kdbus_queue *queue)
{
	spinlock_t lock;
	size_t i;

	spin_lock_init(&lock);
	for (i = 0; i < model->n_staged; i++)
		if (unit_random_below(2))
			model->casts[i]->seqnum = ++model->last;
	/* some senders are faster than who looks at the queue */
	for (i = 0; i < model->n_staged; i++)
		if (model->casts[i]->seqnum && unit_random_below(2))
			kdbus_queue_settle_cast(queue, model->casts[i]);
	kdbus_queue_settle(queue, &lock);
	CHECK(!lock.held);
	for (i = 0; i < model->n_staged;) {
		if (!model->casts[i]->seqnum) {
			i++;
			continue;
		}
		CHECK_EQ(model->staged[i]->order, model->casts[i]->seqnum);
		model->queued[model->n_queued++] = model->staged[i];
		model_forget_staged(model, i);
	}
}

static void model_unstage(struct model *model, struct kdbus_queue *queue)
{
	size_t i = unit_random_below(model->n_staged);
	struct kdbus_entry *entry;

	entry = kdbus_queue_unstage(queue, model->casts[i]);
	CHECK(entry == model->staged[i]);
	kdbus_entry_free(entry);
	model_forget_staged(model, i);
}

static void model_step(struct model *model, struct kdbus_queue *queue)
{
	bool room = model->n_queued + model->n_staged < MODEL_SIZE;
	struct kdbus_entry *entry;

	switch (unit_random_below(10)) {
	case 0 ... 2:
		if (!room)
			break;
		entry = new_entry(any_priority(), ++model->last);
		model->queued[model->n_queued++] = entry;
		kdbus_queue_insert(queue, entry);
		break;
	case 3:
		if (room)
			model_stage(model, queue);
		break;
	case 4:
		model_settle(model, queue);
		break;
	case 5:
		if (model->n_staged)
			model_unstage(model, queue);
		break;
	case 6:
		model_remove(model, queue, model_first(model));
		break;
	case 7:
		model_remove(model, queue, model_urgent(model, S64_MAX));
		break;
	default:
		/* one in the middle, like a reply that somebody waits for */
		if (model->n_queued)
			model_remove(model, queue, model->queued[
				     unit_random_below(model->n_queued)]);
	}
}

static void test_random(void)
{
	struct kdbus_queue queue;
	struct model model = {};
	s64 limit;
	int i;

	setup(&queue);
	for (i = 0; i < 50000; i++) {
		model_step(&model, &queue);
		limit = any_priority();
		CHECK(kdbus_queue_first(&queue) == model_first(&model));
		CHECK(kdbus_queue_first_priority(&queue, limit) ==
		      model_urgent(&model, limit));
		CHECK(kdbus_queue_is_empty(&queue) == !model.n_queued);
	}
	while (model.n_staged)
		model_unstage(&model, &queue);
	while (model.n_queued)
		model_remove(&model, &queue, model_first(&model));
	expect_empty(&queue);
	kdbus_queue_module_exit();
}

static const struct unit_test tests[] = {
	{ "an empty queue has nothing first", test_empty },
	{ "queue has an order of places and one of priorities", test_order },
	{ "priorities above the limit do not count", test_limit },
	{ "entries that come late get into their place", test_late },
	{ "staged entries settle when they have a number", test_staged },
	{ "a sender settles its own entry only", test_settle_cast },
	{ "lost messages are counted without overflow", test_lost },
	{ "random operations do what a model does", test_random },
};

UNIT_MAIN(tests)
