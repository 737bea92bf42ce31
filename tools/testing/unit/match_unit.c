// SPDX-License-Identifier: GPL-2.0
#include "match-rule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "item.h"
#include "unit.h"

#define BLOOM_SIZE	16
#define BLOOM_WORDS	(BLOOM_SIZE / sizeof(__u64))
#define ID		42
#define OTHER		43

/* a filter with room for its words */
struct filter {
	struct kdbus_bloom_filter head;
	__u64 words[BLOOM_WORDS];
};

/* items as MATCH_ADD passes them, with rubbish for padding */
static struct {
	__u64 data[256];
	size_t size;
} items;

static void start(void)
{
	memset(items.data, 0xee, sizeof(items.data));
	items.size = 0;
}

static struct kdbus_item *add(__u64 type, const void *payload, size_t size)
{
	struct kdbus_item *item;
	size_t pos = KDBUS_ALIGN8(items.size);

	CHECK(pos + KDBUS_ITEM_SIZE(size) <= sizeof(items.data));
	item = (void *)((char *)items.data + pos);
	item->size = KDBUS_ITEM_SIZE(size);
	item->type = type;
	if (size > 0)
		memcpy(item->data, payload, size);
	items.size = pos + item->size;

	return item;
}

static void add_id(__u64 type, __u64 id)
{
	add(type, &id, sizeof(id));
}

static void add_string(__u64 type, const char *str)
{
	add(type, str, strlen(str) + 1);
}

static void add_id_change(__u64 type, __u64 id)
{
	const struct kdbus_notify_id_change change = {
		.id = id,
		.flags = 0x55,
	};

	add(type, &change, sizeof(change));
}

static void add_name_change(__u64 type, __u64 old_id, __u64 new_id,
			    const char *name)
{
	struct {
		struct kdbus_notify_name_change change;
		char name[64];
	} payload = {
		.change.old_id.id = old_id,
		.change.old_id.flags = 0x55,
		.change.new_id.id = new_id,
		.change.new_id.flags = 0x55,
	};
	size_t size = sizeof(payload.change);

	if (name) {
		strcpy(payload.name, name);
		size += strlen(name) + 1;
	}
	add(type, &payload, size);
}

static int check(void)
{
	size_t size;

	return kdbus_match_rules_check(items.data, items.size, BLOOM_SIZE,
				       &size);
}

/* make rules of the items, in memory of just the right size, and ask them */
static bool test(const struct kdbus_match_facts *facts)
{
	void *area, *rules;
	size_t size;
	bool fits;

	area = unit_copy(items.data, items.size);
	CHECK_EQ(kdbus_match_rules_check(area, items.size, BLOOM_SIZE, &size),
		 0);
	CHECK(size <= KDBUS_ALIGN8(items.size));
	rules = unit_alloc(size);
	kdbus_match_rules_copy(rules, area, items.size);
	free(area);

	fits = kdbus_match_rules_test(rules, size, BLOOM_SIZE, facts);
	free(rules);
	return fits;
}

static bool test_message(void)
{
	static const struct filter filter;
	const struct kdbus_match_facts facts = {
		.src_id = ID,
		.dst_id = KDBUS_DST_ID_BROADCAST,
		.bloom = &filter.head,
	};

	return test(&facts);
}

static bool test_change(__u64 type, __u64 old_id, __u64 new_id,
			const char *name)
{
	const struct kdbus_match_facts facts = {
		.notification = type,
		.old_id = old_id,
		.new_id = new_id,
		.name = name,
	};

	return test(&facts);
}

static bool test_filter(__u64 generation, __u64 word0, __u64 word1)
{
	struct filter *filter = unit_alloc(sizeof(*filter));
	const struct kdbus_match_facts facts = { .bloom = &filter->head };
	bool fits;

	filter->head.generation = generation;
	filter->words[0] = word0;
	filter->words[1] = word1;
	fits = test(&facts);
	free(filter);
	return fits;
}

static void test_no_rules(void)
{
	start();
	CHECK(test_message());
	CHECK(test_change(KDBUS_ITEM_ID_ADD, 0, ID, NULL));
	CHECK(test_change(KDBUS_ITEM_NAME_ADD, 0, ID, "a.b"));
}

