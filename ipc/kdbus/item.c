// SPDX-License-Identifier: GPL-2.0
#include "item.h"

#include <linux/errno.h>
#include <linux/string.h>

#include "grammar.h"

/* one of the bytes is 0 */
static bool kdbus_item_has_zero(u64 word)
{
	return (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;
}

/*
 * @size bytes are a string with exactly one NUL, which 0 bytes never are. The
 * string is aligned to 8.
 */
static int kdbus_item_check_string(const char *str, size_t size)
{
	const char *end = str + size - 1;

	if (!size || *end)
		return -EINVAL;

	for (; end - str >= 8; str += 8)
		if (kdbus_item_has_zero(*(const u64 *)str))
			return -EINVAL;
	for (; str < end; str++)
		if (!*str)
			return -EINVAL;

	return 0;
}

static int kdbus_item_check_sysname(const struct kdbus_item *item)
{
	size_t payload = kdbus_item_payload_size(item);
	int r;

	if (payload > KDBUS_SYSNAME_MAX_LEN + 1)
		return -ENAMETOOLONG;

	r = kdbus_item_check_string(item->str, payload);
	if (r < 0)
		return r;

	return kdbus_sysname_is_valid(item->str) ? 0 : -EINVAL;
}

static int kdbus_item_check_name_change(const struct kdbus_item *item)
{
	size_t payload = kdbus_item_payload_size(item);
	size_t fixed = sizeof(item->name_change);

	if (payload < fixed)
		return -EINVAL;
	if (payload == fixed)	/* any name */
		return 0;

	return kdbus_item_check_string(item->name_change.name, payload - fixed);
}

/* sizes are u64 also where memory is not that large; 0 bytes are no payload */
static bool kdbus_item_is_length(u64 size)
{
	return size != 0 && size == (size_t)size;
}

static int kdbus_item_check_vec(const struct kdbus_item *item)
{
	if (kdbus_item_payload_size(item) != sizeof(item->vec) ||
	    !kdbus_item_is_length(item->vec.size))
		return -EINVAL;
	return 0;
}

static int kdbus_item_check_memfd(const struct kdbus_item *item)
{
	if (kdbus_item_payload_size(item) != sizeof(item->memfd) ||
	    !kdbus_item_is_length(item->memfd.size))
		return -EINVAL;
	if (item->memfd.fd < 0)
		return -EBADF;
	return 0;
}

static int kdbus_item_check_size(const struct kdbus_item *item, size_t payload)
{
	return kdbus_item_payload_size(item) == payload ? 0 : -EINVAL;
}

static int kdbus_item_check_array(const struct kdbus_item *item, size_t member)
{
	return kdbus_item_payload_size(item) % member == 0 ? 0 : -EINVAL;
}

/**
 * kdbus_item_validate() - check the payload of an item by the rule of its type
 * @item:	item; all of its @item->size bytes can be read, and these are
 *		at least KDBUS_ITEM_HEADER_SIZE
 *
 * Types that user space never passes, and types for which everything depends on
 * the command, have no rule and are fine.
 *
 * Context: any.
 * Return: 0; -ENAMETOOLONG for a system name of more than
 *         KDBUS_SYSNAME_MAX_LEN bytes; -EBADF for a negative memfd; -EINVAL
 *         for everything else.
 */
int kdbus_item_validate(const struct kdbus_item *item)
{
	switch (item->type) {
	case KDBUS_ITEM_PAYLOAD_VEC:
		return kdbus_item_check_vec(item);
	case KDBUS_ITEM_PAYLOAD_MEMFD:
		return kdbus_item_check_memfd(item);
	case KDBUS_ITEM_NEGOTIATE:
		return kdbus_item_check_array(item, sizeof(u64));
	case KDBUS_ITEM_FDS:
		return kdbus_item_check_array(item, sizeof(int));
	case KDBUS_ITEM_CANCEL_FD:
		return kdbus_item_check_size(item, sizeof(int));
	case KDBUS_ITEM_BLOOM_PARAMETER:
		return kdbus_item_check_size(item,
					     sizeof(item->bloom_parameter));
	case KDBUS_ITEM_BLOOM_FILTER:
		return kdbus_item_payload_size(item) <
				sizeof(item->bloom_filter) ? -EINVAL : 0;
	case KDBUS_ITEM_NAME:
	case KDBUS_ITEM_DST_NAME:
	case KDBUS_ITEM_SECLABEL:
		return kdbus_item_check_string(item->str,
					       kdbus_item_payload_size(item));
	case KDBUS_ITEM_MAKE_NAME:
	case KDBUS_ITEM_CONN_DESCRIPTION:
		return kdbus_item_check_sysname(item);
	case KDBUS_ITEM_ATTACH_FLAGS_SEND:
	case KDBUS_ITEM_ATTACH_FLAGS_RECV:
	case KDBUS_ITEM_ID:
	case KDBUS_ITEM_DST_ID:
		return kdbus_item_check_size(item, sizeof(u64));
	case KDBUS_ITEM_TIMESTAMP:
		return kdbus_item_check_size(item, sizeof(item->timestamp));
	case KDBUS_ITEM_CREDS:
		return kdbus_item_check_size(item, sizeof(item->creds));
	case KDBUS_ITEM_PIDS:
		return kdbus_item_check_size(item, sizeof(item->pids));
	case KDBUS_ITEM_AUDIT:
		return kdbus_item_check_size(item, sizeof(item->audit));
	case KDBUS_ITEM_POLICY_ACCESS:
		return kdbus_item_check_size(item, sizeof(item->policy_access));
	case KDBUS_ITEM_NAME_ADD:
	case KDBUS_ITEM_NAME_REMOVE:
	case KDBUS_ITEM_NAME_CHANGE:
		return kdbus_item_check_name_change(item);
	case KDBUS_ITEM_ID_ADD:
	case KDBUS_ITEM_ID_REMOVE:
		return kdbus_item_check_size(item, sizeof(item->id_change));
	default:
		return 0;
	}
}

static size_t kdbus_item_find_spec(const struct kdbus_item_spec *specs,
				   size_t n_specs, u64 type)
{
	size_t i;

	for (i = 0; i < n_specs; i++)
		if (specs[i].type == type)
			break;

	return i;
}

/**
 * kdbus_items_parse() - check the items of an object
 * @area:	the items, aligned to 8
 * @size:	bytes of @area, exactly to the end of the object, which may or
 *		may not have the padding behind its last item
 * @specs:	what the object accepts, each type once
 * @n_specs:	number of @specs, at most 64
 * @found:	set to the first item of each of @specs, NULL where there is
 *		none; or NULL if the caller does not want to know. The items
 *		are still in @area. Undefined after an error
 *
 * Items are checked one after the other, so that the first bad one decides.
 * Whether mandatory items are there is left to the caller, because that
 * depends on the object's flags.
 *
 * Context: any.
 * Return: 0; -EINVAL for a bad frame, a type that is not in @specs or is there
 *         more often than @specs allow; or what kdbus_item_validate() returns.
 */
int kdbus_items_parse(const void *area, size_t size,
		      const struct kdbus_item_spec *specs, size_t n_specs,
		      const struct kdbus_item **found)
{
	const struct kdbus_item *item = area;
	u64 seen = 0;
	size_t i;
	int r;

	if (found)
		memset(found, 0, n_specs * sizeof(*found));

	for (; size > 0; item = kdbus_item_next(item)) {
		size_t padding;

		if (size < KDBUS_ITEM_HEADER_SIZE ||
		    item->size < KDBUS_ITEM_HEADER_SIZE || item->size > size)
			return -EINVAL;

		i = kdbus_item_find_spec(specs, n_specs, item->type);
		if (i == n_specs)
			return -EINVAL;

		r = kdbus_item_validate(item);
		if (r < 0)
			return r;

		if (seen & (1ULL << i)) {
			if (!specs[i].multiple)
				return -EINVAL;
		} else {
			seen |= 1ULL << i;
			if (found)
				found[i] = item;
		}

		/* not from the aligned size, which may be 0 for a huge item */
		size -= item->size;
		padding = -item->size & 7;
		size -= min(padding, size);
	}

	return 0;
}
