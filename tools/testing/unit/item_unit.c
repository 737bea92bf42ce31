// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "item.h"
#include "unit.h"

/*
 * What the rules are, written down a second time: payload sizes from min to max
 * bytes in steps, and what is in there.
 */

enum content { ANY, STRING, SYSNAME, CHANGE, VEC, MEMFD };

struct rule {
	u64 type;
	size_t min, max, step;
	enum content content;
};

#define NO_LIMIT	((size_t)1 << 20)

static const struct rule rules[] = {
	{ 0x1, 0, NO_LIMIT, 8, ANY },			/* NEGOTIATE */
	{ 0x2, 16, 16, 1, VEC },			/* PAYLOAD_VEC */
	{ 0x4, 24, 24, 1, MEMFD },			/* PAYLOAD_MEMFD */
	{ 0x5, 0, NO_LIMIT, 4, ANY },			/* FDS */
	{ 0x6, 4, 4, 1, ANY },				/* CANCEL_FD */
	{ 0x7, 16, 16, 1, ANY },			/* BLOOM_PARAMETER */
	{ 0x8, 8, NO_LIMIT, 1, ANY },			/* BLOOM_FILTER */
	{ 0xa, 1, NO_LIMIT, 1, STRING },		/* DST_NAME */
	{ 0xb, 2, 64, 1, SYSNAME },			/* MAKE_NAME */
	{ 0xc, 8, 8, 1, ANY },				/* ATTACH_FLAGS_SEND */
	{ 0xd, 8, 8, 1, ANY },				/* ATTACH_FLAGS_RECV */
	{ 0xe, 8, 8, 1, ANY },				/* ID */
	{ 0xf, 1, NO_LIMIT, 1, STRING },		/* NAME */
	{ 0x10, 8, 8, 1, ANY },				/* DST_ID */
	{ 0x1000, 24, 24, 1, ANY },			/* TIMESTAMP */
	{ 0x1001, 64, 64, 1, ANY },			/* CREDS */
	{ 0x1002, 24, 24, 1, ANY },			/* PIDS */
	{ 0x100b, 1, NO_LIMIT, 1, STRING },		/* SECLABEL */
	{ 0x100c, 8, 8, 1, ANY },			/* AUDIT */
	{ 0x100d, 2, 64, 1, SYSNAME },			/* CONN_DESCRIPTION */
	{ 0x2000, 24, 24, 1, ANY },			/* POLICY_ACCESS */
	{ 0x8000, 32, NO_LIMIT, 1, CHANGE },		/* NAME_ADD */
	{ 0x8001, 32, NO_LIMIT, 1, CHANGE },		/* NAME_REMOVE */
	{ 0x8002, 32, NO_LIMIT, 1, CHANGE },		/* NAME_CHANGE */
	{ 0x8003, 16, 16, 1, ANY },			/* ID_ADD */
	{ 0x8004, 16, 16, 1, ANY },			/* ID_REMOVE */
};

static const u64 free_types[] = {
	0x0, 0x3, 0x9, 0x11, 0xfff, 0x1003, 0x1004, 0x1005, 0x1006, 0x1007,
	0x1008, 0x1009, 0x100a, 0x100e, 0x1fff, 0x2001, 0x7fff, 0x8005, 0x8006,
	0x8007, 1ULL << 32, (1ULL << 32) + 2, 1ULL << 63, ~0ULL,
};

#define N_RULES		(sizeof(rules) / sizeof(*rules))
#define N_FREE_TYPES	(sizeof(free_types) / sizeof(*free_types))

static const struct rule *find_rule(u64 type)
{
	size_t i;

	for (i = 0; i < N_RULES; i++)
		if (rules[i].type == type)
			return &rules[i];
	return NULL;
}

static u64 get_u64(const void *data)
{
	u64 value;

	memcpy(&value, data, sizeof(value));
	return value;
}

static bool is_string(const char *str, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if ((str[i] == 0) != (i == size - 1))
			return false;
	return size > 0;
}

