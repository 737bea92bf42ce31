// SPDX-License-Identifier: LGPL-2.1+
/*
 * Commands and messages from random numbers: mostly valid, some nearly so.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define AREA		8192
#define MAX_PAYLOAD	1024

/* Descriptors from here on are those of the slots, see exec.c. */
#define FIRST_SLOT_FD	100

static const char *const names[] = {
	"org.example.a", "org.example.b", "org.example.c", "a.b",
	"org.example.*", "*", ".a", "a..b", "a", "",
};

static const char *const labels[] = {
	"0-bus", "11001-bus", "0-other", "label", "extra", "-bus", "0-",
	"0-0123456789012345678901234567890123456789012345678901234567890123",
};

static uint64_t odd_number(struct rng *r)
{
	switch (below(r, 8)) {
	case 0: return 0;
	case 1: return ~0ULL;
	case 2: return 1ULL << below(r, 64);
	case 3: return below(r, 16);
	case 4: return 4096ULL * below(r, 64);
	case 5: return rng_next(r);
	case 6: return (1ULL << 63) | below(r, 8);
	default: return (uint64_t)rng_next(r) << 32 | rng_next(r);
	}
}

/* ids of a domain begin at 1, and a program makes few */
static uint64_t any_id(struct rng *r)
{
	if (one_in(r, 8))
		return odd_number(r);
	return one_in(r, 6) ? ~0ULL : 1 + below(r, 10);
}

static uint64_t any_flags(struct rng *r, uint64_t known)
{
	uint64_t flags = 0;
	unsigned int bit;

	for (bit = 0; bit < 64; bit++)
		if (known & (1ULL << bit) && one_in(r, 3))
			flags |= 1ULL << bit;
	if (one_in(r, 24))
		flags |= KDBUS_FLAG_NEGOTIATE;
	if (one_in(r, 32))
		flags ^= odd_number(r);
	return flags;
}

static uint64_t attach_flags(struct rng *r)
{
	if (one_in(r, 16))
		return odd_number(r);
	return one_in(r, 3) ? _KDBUS_ATTACH_ANY :
			      rng_next(r) & _KDBUS_ATTACH_ALL;
}

static int any_fd(struct rng *r)
{
	/* slots, the memfds behind them, and what is no descriptor */
	return one_in(r, 12) ? (int)odd_number(r) :
			       FIRST_SLOT_FD + (int)below(r, N_SLOTS + 6);
}

static size_t put_string(uint8_t *to, struct rng *r, const char *const *strings,
			 unsigned int n)
{
	const char *string = strings[below(r, n)];

	strcpy((char *)to, string);
	return strlen(string) + 1;
}

static size_t put_words(struct kdbus_item *item, struct rng *r, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		item->data64[i] = odd_number(r);
	return 8 * n;
}

static size_t put_vec(struct kdbus_item *item, struct rng *r)
{
	static const char bytes[3 * 4096];

	item->vec.size = 1 + below(r, one_in(r, 3) ? sizeof(bytes) : 200);
	item->vec.address = one_in(r, 6) ? 0 : (unsigned long)bytes;
	if (one_in(r, 24))
		item->vec.address = odd_number(r);
	if (one_in(r, 24))
		item->vec.size = odd_number(r);
	return sizeof(item->vec);
}

static size_t put_fds(struct kdbus_item *item, struct rng *r)
{
	unsigned int i, n = below(r, one_in(r, 16) ? 32 : 4);

	for (i = 0; i < n; i++)
		item->fds[i] = any_fd(r);
	return n * sizeof(int);
}

static size_t put_change(struct kdbus_item *item, struct rng *r)
{
	item->name_change.old_id.id = one_in(r, 2) ? ~0ULL : any_id(r);
	item->name_change.new_id.id = one_in(r, 2) ? ~0ULL : any_id(r);
	if (one_in(r, 3))
		return sizeof(item->name_change);
	return sizeof(item->name_change) +
	       put_string((uint8_t *)item->name_change.name, r, names, 10);
}

static size_t put_access(struct kdbus_item *item, struct rng *r)
{
	item->policy_access.type = below(r, one_in(r, 16) ? 9 : 4);
	item->policy_access.access = below(r, one_in(r, 16) ? 9 : 3);
	item->policy_access.id = one_in(r, 3) ? odd_number(r) :
				 one_in(r, 2) ? 0 : 11001;
	return sizeof(item->policy_access);
}

