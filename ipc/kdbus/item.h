/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_ITEM_H
#define KDBUS_ITEM_H

/**
 * DOC: Items
 *
 * Commands, messages and query results carry a sequence of items: a 16 byte
 * header (size without padding, type) and a payload. Every item starts at a
 * multiple of 8. This file knows the framing and the rules that an item has
 * to obey by itself. What an item means is up to the command.
 *
 * Everything here works on a private copy of what user space passed, never
 * sleeps, takes no lock and uses no kernel object, so that it is tested on
 * its own in user space.
 */

#include <linux/kernel.h>
#include <linux/types.h>
#include <linux/kdbus.h>

/* bytes of an item in front of its payload */
#define KDBUS_ITEM_HEADER_SIZE	offsetof(struct kdbus_item, data)

/* size word of an item with @_payload bytes of payload */
#define KDBUS_ITEM_SIZE(_payload)	(KDBUS_ITEM_HEADER_SIZE + (_payload))

/* offset of an OFF item that stands for a run of zeros */
#define KDBUS_OFFSET_ZEROS	(~0ULL)

#define KDBUS_ALIGN8(_x)	(((_x) + 7ULL) & ~7ULL)

/**
 * struct kdbus_item_spec - one item type that an object accepts
 * @type:	KDBUS_ITEM_*
 * @multiple:	the item may be given more than once
 * @mandatory:	the item has to be given
 */
struct kdbus_item_spec {
	u64 type;
	bool multiple;
	bool mandatory;
};

static inline size_t kdbus_item_payload_size(const struct kdbus_item *item)
{
	return item->size - KDBUS_ITEM_HEADER_SIZE;
}

/* the item behind @item; only valid to look at if it is inside the area */
static inline const struct kdbus_item *
kdbus_item_next(const struct kdbus_item *item)
{
	return (const void *)((const u8 *)item + KDBUS_ALIGN8(item->size));
}

/*
 * Walk an area of @_size bytes at @_area that kdbus_items_parse() accepted.
 */
#define kdbus_items_foreach(_item, _area, _size)			\
	for ((_item) = (void *)(_area);					\
	     (const u8 *)(_item) < (const u8 *)(_area) + (_size);	\
	     (_item) = (void *)kdbus_item_next(_item))

int kdbus_item_validate(const struct kdbus_item *item);
int kdbus_items_parse(const void *area, size_t size,
		      const struct kdbus_item_spec *specs, size_t n_specs,
		      const struct kdbus_item **found);

#endif