/* all but the size, which is right */
static bool is_sysname(const char *str, size_t size)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyz0123456789_"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t i;

	if (!is_string(str, size))
		return false;
	for (i = 0; i < size - 1; i++)
		if (!strchr(word, str[i]) &&
		    (i == 0 || i == size - 2 || !strchr("-.", str[i])))
			return false;
	return true;
}

static int model_validate(u64 type, const char *payload, size_t size)
{
	const struct rule *rule = find_rule(type);
	int fd;

	if (!rule)
		return 0;
	if (rule->content == SYSNAME && size > rule->max)
		return -ENAMETOOLONG;
	if (size < rule->min || size > rule->max || size % rule->step)
		return -EINVAL;

	switch (rule->content) {
	case STRING:
		return is_string(payload, size) ? 0 : -EINVAL;
	case SYSNAME:
		return is_sysname(payload, size) ? 0 : -EINVAL;
	case CHANGE:
		return size == 32 || is_string(payload + 32, size - 32) ?
		       0 : -EINVAL;
	case VEC:
		return get_u64(payload) - 1 < SIZE_MAX ? 0 : -EINVAL;
	case MEMFD:
		if (get_u64(payload + 8) - 1 >= SIZE_MAX)
			return -EINVAL;
		memcpy(&fd, payload + 16, sizeof(fd));
		return fd >= 0 ? 0 : -EBADF;
	default:
		return 0;
	}
}

/* the first item of a type in a good area, and how many there are */
static const char *model_find(const char *area, size_t size, u64 type,
			      size_t *n)
{
	const char *first = NULL;
	size_t offset;

	*n = 0;
	for (offset = 0; offset < size;
	     offset += (get_u64(area + offset) + 7) / 8 * 8)
		if (get_u64(area + offset + 8) == type) {
			first = first ?: area + offset;
			++*n;
		}
	return first;
}

static int model_parse(const char *area, size_t size,
		       const struct kdbus_item_spec *specs, size_t n_specs)
{
	size_t offset = 0, i, n;
	u64 item, type;
	int r;

	while (offset < size) {
		if (size - offset < 16)
			return -EINVAL;
		item = get_u64(area + offset);
		type = get_u64(area + offset + 8);
		if (item < 16 || item > size - offset)
			return -EINVAL;

		for (i = 0; i < n_specs && specs[i].type != type; i++)
			;
		if (i == n_specs)
			return -EINVAL;

		r = model_validate(type, area + offset + 16, item - 16);
		if (r < 0)
			return r;

		model_find(area, offset, type, &n);
		if (n > 0 && !specs[i].multiple)
			return -EINVAL;

		offset += (item + 7) / 8 * 8;
	}
	return 0;
}

/*
 * Building blocks
 */

struct area {
	char data[4096] __attribute__((aligned(8)));
	size_t size;		/* to the end of the last item, unpadded */
};

static void add_item(struct area *area, u64 type, const void *payload,
		     size_t size)
{
	size_t offset = (area->size + 7) / 8 * 8;
	u64 header[2] = { 16 + size, type };

	/* padding that must not be looked at */
	memset(area->data + area->size, 0xff, offset - area->size);
	memcpy(area->data + offset, header, sizeof(header));
	if (size > 0)
		memcpy(area->data + offset + 16, payload, size);
	area->size = offset + 16 + size;
	memset(area->data + area->size, 0xff,
	       (area->size + 7) / 8 * 8 - area->size);
}

static void add_string(struct area *area, u64 type, const char *str)
{
	add_item(area, type, str, strlen(str) + 1);
}

static void add_id(struct area *area, u64 id)
{
	add_item(area, KDBUS_ITEM_ID, &id, sizeof(id));
}

static int validate(u64 type, const void *payload, size_t size)
{
	struct kdbus_item *item = malloc(16 + size);
	int r;

	item->size = 16 + size;
	item->type = type;
	if (size > 0)
		memcpy((char *)item + 16, payload, size);

	r = kdbus_item_validate(item);
	CHECK_EQ(r, model_validate(type, payload, size));
	free(item);
	return r;
}

#define N_FOUND		16