static size_t put_payload(struct kdbus_item *item, struct rng *r)
{
	switch (item->type) {
	case KDBUS_ITEM_PAYLOAD_VEC:
		return put_vec(item, r);
	case KDBUS_ITEM_PAYLOAD_MEMFD:
		item->memfd.start = one_in(r, 2) ? 0 : below(r, 5000);
		item->memfd.size = 1 + below(r, 5000);
		item->memfd.fd = any_fd(r);
		return sizeof(item->memfd);
	case KDBUS_ITEM_FDS:
		return put_fds(item, r);
	case KDBUS_ITEM_CANCEL_FD:
		item->fds[0] = any_fd(r);
		return sizeof(int);
	case KDBUS_ITEM_BLOOM_PARAMETER:
		item->bloom_parameter.size = one_in(r, 8) ? odd_number(r) : 8;
		item->bloom_parameter.n_hash = !one_in(r, 8);
		return sizeof(item->bloom_parameter);
	case KDBUS_ITEM_BLOOM_FILTER:
		item->bloom_filter.generation = below(r, 3);
		item->bloom_filter.data[0] = odd_number(r);
		return one_in(r, 16) ? 24 : 16;
	case KDBUS_ITEM_BLOOM_MASK:
		memset(item->data, 0, 24);
		item->data64[below(r, 3)] = one_in(r, 2) ? odd_number(r) : 0;
		return 8 * below(r, 4);
	case KDBUS_ITEM_NAME:
	case KDBUS_ITEM_DST_NAME:
		return put_string(item->data, r, names, one_in(r, 4) ? 10 : 4);
	case KDBUS_ITEM_MAKE_NAME:
	case KDBUS_ITEM_CONN_DESCRIPTION:
	case KDBUS_ITEM_SECLABEL:
		return put_string(item->data, r, labels, one_in(r, 4) ? 8 : 5);
	case KDBUS_ITEM_ATTACH_FLAGS_SEND:
	case KDBUS_ITEM_ATTACH_FLAGS_RECV:
		item->data64[0] = attach_flags(r);
		return 8;
	case KDBUS_ITEM_ID:
	case KDBUS_ITEM_DST_ID:
		item->id = any_id(r);
		return 8;
	case KDBUS_ITEM_ID_ADD:
	case KDBUS_ITEM_ID_REMOVE:
		item->id_change.id = any_id(r);
		item->id_change.flags = 0;
		return 16;
	case KDBUS_ITEM_NAME_ADD:
	case KDBUS_ITEM_NAME_REMOVE:
	case KDBUS_ITEM_NAME_CHANGE:
		return put_change(item, r);
	case KDBUS_ITEM_CREDS:
		return put_words(item, r, 8);
	case KDBUS_ITEM_PIDS:
		return put_words(item, r, 3);
	case KDBUS_ITEM_POLICY_ACCESS:
		return put_access(item, r);
	case KDBUS_ITEM_NEGOTIATE:
		return put_words(item, r, below(r, 5));
	default:
		return put_words(item, r, below(r, 8));
	}
}

static void add_item(uint8_t *object, struct rng *r, uint64_t type)
{
	uint64_t *size = (uint64_t *)object;
	struct kdbus_item *item = (void *)(object + ALIGN8(*size));

	if (ALIGN8(*size) + MAX_PAYLOAD > AREA)
		return;
	item->type = type;
	item->size = 16 + put_payload(item, r);
	*size = ALIGN8(*size) + item->size;
	if (one_in(r, 48))
		item->size = one_in(r, 2) ? odd_number(r) :
					    item->size + below(r, 24) - 12;
}

static void add_items(uint8_t *object, struct rng *r,
		      const struct abi_command *c, unsigned int n)
{
	unsigned int known = 0;

	while (known < ABI_MAX_ITEMS && c->items[known])
		known++;
	while (n--)
		add_item(object, r, one_in(r, 24) ?
			 abi_item_types[below(r, abi_n_item_types)] :
			 c->items[below(r, known)]);
}

/* What most commands are useless without */
static void add_needed(uint8_t *object, struct rng *r, unsigned int nr)
{
	if (one_in(r, 24))
		return;
	switch (nr) {
	case KDBUS_CMD_BUS_MAKE:
		add_item(object, r, KDBUS_ITEM_BLOOM_PARAMETER);
		/* fall through */
	case KDBUS_CMD_ENDPOINT_MAKE:
		add_item(object, r, KDBUS_ITEM_MAKE_NAME);
		break;
	case KDBUS_CMD_NAME_ACQUIRE:
	case KDBUS_CMD_NAME_RELEASE:
	case KDBUS_CMD_ENDPOINT_UPDATE:
		add_item(object, r, KDBUS_ITEM_NAME);
		break;
	}
}

