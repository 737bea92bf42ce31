// SPDX-License-Identifier: GPL-2.0
#include "policy-table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "item.h"
#include "unit.h"

#define NONE	KDBUS_POLICY_NONE
#define SEE	KDBUS_POLICY_SEE
#define TALK	KDBUS_POLICY_TALK
#define OWN	KDBUS_POLICY_OWN

#define USER	KDBUS_POLICY_ACCESS_USER
#define GROUP	KDBUS_POLICY_ACCESS_GROUP
#define WORLD	KDBUS_POLICY_ACCESS_WORLD

/* numbers that user space passes are these lower than those of the kernel */
#define UID_BASE	1000
#define GID_BASE	2000

/* items as commands pass them, with rubbish for padding */
static struct {
	__u64 data[4096];
	size_t size;
} items;

static void start(void)
{
	memset(items.data, 0xee, sizeof(items.data));
	items.size = 0;
}

static void add(__u64 type, const void *payload, size_t size)
{
	struct kdbus_item *item;
	size_t pos = KDBUS_ALIGN8(items.size);

	CHECK(pos + KDBUS_ITEM_SIZE(size) <= sizeof(items.data));
	item = (void *)((char *)items.data + pos);
	item->size = KDBUS_ITEM_SIZE(size);
	item->type = type;
	memcpy(item->data, payload, size);
	items.size = pos + item->size;
}

static void add_name(const char *name)
{
	add(KDBUS_ITEM_NAME, name, strlen(name) + 1);
}

static void add_access(__u64 type, __u64 access, __u64 id)
{
	const struct kdbus_policy_access grant = {
		.type = type,
		.access = access,
		.id = id,
	};

	add(KDBUS_ITEM_POLICY_ACCESS, &grant, sizeof(grant));
}

static bool map_id(u64 type, u64 id, u32 *out)
{
	if (id >= 100)
		return false;
	*out = id + (type == USER ? UID_BASE : GID_BASE);
	return true;
}

static struct kdbus_policy_rules rules = {
	.max_names = 1000,
	.wildcards = true,
	.map_id = map_id,
};

/* in memory of just the right size, with the error if there is one */
static struct kdbus_policy_set *fill(int expected)
{
	size_t size = kdbus_policy_set_size(items.data, items.size);
	struct kdbus_policy_set *set = unit_alloc(size);
	void *area = unit_copy(items.data, items.size);
	int r;

	CHECK(size < sizeof(*set) + 3 * items.size || !items.size);
	r = kdbus_policy_set_fill(set, area, items.size, &rules);
	free(area);
	CHECK_EQ(r, expected);
	if (r < 0) {
		free(set);
		return NULL;
	}
	CHECK_EQ(set->state, KDBUS_POLICY_RESERVED);
	return set;
}

/* a set of what was added, that counts */
static struct kdbus_policy_set *live(void)
{
	struct kdbus_policy_set *set = fill(0);

	set->state = KDBUS_POLICY_LIVE;
	return set;
}

static struct kdbus_policy_table *build(struct kdbus_policy_table *old,
					const struct kdbus_policy_set *without,
					const struct kdbus_policy_set *with,
					int expected)
{
	struct kdbus_policy_table *table;

	table = unit_alloc(kdbus_policy_table_size(old, with));
	CHECK_EQ(kdbus_policy_table_build(table, old, without, with),
		 expected);
	if (expected < 0) {
		free(table);
		return old;
	}
	free(old);
	return table;
}

static bool in_group(const void *cred, u32 gid)
{
	const u32 *gids = cred;

	return gid == gids[0] || gid == gids[1];
}

static int query(const struct kdbus_policy_table *table, const char *name,
		 u32 user, u32 group, u32 extra)
{
	const u32 gids[] = { GID_BASE + group, GID_BASE + extra };
	const struct kdbus_policy_subject subject = {
		.uid = UID_BASE + user,
		.in_group = in_group,
		.cred = gids,
	};
	char *copy = unit_copy(name, strlen(name) + 1);
	int r = kdbus_policy_table_query(table, copy, &subject);

	free(copy);
	return r;
}

static void test_empty(void)
{
	struct kdbus_policy_table *table;
	struct kdbus_policy_set *set;

	CHECK_EQ(query(NULL, "a.b", 0, 0, 0), NONE);
	table = build(NULL, NULL, NULL, 0);
	CHECK_EQ(query(table, "a.b", 0, 0, 0), NONE);

	start();
	set = live();
	CHECK_EQ(set->n, 0);
	table = build(table, NULL, set, 0);
	CHECK_EQ(query(table, "a.b", 0, 0, 0), NONE);

	free(table);
	free(set);
}