/* parse a copy of just that size, and compare with the model */
static int parse_size(const struct area *area, size_t size,
		      const struct kdbus_item_spec *specs, size_t n_specs)
{
	const struct kdbus_item *found[N_FOUND], *item;
	char *copy = unit_copy(area->data, size);
	const char *expected;
	size_t i, n;
	int r;

	memset(found, 0xa5, sizeof(found));
	r = kdbus_items_parse(copy, size, specs, n_specs, found);
	CHECK_EQ(r, model_parse(copy, size, specs, n_specs));
	CHECK_EQ(kdbus_items_parse(copy, size, specs, n_specs, NULL), r);

	if (r == 0) {
		for (i = 0; i < n_specs; i++) {
			expected = model_find(copy, size, specs[i].type, &n);
			CHECK((const char *)found[i] == expected);

			kdbus_items_foreach(item, copy, size)
				n -= item->type == specs[i].type;
			CHECK(n == 0);
		}
		CHECK((uintptr_t)found[n_specs] == 0xa5a5a5a5a5a5a5a5 ||
		      sizeof(void *) < 8);
	}
	free(copy);
	return r;
}

#define PARSE(_area, _specs)						\
	parse_size(_area, (_area)->size, _specs,			\
		   sizeof(_specs) / sizeof(*(_specs)))

static const struct kdbus_item_spec message_specs[] = {
	{ .type = KDBUS_ITEM_NEGOTIATE },
	{ .type = KDBUS_ITEM_PAYLOAD_VEC, .multiple = true },
	{ .type = KDBUS_ITEM_PAYLOAD_MEMFD, .multiple = true },
	{ .type = KDBUS_ITEM_FDS },
	{ .type = KDBUS_ITEM_BLOOM_FILTER },
	{ .type = KDBUS_ITEM_DST_NAME },
};

static const struct kdbus_item_spec mixed_specs[] = {
	{ .type = KDBUS_ITEM_NEGOTIATE },
	{ .type = KDBUS_ITEM_MAKE_NAME, .mandatory = true },
	{ .type = KDBUS_ITEM_NAME, .multiple = true },
	{ .type = KDBUS_ITEM_ID, .multiple = true, .mandatory = true },
	{ .type = KDBUS_ITEM_PAYLOAD_MEMFD },
	{ .type = KDBUS_ITEM_SECLABEL },
};

/*
 * Tests: payload rules
 */

static void test_layout(void)
{
	struct kdbus_item item = { .size = 16 };

	CHECK(KDBUS_ITEM_HEADER_SIZE == 16);
	CHECK(KDBUS_ITEM_SIZE(5) == 21);
	CHECK(kdbus_item_payload_size(&item) == 0);
	CHECK(KDBUS_ALIGN8(0) == 0 && KDBUS_ALIGN8(1) == 8 &&
	      KDBUS_ALIGN8(8) == 8 && KDBUS_ALIGN8(9) == 16);
}

/* content that is right for a type if only its size is */
static void fill_payload(char *payload, size_t size, enum content content)
{
	const u64 one = 1;

	memset(payload, 'x', size);
	if ((content == VEC || content == MEMFD) && size >= 16) {
		memcpy(payload, &one, sizeof(one));
		memcpy(payload + 8, &one, sizeof(one));
	}
	if (content == CHANGE && size > 32)
		memset(payload, 0, 32);
	if ((content == STRING || content == SYSNAME || content == CHANGE) &&
	    size > 0)
		payload[size - 1] = 0;
}

static void test_sizes(void)
{
	char payload[300];
	size_t i, size;
	int r;

	for (i = 0; i < N_RULES; i++)
		for (size = 0; size < sizeof(payload); size++) {
			const struct rule *rule = &rules[i];

			fill_payload(payload, size, rule->content);
			r = validate(rule->type, payload, size);
			if (size >= rule->min && size <= rule->max &&
			    size % rule->step == 0)
				CHECK_EQ(r, 0);
			else
				CHECK(r == -EINVAL ||
				      (r == -ENAMETOOLONG && size > 64));
		}
}