static void *build_message(struct rng *r, const struct world *world,
			   uint64_t send_flags)
{
	struct kdbus_msg *msg = calloc(1, AREA);
	bool by_name = one_in(r, 5);

	if (!msg)
		abort();
	msg->size = sizeof(*msg);
	msg->flags = any_flags(r, 0);
	msg->dst_id = by_name ? 0 : any_id(r);
	msg->src_id = one_in(r, 32) ? any_id(r) : 0;
	msg->priority = (int)below(r, 7) - 3;
	msg->payload_type = one_in(r, 32) ? 0 : KDBUS_PAYLOAD_DBUS;
	msg->cookie = below(r, 6);
	if (msg->dst_id == ~0ULL || one_in(r, 6)) {
		msg->flags |= KDBUS_MSG_SIGNAL;
		add_item((uint8_t *)msg, r, KDBUS_ITEM_BLOOM_FILTER);
	} else if (send_flags & KDBUS_SEND_SYNC_REPLY || one_in(r, 3)) {
		msg->flags |= KDBUS_MSG_EXPECT_REPLY;
		msg->timeout_ns = one_in(r, 16) ? odd_number(r) >> 1 :
				  world->deadline_base + below(r, 1 << 24);
		/* nobody waits longer than that */
		if (send_flags & KDBUS_SEND_SYNC_REPLY &&
		    msg->timeout_ns > world->deadline_base + (1 << 28))
			msg->timeout_ns = world->deadline_base + (1 << 28);
	} else if (one_in(r, 3)) {
		msg->cookie_reply = below(r, 6);
	}
	if (one_in(r, 24))
		msg->flags ^= any_flags(r, abi_message.flags);
	if (by_name)
		add_item((uint8_t *)msg, r, KDBUS_ITEM_DST_NAME);
	add_items((uint8_t *)msg, r, &abi_message, below(r, 4));
	if (one_in(r, 32))
		msg->size = odd_number(r);
	return msg;
}

static void fill_hello(struct kdbus_cmd_hello *hello, struct rng *r)
{
	static const uint64_t kinds[] = {
		0, 0, 0, KDBUS_HELLO_MONITOR, KDBUS_HELLO_ACTIVATOR,
		KDBUS_HELLO_POLICY_HOLDER
	};

	if (!one_in(r, 16))
		hello->flags = kinds[below(r, 6)] |
			       below(r, 2) * KDBUS_HELLO_ACCEPT_FD;
	hello->pool_size = one_in(r, 24) ? odd_number(r) :
					   4096ULL << below(r, 7);
	hello->attach_flags_send = attach_flags(r);
	hello->attach_flags_recv = attach_flags(r);
	if (hello->flags & (KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_POLICY_HOLDER))
		add_item((uint8_t *)hello, r, KDBUS_ITEM_NAME);
}

static void fill(uint8_t *area, struct rng *r, const struct abi_command *c,
		 const struct world *world, unsigned int slot)
{
	struct kdbus_cmd_send *send = (void *)area;
	struct kdbus_cmd_recv *recv = (void *)area;
	struct kdbus_cmd_info *info = (void *)area;

	switch (c->nr) {
	case KDBUS_CMD_HELLO:
		fill_hello((void *)area, r);
		break;
	case KDBUS_CMD_FREE:
		((struct kdbus_cmd_free *)area)->offset = one_in(r, 8) ?
			odd_number(r) : world->offsets[slot];
		break;
	case KDBUS_CMD_CONN_INFO:
		info->id = one_in(r, 3) ? 0 : any_id(r);
		if (info->id == 0)
			add_item(area, r, KDBUS_ITEM_NAME);
		info->attach_flags = attach_flags(r);
		break;
	case KDBUS_CMD_BUS_CREATOR_INFO:
		info->attach_flags = attach_flags(r);
		break;
	case KDBUS_CMD_SEND:
		send->msg_address = one_in(r, 48) ? odd_number(r) :
			(unsigned long)build_message(r, world, send->flags);
		break;
	case KDBUS_CMD_RECV:
		if (!one_in(r, 4))
			recv->flags = 0;
		recv->priority = (int)below(r, 7) - 3;
		break;
	case KDBUS_CMD_MATCH_ADD:
	case KDBUS_CMD_MATCH_REMOVE:
		((struct kdbus_cmd_match *)area)->cookie = below(r, 3);
		break;
	}
}

/* The argument is freed by the end of the executor, if at all. */
void *build_command(struct rng *r, const struct abi_command *c,
		    const struct world *world, unsigned int slot)
{
	uint8_t *area = calloc(1, AREA);
	uint64_t *size = (uint64_t *)area;
	unsigned int n;

	if (!area)
		abort();
	*size = c->size;
	((struct kdbus_cmd *)area)->flags = any_flags(r, c->flags);
	fill(area, r, c, world, slot);
	add_needed(area, r, c->nr);
	n = one_in(r, 3) ? below(r, 4) : 0;
	if (c->nr == KDBUS_CMD_MATCH_ADD || c->nr == KDBUS_CMD_UPDATE ||
	    c->nr == KDBUS_CMD_ENDPOINT_UPDATE)
		n = below(r, 4);
	if (n > 0)
		add_items(area, r, c, n);
	if (one_in(r, 48))
		*size = odd_number(r);
	return area;
}