static void test_subjects(void)
{
	struct kdbus_policy_table *table;
	struct kdbus_policy_set *set;

	start();
	add_name("a.user");
	add_access(USER, TALK, 1);
	add_name("a.group");
	add_access(GROUP, TALK, 1);
	add_name("a.world");
	add_access(WORLD, TALK, ~0ULL);
	set = live();
	table = build(NULL, NULL, set, 0);

	CHECK_EQ(query(table, "a.user", 1, 2, 3), TALK);
	CHECK_EQ(query(table, "a.user", 2, 1, 1), NONE);
	CHECK_EQ(query(table, "a.group", 2, 1, 3), TALK);
	CHECK_EQ(query(table, "a.group", 2, 3, 1), TALK);
	CHECK_EQ(query(table, "a.group", 1, 2, 3), NONE);
	CHECK_EQ(query(table, "a.world", 7, 8, 9), TALK);
	CHECK_EQ(query(table, "a.none", 1, 1, 1), NONE);

	free(table);
	free(set);
}

/* the highest of what applies counts, wherever it stands */
static void test_highest(void)
{
	struct kdbus_policy_table *table;
	struct kdbus_policy_set *set;

	start();
	add_name("a.up");
	add_access(WORLD, SEE, 0);
	add_access(GROUP, TALK, 1);
	add_access(USER, OWN, 1);
	add_name("a.down");
	add_access(USER, OWN, 1);
	add_access(GROUP, TALK, 1);
	add_access(WORLD, SEE, 0);
	set = live();
	table = build(NULL, NULL, set, 0);

	CHECK_EQ(query(table, "a.up", 2, 2, 2), SEE);
	CHECK_EQ(query(table, "a.up", 2, 1, 2), TALK);
	CHECK_EQ(query(table, "a.up", 1, 1, 2), OWN);
	CHECK_EQ(query(table, "a.down", 2, 2, 2), SEE);
	CHECK_EQ(query(table, "a.down", 2, 1, 2), TALK);
	CHECK_EQ(query(table, "a.down", 1, 2, 2), OWN);

	free(table);
	free(set);
}

static void test_wildcards(void)
{
	struct kdbus_policy_table *table;
	struct kdbus_policy_set *set;

	start();
	add_name("a.b.*");
	add_access(WORLD, TALK, 0);
	add_name("a.b.c");
	add_access(WORLD, SEE, 0);
	add_name("a.b.d");
	add_name("a.b");
	add_access(WORLD, OWN, 0);
	add_name("x.*");
	add_access(WORLD, OWN, 0);
	set = live();
	table = build(NULL, NULL, set, 0);

	/* just one more element */
	CHECK_EQ(query(table, "a.b.z", 1, 1, 1), TALK);
	CHECK_EQ(query(table, "a.b.z.z", 1, 1, 1), NONE);
	CHECK_EQ(query(table, "a.bb.z", 1, 1, 1), NONE);
	CHECK_EQ(query(table, "a.b", 1, 1, 1), OWN);
	CHECK_EQ(query(table, "x.y", 1, 1, 1), OWN);
	CHECK_EQ(query(table, "x.y.z", 1, 1, 1), NONE);
	/* the exact one wins, also if it grants less, or nothing */
	CHECK_EQ(query(table, "a.b.c", 1, 1, 1), SEE);
	CHECK_EQ(query(table, "a.b.d", 1, 1, 1), NONE);
	/* what is no name is nobody's */
	CHECK_EQ(query(table, "a.b.*", 1, 1, 1), TALK);
	CHECK_EQ(query(table, "x", 1, 1, 1), NONE);
	CHECK_EQ(query(table, "", 1, 1, 1), NONE);
	CHECK_EQ(query(table, ".", 1, 1, 1), NONE);

	free(table);
	free(set);
}

static void test_other_items(void)
{
	struct kdbus_policy_table *table;
	struct kdbus_policy_set *set;
	const __u64 word = 1;

	start();
	add(KDBUS_ITEM_ATTACH_FLAGS_SEND, &word, sizeof(word));
	add_name("a.b");
	add(KDBUS_ITEM_CONN_DESCRIPTION, "me", 3);
	add_access(WORLD, SEE, 0);
	add(KDBUS_ITEM_NEGOTIATE, &word, sizeof(word));
	set = live();
	table = build(NULL, NULL, set, 0);
	CHECK_EQ(set->n, 1);
	CHECK_EQ(query(table, "a.b", 1, 1, 1), SEE);

	free(table);
	free(set);
}