static void test_free_types(void)
{
	char payload[100];
	size_t i, size;

	memset(payload, 0xff, sizeof(payload));
	for (i = 0; i < N_FREE_TYPES; i++)
		for (size = 0; size < sizeof(payload); size++)
			CHECK_EQ(validate(free_types[i], payload, size), 0);
}

static void test_vec(void)
{
	static const u64 good[] = { 1, 2097152, 1ULL << 31 };
	u64 vec[2] = { 0, 0x1000 };
	size_t i;

	for (i = 0; i < 3; i++) {
		vec[0] = good[i];
		CHECK_EQ(validate(KDBUS_ITEM_PAYLOAD_VEC, vec, 16), 0);
		CHECK_EQ(validate(KDBUS_ITEM_PAYLOAD_VEC, vec, 15), -EINVAL);
		CHECK_EQ(validate(KDBUS_ITEM_PAYLOAD_VEC, vec, 8), -EINVAL);
	}

	vec[0] = SIZE_MAX;
	CHECK_EQ(validate(KDBUS_ITEM_PAYLOAD_VEC, vec, 16), 0);
	vec[0] = 0;
	CHECK_EQ(validate(KDBUS_ITEM_PAYLOAD_VEC, vec, 16), -EINVAL);
	vec[0] = 1ULL << 32;
	CHECK_EQ(validate(KDBUS_ITEM_PAYLOAD_VEC, vec, 16),
		 sizeof(size_t) < 8 ? -EINVAL : 0);

	/* any address will do here */
	vec[0] = 1;
	vec[1] = 0;
	CHECK_EQ(validate(KDBUS_ITEM_PAYLOAD_VEC, vec, 16), 0);
	vec[1] = ~0ULL;
	CHECK_EQ(validate(KDBUS_ITEM_PAYLOAD_VEC, vec, 16), 0);
}

static int validate_memfd(u64 start, u64 length, int fd, size_t size)
{
	struct { u64 start, size; int fd; u32 pad, more[2]; } memfd = {
		start, length, fd, ~0U, { 1, 2 },
	};

	return validate(KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, size);
}

static void test_memfd(void)
{
	CHECK_EQ(validate_memfd(0, 1, 0, 24), 0);
	CHECK_EQ(validate_memfd(~0ULL, SIZE_MAX, INT_MAX, 24), 0);
	CHECK_EQ(validate_memfd(0, 1, -1, 24), -EBADF);
	CHECK_EQ(validate_memfd(0, 1, INT_MIN, 24), -EBADF);
	CHECK_EQ(validate_memfd(0, 0, 3, 24), -EINVAL);
	CHECK_EQ(validate_memfd(5, 0, 3, 24), -EINVAL);
	CHECK_EQ(validate_memfd(0, 1ULL << 32, 3, 24),
		 sizeof(size_t) < 8 ? -EINVAL : 0);

	/* the descriptor is looked at last */
	CHECK_EQ(validate_memfd(0, 0, -1, 24), -EINVAL);
	CHECK_EQ(validate_memfd(0, 1, -1, 20), -EINVAL);
	CHECK_EQ(validate_memfd(0, 1, -1, 16), -EINVAL);
	CHECK_EQ(validate_memfd(0, 1, -1, 32), -EINVAL);
}

static void test_strings(void)
{
	static const u64 types[] = {
		KDBUS_ITEM_NAME, KDBUS_ITEM_DST_NAME, KDBUS_ITEM_SECLABEL,
	};
	char payload[128];
	size_t i, size, nul;

	for (i = 0; i < 3; i++) {
		CHECK_EQ(validate(types[i], "", 1), 0);
		CHECK_EQ(validate(types[i], "a", 1), -EINVAL);
		CHECK_EQ(validate(types[i], "a\0", 3), -EINVAL);
		CHECK_EQ(validate(types[i], "", 0), -EINVAL);
		CHECK_EQ(validate(types[i], "not a name, \xff/", 15), 0);

		for (size = 1; size < sizeof(payload); size++) {
			memset(payload, 0xff, size);
			CHECK_EQ(validate(types[i], payload, size), -EINVAL);

			for (nul = 0; nul < size; nul++) {
				memset(payload, 0xff, size);
				payload[nul] = 0;
				CHECK_EQ(validate(types[i], payload, size),
					 nul == size - 1 ? 0 : -EINVAL);

				payload[size - 1] = 0;
				CHECK_EQ(validate(types[i], payload, size),
					 nul == size - 1 ? 0 : -EINVAL);
			}
		}
	}
}