static void test_negotiate(void)
{
	const __u64 types[] = { KDBUS_ITEM_ID, KDBUS_ITEM_NAME };
	size_t size;

	start();
	add(KDBUS_ITEM_NEGOTIATE, types, sizeof(types));
	CHECK_EQ(kdbus_match_rules_check(items.data, items.size, BLOOM_SIZE,
					 &size), 0);
	CHECK_EQ(size, 0);
	CHECK(test_message());

	add_id(KDBUS_ITEM_ID, OTHER);
	CHECK(!test_message());

	start();
	add_id(KDBUS_ITEM_ID, ID);
	add(KDBUS_ITEM_NEGOTIATE, types, sizeof(types));
	CHECK(test_message());
}

static void test_bloom_words(void)
{
	const __u64 mask[] = { 0x0f, 0x8000000000000000 };
	const __u64 zero[] = { 0, 0 };

	start();
	add(KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
	CHECK(test_filter(0, 0x0f, 0x8000000000000000));
	CHECK(test_filter(0, ~0ULL, ~0ULL));
	CHECK(!test_filter(0, 0x07, 0x8000000000000000));
	CHECK(!test_filter(0, 0x0f, 0x7fffffffffffffff));
	CHECK(!test_filter(0, 0, 0));

	start();
	add(KDBUS_ITEM_BLOOM_MASK, zero, sizeof(zero));
	CHECK(test_filter(0, 0, 0));
	CHECK(test_filter(7, 1, 2));
}

static void test_bloom_generations(void)
{
	const __u64 mask[] = { 1, 0, 2, 0, 4, 0 };

	start();
	add(KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
	CHECK(test_filter(0, 1, 0));
	CHECK(test_filter(1, 2, 0));
	CHECK(test_filter(2, 4, 0));
	CHECK(!test_filter(0, 2, 0));
	CHECK(!test_filter(1, 4, 0));
	CHECK(!test_filter(2, 1, 0));
	/* newer than all masks */
	CHECK(test_filter(3, 4, 0));
	CHECK(test_filter(~0ULL, 4, 0));
	CHECK(!test_filter(~0ULL, 3, 0));
}

/* agrees with a naive model for random masks and filters */
static void test_bloom_random(void)
{
	__u64 mask[4 * BLOOM_WORDS], words[BLOOM_WORDS];
	size_t n_masks, n, i, round;
	__u64 generation;
	bool fits;

	for (round = 0; round < 10000; round++) {
		n_masks = 1 + unit_random_below(4);
		generation = unit_random_below(6);
		n = generation < n_masks ? generation : n_masks - 1;
		for (i = 0; i < n_masks * BLOOM_WORDS; i++)
			mask[i] = unit_random() & unit_random() &
				  unit_random() & unit_random();

		fits = true;
		for (i = 0; i < BLOOM_WORDS; i++) {
			words[i] = unit_random() | unit_random() |
				   unit_random() | unit_random();
			if (mask[n * BLOOM_WORDS + i] & ~words[i])
				fits = false;
		}

		start();
		add(KDBUS_ITEM_BLOOM_MASK, mask, n_masks * BLOOM_SIZE);
		CHECK(test_filter(generation, words[0], words[1]) == fits,
		      "round %zu", round);
	}
}

static void test_bloom_sizes(void)
{
	const __u64 mask[32] = {};
	size_t size;

	for (size = 0; size <= sizeof(mask); size++) {
		start();
		add(KDBUS_ITEM_BLOOM_MASK, mask, size);
		CHECK(check() == (size && size % BLOOM_SIZE == 0 ? 0 : -EDOM),
		      "size %zu", size);
	}
}

static void test_src_id(void)
{
	start();
	add_id(KDBUS_ITEM_ID, ID);
	CHECK(test_message());

	start();
	add_id(KDBUS_ITEM_ID, OTHER);
	CHECK(!test_message());

	start();
	add_id(KDBUS_ITEM_ID, KDBUS_MATCH_ID_ANY);
	CHECK(test_message());
}

static void test_dst_id(void)
{
	const struct kdbus_match_facts by_id = { .dst_id = ID };
	const struct kdbus_match_facts by_name = { .dst_id = 0 };

	start();
	add_id(KDBUS_ITEM_DST_ID, ID);
	CHECK(test(&by_id));
	CHECK(!test(&by_name));
	CHECK(!test_message());

	start();
	add_id(KDBUS_ITEM_DST_ID, KDBUS_MATCH_ID_ANY);
	CHECK(test(&by_id));
	CHECK(test(&by_name));
	CHECK(test_message());
}

static bool owns_name(const void *owner, const char *name)
{
	return strcmp(owner, name) == 0;
}

static void test_name(void)
{
	const struct kdbus_match_facts facts = {
		.owns_name = owns_name,
		.owner = "org.example.Name",
	};

	start();
	add_string(KDBUS_ITEM_NAME, "org.example.Name");
	CHECK(test(&facts));
	/* the sender is no connection that could own names */
	CHECK(!test_message());

	start();
	add_string(KDBUS_ITEM_NAME, "org.example.Name2");
	CHECK(!test(&facts));
}

static void test_name_grammar(void)
{
	static const char *const invalid[] = {
		"", "a", "a.*", "a.b.*", ".a.b", "a..b", "a.b.", "1a.b c",
	};
	size_t i;

	for (i = 0; i < sizeof(invalid) / sizeof(*invalid); i++) {
		start();
		add_string(KDBUS_ITEM_NAME, invalid[i]);
		CHECK(check() == -EINVAL, "%s", invalid[i]);
	}
}

/* the first item at fault decides */
static void test_error_order(void)
{
	start();
	add(KDBUS_ITEM_BLOOM_MASK, "12345678", 8);
	add_string(KDBUS_ITEM_NAME, "*");
	CHECK_EQ(check(), -EDOM);

	start();
	add_string(KDBUS_ITEM_NAME, "*");
	add(KDBUS_ITEM_BLOOM_MASK, "12345678", 8);
	CHECK_EQ(check(), -EINVAL);
}

static void test_id_change(void)
{
	start();
	add_id_change(KDBUS_ITEM_ID_ADD, ID);
	CHECK(test_change(KDBUS_ITEM_ID_ADD, 0, ID, NULL));
	CHECK(!test_change(KDBUS_ITEM_ID_ADD, 0, OTHER, NULL));
	CHECK(!test_change(KDBUS_ITEM_ID_REMOVE, ID, 0, NULL));
	CHECK(!test_message());

	start();
	add_id_change(KDBUS_ITEM_ID_REMOVE, ID);
	CHECK(test_change(KDBUS_ITEM_ID_REMOVE, ID, 0, NULL));
	CHECK(!test_change(KDBUS_ITEM_ID_REMOVE, OTHER, 0, NULL));
	CHECK(!test_change(KDBUS_ITEM_ID_ADD, 0, ID, NULL));

	start();
	add_id_change(KDBUS_ITEM_ID_REMOVE, KDBUS_MATCH_ID_ANY);
	CHECK(test_change(KDBUS_ITEM_ID_REMOVE, OTHER, 0, NULL));
}

static void test_name_change(void)
{
	const __u64 any = KDBUS_MATCH_ID_ANY;
	const __u64 type = KDBUS_ITEM_NAME_CHANGE;

	start();
	add_name_change(type, any, any, NULL);
	CHECK(test_change(type, ID, OTHER, "a.b"));
	CHECK(!test_change(KDBUS_ITEM_NAME_ADD, 0, ID, "a.b"));
	CHECK(!test_change(KDBUS_ITEM_NAME_REMOVE, ID, 0, "a.b"));
	CHECK(!test_message());

	start();
	add_name_change(type, ID, any, "a.b");
	CHECK(test_change(type, ID, OTHER, "a.b"));
	CHECK(!test_change(type, ID, OTHER, "a.c"));
	CHECK(!test_change(type, ID, OTHER, "a.bb"));
	CHECK(!test_change(type, OTHER, OTHER, "a.b"));

	start();
	add_name_change(type, ID, OTHER, NULL);
	CHECK(test_change(type, ID, OTHER, "a.b"));
	CHECK(!test_change(type, OTHER, ID, "a.b"));

	/* an empty name is a name, and nobody has it */
	start();
	add_name_change(type, any, any, "");
	CHECK(!test_change(type, ID, OTHER, "a.b"));
}

static void test_name_add_remove(void)
{
	start();
	add_name_change(KDBUS_ITEM_NAME_ADD, 0, ID, NULL);
	CHECK(test_change(KDBUS_ITEM_NAME_ADD, 0, ID, "a.b"));
	CHECK(!test_change(KDBUS_ITEM_NAME_ADD, 0, OTHER, "a.b"));

	/* there is no old owner: only 0 and any are right */
	start();
	add_name_change(KDBUS_ITEM_NAME_ADD, ID, ID, NULL);
	CHECK(!test_change(KDBUS_ITEM_NAME_ADD, 0, ID, "a.b"));

	start();
	add_name_change(KDBUS_ITEM_NAME_REMOVE, ID, KDBUS_MATCH_ID_ANY, "a.b");
	CHECK(test_change(KDBUS_ITEM_NAME_REMOVE, ID, 0, "a.b"));
	CHECK(!test_change(KDBUS_ITEM_NAME_REMOVE, ID, 0, "a"));
}

static void test_all_rules(void)
{
	const __u64 mask[BLOOM_WORDS] = {};

	start();
	add(KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
	add_id(KDBUS_ITEM_ID, ID);
	add_id(KDBUS_ITEM_DST_ID, KDBUS_DST_ID_BROADCAST);
	CHECK(test_message());
	add_id(KDBUS_ITEM_ID, OTHER);
	CHECK(!test_message());
}

/* an entry that mixes kinds is kept, but fits nothing */
static void test_mixed_rules(void)
{
	start();
	add_id(KDBUS_ITEM_ID, ID);
	add_id_change(KDBUS_ITEM_ID_ADD, KDBUS_MATCH_ID_ANY);
	CHECK(!test_message());
	CHECK(!test_change(KDBUS_ITEM_ID_ADD, 0, ID, NULL));

	start();
	add_id_change(KDBUS_ITEM_ID_ADD, KDBUS_MATCH_ID_ANY);
	add_id_change(KDBUS_ITEM_ID_REMOVE, KDBUS_MATCH_ID_ANY);
	CHECK(!test_change(KDBUS_ITEM_ID_ADD, 0, ID, NULL));
	CHECK(!test_change(KDBUS_ITEM_ID_REMOVE, ID, 0, NULL));
}

/* whatever is behind the payload of an item does not get into the rules */
static void test_copy(void)
{
	const struct kdbus_item *rule;
	void *area, *rules;
	size_t size;

	start();
	add_string(KDBUS_ITEM_NAME, "abc.def");
	add_string(KDBUS_ITEM_NAME, "a.b");
	area = unit_copy(items.data, items.size);
	CHECK_EQ(kdbus_match_rules_check(area, items.size, BLOOM_SIZE, &size),
		 0);
	CHECK_EQ(size, 24 + 24);
	rules = unit_alloc(size);
	kdbus_match_rules_copy(rules, area, items.size);

	rule = rules;
	CHECK(!memcmp(rule, items.data, 24));
	rule = kdbus_item_next(rule);
	CHECK_EQ(rule->size, 20);
	CHECK(!memcmp(rule->str, "a.b\0\0\0\0", 8));

	free(rules);
	free(area);
}

static const struct unit_test tests[] = {
	{ "no rules fit everything", test_no_rules },
	{ "a NEGOTIATE item is no rule", test_negotiate },
	{ "bloom: all bits of the mask are needed", test_bloom_words },
	{ "bloom: generations choose the mask", test_bloom_generations },
	{ "bloom: agrees with a model", test_bloom_random },
	{ "bloom: masks are whole", test_bloom_sizes },
	{ "sender", test_src_id },
	{ "destination", test_dst_id },
	{ "name of the sender", test_name },
	{ "names are well-known names", test_name_grammar },
	{ "the first error counts", test_error_order },
	{ "ids come and go", test_id_change },
	{ "names change hands", test_name_change },
	{ "names come and go", test_name_add_remove },
	{ "all rules have to fit", test_all_rules },
	{ "mixed rules fit nothing", test_mixed_rules },
	{ "rules are clean copies", test_copy },
};

UNIT_MAIN(tests)
