// SPDX-License-Identifier: LGPL-2.1+
/*
 * Is a received message as Documentation/kdbus.txt, 6.3 says?
 */

#include <unistd.h>

#include "fuzz.h"

static void close_all(const int *fds, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static bool is_zero(const uint8_t *from, const uint8_t *to)
{
	for (; from < to; from++)
		if (*from)
			return false;
	return true;
}

static void check_item(const struct kdbus_msg *msg,
		       const struct kdbus_item *item,
		       const struct kdbus_msg_info *info, bool installed)
{
	size_t payload = item->size - 16;

	switch (item->type) {
	case KDBUS_ITEM_PAYLOAD_OFF:
		if (item->vec.offset != ~0ULL &&
		    (item->vec.offset < msg->size ||
		     item->vec.offset > info->msg_size ||
		     item->vec.size > info->msg_size - item->vec.offset))
			fail("payload at %llu+%llu in a message of %llu",
			     item->vec.offset, item->vec.size, info->msg_size);
		break;
	case KDBUS_ITEM_PAYLOAD_MEMFD:
		if (installed)
			close_all(&item->memfd.fd, 1);
		else if (item->memfd.fd != -1)
			fail("peeked memfd is %d", item->memfd.fd);
		break;
	case KDBUS_ITEM_FDS:
		if (installed)
			close_all(item->fds, payload / sizeof(int));
		break;
	case KDBUS_ITEM_PAYLOAD_VEC:
	case KDBUS_ITEM_NEGOTIATE:
		fail("item of type %llu is received", item->type);
		break;
	}
}

void check_message(const uint8_t *pool, size_t pool_size,
		   const struct kdbus_msg_info *info, bool installed)
{
	const uint8_t *start = pool + info->offset, *end, *at;
	const struct kdbus_msg *msg = (const void *)start;
	const struct kdbus_item *item;

	if (info->offset % 8 || info->msg_size % 8 ||
	    info->offset > pool_size || info->msg_size < sizeof(*msg) ||
	    info->msg_size > pool_size - info->offset) {
		fail("message at %llu+%llu in a pool of %zu", info->offset,
		     info->msg_size, pool_size);
		return;
	}
	if (msg->size < sizeof(*msg) || msg->size > info->msg_size) {
		fail("message of %llu in a slice of %llu", msg->size,
		     info->msg_size);
		return;
	}
	end = start + msg->size;
	for (at = start + sizeof(*msg); at < end; at += ALIGN8(item->size)) {
		item = (const void *)at;
		if (end - at < 16 || item->size < 16 ||
		    item->size > (uint64_t)(end - at)) {
			fail("item at %td, message of %llu", at - start,
			     msg->size);
			return;
		}
		check_item(msg, item, info, installed);
	}
	if (!is_zero(end, start + ALIGN8(msg->size)))
		fail("padding behind the items is not zero");
}