static void check_sysnames(u64 type)
{
	char payload[200];
	size_t size;

	CHECK_EQ(validate(type, "", 0), -EINVAL);
	CHECK_EQ(validate(type, "", 1), -EINVAL);
	CHECK_EQ(validate(type, "a", 1), -EINVAL);
	CHECK_EQ(validate(type, "a", 2), 0);
	CHECK_EQ(validate(type, "ab", 2), -EINVAL);
	CHECK_EQ(validate(type, "\0b", 2), -EINVAL);
	CHECK_EQ(validate(type, "\0", 2), -EINVAL);
	CHECK_EQ(validate(type, "a\0b", 4), -EINVAL);
	CHECK_EQ(validate(type, "a\0", 3), -EINVAL);
	CHECK_EQ(validate(type, "1000-a.b_c", 11), 0);
	CHECK_EQ(validate(type, "-a", 3), -EINVAL);
	CHECK_EQ(validate(type, "a.", 3), -EINVAL);
	CHECK_EQ(validate(type, "a/b", 4), -EINVAL);
	CHECK_EQ(validate(type, "a\xe4" "b", 4), -EINVAL);

	/* too long is told from wrong by the size alone */
	for (size = 2; size < sizeof(payload); size++) {
		memset(payload, 'x', size);
		CHECK_EQ(validate(type, payload, size),
			 size <= 64 ? -EINVAL : -ENAMETOOLONG);
		payload[size - 1] = 0;
		CHECK_EQ(validate(type, payload, size),
			 size <= 64 ? 0 : -ENAMETOOLONG);
		payload[0] = '/';
		CHECK_EQ(validate(type, payload, size),
			 size <= 64 ? -EINVAL : -ENAMETOOLONG);
		payload[0] = 0;
		CHECK_EQ(validate(type, payload, size),
			 size <= 64 ? -EINVAL : -ENAMETOOLONG);
	}
}

static void test_sysnames(void)
{
	check_sysnames(KDBUS_ITEM_MAKE_NAME);
	check_sysnames(KDBUS_ITEM_CONN_DESCRIPTION);
}

static void test_name_changes(void)
{
	static const u64 types[] = {
		KDBUS_ITEM_NAME_ADD, KDBUS_ITEM_NAME_REMOVE,
		KDBUS_ITEM_NAME_CHANGE,
	};
	char payload[64];
	size_t i, size;

	for (i = 0; i < 3; i++) {
		for (size = 0; size < sizeof(payload); size++) {
			/* no NUL among the ids, and none at the end */
			memset(payload, 'x', sizeof(payload));
			CHECK_EQ(validate(types[i], payload, size),
				 size == 32 ? 0 : -EINVAL);
			if (size > 32)
				payload[size - 1] = 0;
			CHECK_EQ(validate(types[i], payload, size),
				 size >= 32 ? 0 : -EINVAL);
			if (size > 33) {
				payload[size - 2] = 0;
				CHECK_EQ(validate(types[i], payload, size),
					 -EINVAL);
			}
		}
	}
}

/*
 * Tests: walk
 */

static void test_empty(void)
{
	const struct kdbus_item *found[6];
	struct area area = {};

	CHECK_EQ(PARSE(&area, message_specs), 0);
	CHECK_EQ(PARSE(&area, mixed_specs), 0);	/* with mandatory items */
	CHECK_EQ(kdbus_items_parse(NULL, 0, mixed_specs, 6, found), 0);
	CHECK(!found[0] && !found[5]);
	CHECK_EQ(kdbus_items_parse(NULL, 0, NULL, 0, NULL), 0);
}