static void test_bad_sets(void)
{
	start();
	add_access(WORLD, SEE, 0);
	add_name("a.b");
	fill(-EINVAL);

	start();
	add_name("a");
	fill(-EINVAL);
	start();
	add_name("");
	fill(-EINVAL);

	start();
	add_name("a.b");
	add_access(WORLD, OWN + 1, 0);
	fill(-EINVAL);
	start();
	add_name("a.b");
	add_access(0, SEE, 0);
	fill(-EINVAL);
	start();
	add_name("a.b");
	add_access(WORLD + 1, SEE, 0);
	fill(-EINVAL);
	start();
	add_name("a.b");
	add_access(0x100000000ULL + WORLD, SEE, 0);
	fill(-EINVAL);
	start();
	add_name("a.b");
	add_access(WORLD, 0x100000000ULL, 0);
	fill(-EINVAL);

	start();
	add_name("a.b");
	add_access(USER, SEE, 100);
	fill(-EINVAL);
	start();
	add_name("a.b");
	add_access(GROUP, SEE, 100);
	fill(-EINVAL);
}

static void test_rules(void)
{
	start();
	add_name("a.b.*");
	rules.wildcards = false;
	fill(-EINVAL);
	rules.wildcards = true;
	free(fill(0));

	/* the first error counts */
	start();
	add_name("a.b");
	add_name("a.c");
	add_access(WORLD, 9, 0);
	rules.max_names = 1;
	fill(-E2BIG);
	rules.max_names = 2;
	fill(-EINVAL);
	rules.max_names = 1;
	start();
	add_name("a.b");
	add_access(WORLD, 9, 0);
	add_name("a.c");
	fill(-EINVAL);
	rules.max_names = 1000;
}

static void test_unique(void)
{
	struct kdbus_policy_table *table = NULL;
	struct kdbus_policy_set *twice, *exact, *wildcard, *other;

	start();
	add_name("a.b");
	add_name("a.b");
	twice = live();
	build(NULL, NULL, twice, -EEXIST);

	/* a.b.* and a.b are two things, and so are a.* and a.b */
	start();
	add_name("a.b");
	add_name("a.*");
	exact = live();
	start();
	add_name("a.b.*");
	wildcard = live();
	start();
	add_name("x.y");
	add_name("a.b.*");
	other = live();

	table = build(table, NULL, exact, 0);
	table = build(table, NULL, wildcard, 0);
	table = build(table, NULL, other, -EEXIST);
	/* in place of the one that was in the way */
	table = build(table, wildcard, other, 0);
	CHECK_EQ(table->n, 4);
	table = build(table, NULL, wildcard, -EEXIST);
	table = build(table, other, wildcard, 0);
	CHECK_EQ(table->n, 3);
	table = build(table, exact, NULL, 0);
	CHECK_EQ(table->n, 1);

	free(table);
	free(twice);
	free(exact);
	free(wildcard);
	free(other);
}

static void test_states(void)
{
	struct kdbus_policy_table *table;
	struct kdbus_policy_set *wildcard, *exact, *again;

	start();
	add_name("a.*");
	add_access(WORLD, TALK, 0);
	wildcard = live();
	start();
	add_name("a.b");
	add_access(WORLD, SEE, 0);
	exact = fill(0);
	again = live();

	table = build(NULL, NULL, wildcard, 0);
	table = build(table, NULL, exact, 0);
	/* reserved: grants nothing, hides nothing, but keeps its name */
	CHECK_EQ(query(table, "a.b", 1, 1, 1), TALK);
	table = build(table, NULL, again, -EEXIST);
	exact->state = KDBUS_POLICY_LIVE;
	CHECK_EQ(query(table, "a.b", 1, 1, 1), SEE);
	table = build(table, NULL, again, -EEXIST);
	exact->state = KDBUS_POLICY_DEAD;
	CHECK_EQ(query(table, "a.b", 1, 1, 1), TALK);
	table = build(table, NULL, again, 0);
	CHECK_EQ(table->n, 2);
	CHECK_EQ(query(table, "a.b", 1, 1, 1), SEE);

	free(table);
	free(wildcard);
	free(exact);
	free(again);
}

/*
 * A model: each holder has one entry, told as a string, and everything is looked
 * for from end to end.
 */
#define HOLDERS		24
#define GRANTS		4

static struct holder {
	struct kdbus_policy_set *set;
	char name[16];
	size_t n;
	struct kdbus_policy_access grants[GRANTS];
} holders[HOLDERS];