/* row a: the frame of an item, which is the second here */
static void test_frame(void)
{
	static const u64 sizes[] = {
		0, 1, 7, 8, 15, 25, 32, 1000, 1ULL << 31, 1ULL << 32,
		(1ULL << 32) + 24, 1ULL << 63, (1ULL << 63) + 24, -8ULL, -1ULL,
		-7ULL, -15ULL, -16ULL, -17ULL, -24ULL, -25ULL, -32ULL, -48ULL,
	};
	struct area area = {};
	size_t i, k;

	add_id(&area, 1);
	add_id(&area, 2);
	CHECK_EQ(PARSE(&area, mixed_specs), 0);

	for (k = 0; k < 2; k++)
		for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			memset(&area, 0, sizeof(area));
			add_id(&area, 1);
			add_id(&area, 2);
			memcpy(area.data + k * 24, &sizes[i], 8);
			CHECK_EQ(PARSE(&area, mixed_specs), -EINVAL);
		}
}

/* row a: nothing but whole items, and padding may be there or not */
static void test_end(void)
{
	static const char str[16] = "abcdefghijklmno";
	struct area area;
	size_t n, size, padded;

	for (n = 0; n < 16; n++) {
		memset(&area, 0, sizeof(area));
		add_id(&area, 1);
		add_string(&area, KDBUS_ITEM_NAME, str + n);
		padded = (area.size + 7) / 8 * 8;

		for (size = 0; size < area.size; size++)
			CHECK_EQ(parse_size(&area, size, mixed_specs, 6),
				 size == 0 || size == 24 ? 0 : -EINVAL);
		for (; size <= padded; size++)
			CHECK_EQ(parse_size(&area, size, mixed_specs, 6), 0);
		for (; size < padded + 64; size++)
			CHECK_EQ(parse_size(&area, size, mixed_specs, 6),
				 -EINVAL);
	}
}

/* row b: types that are not accepted, before their payload is looked at */
static void test_types(void)
{
	struct area area = {};
	char name[80] = "";
	size_t i;

	for (i = 0; i < N_RULES; i++) {
		char payload[64];
		size_t size = rules[i].min;

		memset(&area, 0, sizeof(area));
		fill_payload(payload, size, rules[i].content);
		add_item(&area, rules[i].type, payload, size);
		CHECK_EQ(parse_size(&area, area.size, NULL, 0), -EINVAL);
	}

	memset(&area, 0, sizeof(area));
	add_item(&area, KDBUS_ITEM_MAKE_NAME, name, sizeof(name));
	CHECK_EQ(PARSE(&area, message_specs), -EINVAL);
	CHECK_EQ(PARSE(&area, mixed_specs), -ENAMETOOLONG);

	/* the kernel's own items, and types of more than 32 bits */
	memset(&area, 0, sizeof(area));
	add_item(&area, KDBUS_ITEM_PAYLOAD_OFF, name, 16);
	CHECK_EQ(PARSE(&area, message_specs), -EINVAL);
	memset(&area, 0, sizeof(area));
	add_item(&area, KDBUS_ITEM_FDS, name, 4);
	CHECK_EQ(PARSE(&area, message_specs), 0);
	area.data[12] = 1;
	CHECK_EQ(PARSE(&area, message_specs), -EINVAL);
}

/* row d: second instances, after their payload was looked at */
static void test_duplicates(void)
{
	struct area area = {};
	char name[80] = "";

	add_string(&area, KDBUS_ITEM_NAME, "a");
	add_string(&area, KDBUS_ITEM_MAKE_NAME, "a");
	add_string(&area, KDBUS_ITEM_NAME, "b");
	add_string(&area, KDBUS_ITEM_NAME, "a");
	CHECK_EQ(PARSE(&area, mixed_specs), 0);
	add_string(&area, KDBUS_ITEM_MAKE_NAME, "b");
	CHECK_EQ(PARSE(&area, mixed_specs), -EINVAL);

	memset(&area, 0, sizeof(area));
	add_string(&area, KDBUS_ITEM_MAKE_NAME, "a");
	add_item(&area, KDBUS_ITEM_MAKE_NAME, name, sizeof(name));
	CHECK_EQ(PARSE(&area, mixed_specs), -ENAMETOOLONG);

	memset(&area, 0, sizeof(area));
	add_item(&area, KDBUS_ITEM_NEGOTIATE, NULL, 0);
	CHECK_EQ(PARSE(&area, mixed_specs), 0);
	add_item(&area, KDBUS_ITEM_NEGOTIATE, NULL, 0);
	CHECK_EQ(PARSE(&area, mixed_specs), -EINVAL);
}