/* few names, so that they meet */
static void random_name(char *name, bool wildcard)
{
	static const char *const elements[] = { "a", "b", "ab", "a-" };
	size_t i, n = 2 + unit_random_below(2);

	name[0] = 0;
	for (i = 0; i < n; i++) {
		if (i)
			strcat(name, ".");
		if (wildcard && i == n - 1)
			strcat(name, "*");
		else
			strcat(name, elements[unit_random_below(4)]);
	}
}

static const struct holder *model_find(const char *name)
{
	size_t i;

	for (i = 0; i < HOLDERS; i++)
		if (holders[i].set && !strcmp(holders[i].name, name))
			return &holders[i];
	return NULL;
}

static int model_query(const char *name, u32 user, u32 group, u32 extra)
{
	const struct holder *holder = model_find(name);
	const struct kdbus_policy_access *grant;
	char wildcard[16];
	int best = NONE;
	size_t i;

	if (!holder) {
		strcpy(wildcard, name);
		strcpy(strrchr(wildcard, '.'), ".*");
		holder = model_find(wildcard);
	}
	for (i = 0; holder && i < holder->n; i++) {
		grant = &holder->grants[i];
		if ((grant->type == WORLD ||
		     (grant->type == USER && grant->id == user) ||
		     (grant->type == GROUP &&
		      (grant->id == group || grant->id == extra))) &&
		    (int)grant->access > best)
			best = grant->access;
	}
	return best;
}

static struct kdbus_policy_table *change(struct kdbus_policy_table *table)
{
	struct holder *holder = &holders[unit_random_below(HOLDERS)];
	const struct holder *other;
	struct holder next = {};
	size_t i;

	if (unit_random_below(4)) {
		random_name(next.name, unit_random_below(2));
		next.n = unit_random_below(GRANTS + 1);
		start();
		add_name(next.name);
		for (i = 0; i < next.n; i++) {
			next.grants[i].type = USER + unit_random_below(3);
			next.grants[i].access = unit_random_below(3);
			next.grants[i].id = unit_random_below(4);
			add_access(next.grants[i].type, next.grants[i].access,
				   next.grants[i].id);
		}
		next.set = live();
		other = model_find(next.name);
		if (other && other != holder) {
			table = build(table, holder->set, next.set, -EEXIST);
			free(next.set);
			return table;
		}
	}

	if (!next.set && holder->set && unit_random_below(2)) {
		/* dies, and the table is built for other reasons */
		holder->set->state = KDBUS_POLICY_DEAD;
		table = build(table, NULL, NULL, 0);
	} else {
		table = build(table, holder->set, next.set, 0);
	}
	free(holder->set);
	*holder = next;
	return table;
}

static void test_random(void)
{
	struct kdbus_policy_table *table = NULL;
	u32 user, group, extra;
	char name[16];
	size_t i, n, round;

	memset(holders, 0, sizeof(holders));
	for (round = 0; round < 5000; round++) {
		table = change(table);
		for (i = 0, n = 0; i < HOLDERS; i++)
			n += !!holders[i].set;
		CHECK_EQ(table->n, n);

		for (i = 0; i < 10; i++) {
			random_name(name, false);
			user = unit_random_below(5);
			group = unit_random_below(5);
			extra = unit_random_below(5);
			CHECK_EQ(query(table, name, user, group, extra),
				 model_query(name, user, group, extra));
		}
	}

	for (i = 0; i < HOLDERS; i++)
		free(holders[i].set);
	free(table);
}

/* as many names as a command can have, in the order that costs most */
static void test_many(void)
{
	struct kdbus_policy_table *table;
	struct kdbus_policy_set *set;
	char name[16];
	int i;

	start();
	for (i = 600; i > 0; i--) {
		snprintf(name, sizeof(name), "a.n%03d", i);
		add_name(name);
		if (i % 3)
			add_access(USER, i % 3, i % 7);
	}
	set = live();
	table = build(NULL, NULL, set, 0);
	for (i = 1; i <= 600; i++) {
		snprintf(name, sizeof(name), "a.n%03d", i);
		CHECK_EQ(query(table, name, i % 7, 1, 1), i % 3 ?: NONE);
		CHECK_EQ(query(table, name, i % 7 + 1, 1, 1), NONE);
	}

	free(table);
	free(set);
}

static const struct unit_test tests[] = {
	{ "nothing grants nothing", test_empty },
	{ "users, groups and everyone", test_subjects },
	{ "the highest access counts", test_highest },
	{ "wildcards", test_wildcards },
	{ "other items are skipped", test_other_items },
	{ "bad sets", test_bad_sets },
	{ "what is accepted", test_rules },
	{ "entries are unique", test_unique },
	{ "only live sets count", test_states },
	{ "agrees with a model", test_random },
	{ "many names", test_many },
};

UNIT_MAIN(tests)