/* the first bad item decides */
static void test_order(void)
{
	struct kdbus_memfd memfd = { .size = 1, .fd = -1 };
	struct area area = {};
	char name[80] = "";

	add_item(&area, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	add_item(&area, KDBUS_ITEM_MAKE_NAME, name, sizeof(name));
	CHECK_EQ(PARSE(&area, mixed_specs), -EBADF);
	CHECK_EQ(parse_size(&area, area.size - 1, mixed_specs, 6), -EBADF);

	memset(&area, 0, sizeof(area));
	add_item(&area, KDBUS_ITEM_MAKE_NAME, name, sizeof(name));
	add_item(&area, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	CHECK_EQ(PARSE(&area, mixed_specs), -ENAMETOOLONG);

	memset(&area, 0, sizeof(area));
	add_item(&area, KDBUS_ITEM_FDS, NULL, 0);
	add_item(&area, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	CHECK_EQ(PARSE(&area, mixed_specs), -EINVAL);

	/* but a frame that is too large comes before the payload */
	memset(&area, 0, sizeof(area));
	add_item(&area, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	CHECK_EQ(PARSE(&area, mixed_specs), -EBADF);
	CHECK_EQ(parse_size(&area, area.size - 1, mixed_specs, 6), -EINVAL);
}

static void test_found(void)
{
	const struct kdbus_item *found[6], *item;
	struct area area = {};
	size_t offset, n = 0;

	add_id(&area, 7);
	add_string(&area, KDBUS_ITEM_NAME, "first");
	offset = (area.size + 7) / 8 * 8;
	add_id(&area, 8);
	add_string(&area, KDBUS_ITEM_SECLABEL, "label");
	add_string(&area, KDBUS_ITEM_NAME, "second");
	CHECK_EQ(PARSE(&area, mixed_specs), 0);

	CHECK_EQ(kdbus_items_parse(area.data, area.size, mixed_specs, 6, found),
		 0);
	CHECK(!found[0] && !found[1] && !found[4]);
	CHECK(!strcmp(found[2]->str, "first"));
	CHECK(found[3]->id == 7);
	CHECK(!strcmp(found[5]->str, "label"));
	CHECK((const char *)kdbus_item_next(found[2]) == area.data + offset);
	CHECK(kdbus_item_payload_size(found[2]) == 6);

	kdbus_items_foreach(item, area.data, area.size)
		n++;
	CHECK(n == 5);
}

/* the last of as many specs as there may be */
static void test_many_specs(void)
{
	const struct kdbus_item *found[64];
	struct kdbus_item_spec specs[64];
	struct area area = {};
	size_t i;

	for (i = 0; i < 64; i++)
		specs[i] = (struct kdbus_item_spec){ .type = 0x11 + i };
	for (i = 0; i < 64; i++)
		add_item(&area, 0x11 + i, NULL, 0);

	CHECK_EQ(kdbus_items_parse(area.data, area.size, specs, 64, found), 0);
	for (i = 0; i < 64; i++)
		CHECK((const char *)found[i] == area.data + i * 16);

	for (i = 0; i < 64; i++) {
		area.size = 64 * 16;
		add_item(&area, 0x11 + i, NULL, 0);
		CHECK_EQ(kdbus_items_parse(area.data, area.size, specs, 64,
					   found), -EINVAL);
		specs[i].multiple = true;
		CHECK_EQ(kdbus_items_parse(area.data, area.size, specs, 64,
					   found), 0);
		CHECK((const char *)found[i] == area.data + i * 16);
		specs[i].multiple = false;
	}
}

/* each byte of the headers with each value, and each end, against the model */
static void test_mutations(void)
{
	struct kdbus_memfd memfd = { .size = 1, .fd = 3 };
	struct area area = {}, original;
	size_t offset, size;
	int value;

	add_string(&area, KDBUS_ITEM_MAKE_NAME, "bus");
	add_string(&area, KDBUS_ITEM_NAME, "name");
	add_item(&area, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	add_string(&area, KDBUS_ITEM_NAME, "x");
	CHECK_EQ(PARSE(&area, mixed_specs), 0);
	original = area;

	for (offset = 0; offset < area.size; offset++)
		for (value = 0; value < 256; value++) {
			area.data[offset] = value;
			for (size = area.size; size < area.size + 8; size += 7)
				parse_size(&area, size, mixed_specs, 6);
			area.data[offset] = original.data[offset];
		}

	/* each size of each item, with each end of the area */
	for (size = 0; size <= area.size + 24; size++)
		for (offset = 0; offset <= 24; offset += 24)
			for (value = 0; value < 200; value++) {
				u64 word = value < 150 ? value : 150 - value;

				memcpy(area.data + offset, &word, 8);
				parse_size(&area, size, mixed_specs, 6);
				area = original;
			}
}

static void add_random(struct area *area)
{
	static const u64 types[] = {
		KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_MAKE_NAME, KDBUS_ITEM_NAME,
		KDBUS_ITEM_NAME, KDBUS_ITEM_ID, KDBUS_ITEM_ID,
		KDBUS_ITEM_PAYLOAD_MEMFD, KDBUS_ITEM_SECLABEL,
		KDBUS_ITEM_PAYLOAD_VEC, KDBUS_ITEM_PAYLOAD_VEC, KDBUS_ITEM_FDS,
		KDBUS_ITEM_BLOOM_FILTER, KDBUS_ITEM_DST_NAME,
	};
	const struct rule *rule = find_rule(types[unit_random_below(13)]);
	size_t size = rule->min;
	char payload[128];

	if (rule->max > size)
		size += unit_random_below(rule->max < 64 ? 32 : 64) /
			rule->step * rule->step;
	if (unit_random_below(20) == 0)
		size = unit_random_below(100);
	fill_payload(payload, size, rule->content);
	add_item(area, rule->type, payload, size);
}

static void test_random(void)
{
	size_t i, k, n, accepted = 0, size;
	struct area area;

	for (i = 0; i < 60000; i++) {
		area.size = 0;
		n = unit_random_below(6);
		for (k = 0; k < n; k++)
			add_random(&area);

		if (n > 0 && unit_random_below(4) == 0)
			area.data[unit_random_below(area.size)] =
				unit_random_below(3) ? unit_random_below(40) :
						       unit_random();
		size = area.size;
		if (size > 0 && unit_random_below(8) == 0)
			size = unit_random_below(size + 40);

		accepted += parse_size(&area, size, mixed_specs, 6) == 0;
		accepted += parse_size(&area, size, message_specs, 6) == 0;
	}

	/* both verdicts have to be usual for this to mean something */
	CHECK(accepted > 120000 / 10 && accepted < 120000 * 9 / 10, "%zu",
	      accepted);
}

static const struct unit_test tests[] = {
	{ "layout of an item", test_layout },
	{ "payload: sizes of all types", test_sizes },
	{ "payload: types without a rule", test_free_types },
	{ "payload: vec", test_vec },
	{ "payload: memfd", test_memfd },
	{ "payload: strings", test_strings },
	{ "payload: system names", test_sysnames },
	{ "payload: name changes", test_name_changes },
	{ "walk: no items", test_empty },
	{ "walk: bad sizes", test_frame },
	{ "walk: the end of the area", test_end },
	{ "walk: types that are not accepted", test_types },
	{ "walk: second instances", test_duplicates },
	{ "walk: the first bad item decides", test_order },
	{ "walk: which items are found", test_found },
	{ "walk: 64 specs", test_many_specs },
	{ "walk: mutations against a model", test_mutations },
	{ "walk: random items against a model", test_random },
};

UNIT_MAIN(tests)
