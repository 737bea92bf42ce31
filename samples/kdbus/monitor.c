// SPDX-License-Identifier: LGPL-2.1+
/*
 * Prints every message of a bus, one line for the message and one for each of
 * its items. Only the owner of the bus may do that, and root.
 *
 *	monitor [-n MESSAGES] ENDPOINT
 *
 * With -n it ends after that many messages, or at the end of the bus.
 */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kdbus-util.h"

typedef unsigned long long ull;

static const char *const item_names[] = {
#define NAME(_type)	[KDBUS_ITEM_ ## _type - _KDBUS_ITEM_USER_BASE] = #_type
	NAME(PAYLOAD_OFF), NAME(PAYLOAD_MEMFD), NAME(FDS), NAME(BLOOM_FILTER),
	NAME(DST_NAME),
#undef NAME
};

static const char *const metadata_names[] = {
#define NAME(_type)	[KDBUS_ITEM_ ## _type - _KDBUS_ITEM_ATTACH_BASE] = #_type
	NAME(TIMESTAMP), NAME(CREDS), NAME(PIDS), NAME(AUXGROUPS),
	NAME(OWNED_NAME), NAME(TID_COMM), NAME(PID_COMM), NAME(EXE),
	NAME(CMDLINE), NAME(CGROUP), NAME(CAPS), NAME(SECLABEL), NAME(AUDIT),
	NAME(CONN_DESCRIPTION),
#undef NAME
};

static const char *const kernel_names[] = {
#define NAME(_type)	[KDBUS_ITEM_ ## _type - _KDBUS_ITEM_KERNEL_BASE] = #_type
	NAME(NAME_ADD), NAME(NAME_REMOVE), NAME(NAME_CHANGE), NAME(ID_ADD),
	NAME(ID_REMOVE), NAME(REPLY_TIMEOUT), NAME(REPLY_DEAD),
#undef NAME
};

static const char *item_name(__u64 type)
{
	static const struct {
		__u64 base;
		const char *const *names;
		size_t n;
	} groups[] = {
		{ _KDBUS_ITEM_USER_BASE, item_names,
		  sizeof(item_names) / sizeof(*item_names) },
		{ _KDBUS_ITEM_ATTACH_BASE, metadata_names,
		  sizeof(metadata_names) / sizeof(*metadata_names) },
		{ _KDBUS_ITEM_KERNEL_BASE, kernel_names,
		  sizeof(kernel_names) / sizeof(*kernel_names) },
	};
	size_t i;

	for (i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (type >= groups[i].base && type - groups[i].base < groups[i].n &&
		    groups[i].names[type - groups[i].base])
			return groups[i].names[type - groups[i].base];
	return "(unknown)";
}

/* What others wrote must not control the terminal of who reads it. */
static void print_text(const char *text, size_t size)
{
	const size_t max = 64;
	size_t i;

	putchar('"');
	for (i = 0; i < size && i < max; i++) {
		if (isprint((unsigned char)text[i]) && !strchr("\"\\", text[i]))
			putchar(text[i]);
		else
			printf("\\x%02x", (unsigned char)text[i]);
	}
	printf(size > max ? "\"..." : "\"");
}

static void print_string(const struct kdbus_item *item, size_t size)
{
	print_text(item->str, strnlen(item->str, size));
}

/* A string with a final NUL takes one byte less than the item has room for. */
static void print_metadata(const struct kdbus_item *item, size_t size)
{
	switch (item->type) {
	case KDBUS_ITEM_TIMESTAMP:
		printf("number %llu, %llu.%09llu s", (ull)item->timestamp.seqnum,
		       (ull)item->timestamp.realtime_ns / 1000000000,
		       (ull)item->timestamp.realtime_ns % 1000000000);
		break;
	case KDBUS_ITEM_CREDS:
		printf("uid %llu, gid %llu", (ull)item->creds.euid,
		       (ull)item->creds.egid);
		break;
	case KDBUS_ITEM_PIDS:
		printf("process %llu, thread %llu", (ull)item->pids.pid,
		       (ull)item->pids.tid);
		break;
	case KDBUS_ITEM_OWNED_NAME:
		print_text(item->name.name, strnlen(item->name.name,
						    size - sizeof(item->name)));
		break;
	case KDBUS_ITEM_AUDIT:
		printf("session %u, login uid %u", item->audit.sessionid,
		       item->audit.loginuid);
		break;
	case KDBUS_ITEM_CMDLINE:
		print_text(item->str, size);
		break;
	case KDBUS_ITEM_TID_COMM:
	case KDBUS_ITEM_PID_COMM:
	case KDBUS_ITEM_EXE:
	case KDBUS_ITEM_CGROUP:
	case KDBUS_ITEM_SECLABEL:
	case KDBUS_ITEM_CONN_DESCRIPTION:
		print_string(item, size);
		break;
	default:
		printf("%zu bytes", size);
	}
}

static void print_notification(const struct kdbus_item *item, size_t size)
{
	const struct kdbus_notify_name_change *change = &item->name_change;

	switch (item->type) {
	case KDBUS_ITEM_ID_ADD:
	case KDBUS_ITEM_ID_REMOVE:
		printf("connection %llu", (ull)item->id_change.id);
		break;
	case KDBUS_ITEM_NAME_ADD:
	case KDBUS_ITEM_NAME_REMOVE:
	case KDBUS_ITEM_NAME_CHANGE:
		print_text(change->name, strnlen(change->name,
						 size - sizeof(*change)));
		printf(" from %llu to %llu", (ull)change->old_id.id,
		       (ull)change->new_id.id);
		break;
	}
}

static void print_item(const struct kdbus_msg *msg,
		       const struct kdbus_item *item)
{
	/* not sizeof(*item), which has room for the largest kind */
	size_t size = item->size - offsetof(struct kdbus_item, str);

	printf("    %-16s ", item_name(item->type));
	switch (item->type) {
	case KDBUS_ITEM_PAYLOAD_OFF:
		printf("%llu bytes", (ull)item->vec.size);
		if (item->vec.offset != ~0ULL) {
			printf(", ");
			print_text((const char *)msg + item->vec.offset,
				   item->vec.size);
		}
		break;
	case KDBUS_ITEM_PAYLOAD_MEMFD:
		printf("%llu bytes, sealed", (ull)item->memfd.size);
		break;
	case KDBUS_ITEM_FDS:
		printf("%zu files", size / sizeof(int));
		break;
	case KDBUS_ITEM_DST_NAME:
		print_string(item, size);
		break;
	default:
		if (item->type >= _KDBUS_ITEM_KERNEL_BASE)
			print_notification(item, size);
		else
			print_metadata(item, size);
	}
	putchar('\n');
}

static void print_message(const struct kdbus_msg *msg)
{
	const struct kdbus_item *item;

	if (msg->src_id == KDBUS_SRC_ID_KERNEL)
		printf("kernel");
	else
		printf("%llu", (ull)msg->src_id);
	if (msg->dst_id == KDBUS_DST_ID_BROADCAST)
		printf(" -> all");
	else
		printf(" -> %llu", (ull)msg->dst_id);

	if (msg->src_id == KDBUS_SRC_ID_KERNEL)
		printf(" notification");
	else if (msg->flags & KDBUS_MSG_SIGNAL)
		printf(" signal %llu", (ull)msg->cookie);
	else if (msg->flags & KDBUS_MSG_EXPECT_REPLY)
		printf(" call %llu", (ull)msg->cookie);
	else if (msg->cookie_reply)
		printf(" reply %llu to %llu", (ull)msg->cookie,
		       (ull)msg->cookie_reply);
	else
		printf(" message %llu", (ull)msg->cookie);
	if (msg->priority)
		printf(", priority %lld", (long long)msg->priority);
	putchar('\n');

	message_for_each_item(item, msg)
		print_item(msg, item);
	fflush(stdout);
}

static int fail(const char *what, int error)
{
	fprintf(stderr, "monitor: %s: %s\n", what, strerror(-error));
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	const struct kdbus_msg *msg;
	unsigned long long n = ~0ULL;
	struct peer peer;
	__u64 lost = 0;
	int opt, r;

	while ((opt = getopt(argc, argv, "n:")) == 'n')
		n = strtoull(optarg, NULL, 10);
	if (opt != -1 || optind != argc - 1) {
		fprintf(stderr, "usage: monitor [-n MESSAGES] ENDPOINT\n");
		return EXIT_FAILURE;
	}

	r = peer_monitor(&peer, argv[optind], _KDBUS_ATTACH_ALL);
	if (r < 0)
		return fail(argv[optind], r);
	printf("listening as %llu\n", (ull)peer.id);
	fflush(stdout);

	for (; n > 0; n--) {
		r = peer_receive(&peer, -1, &msg);
		if (r == -ECONNRESET)
			break;
		if (r < 0)
			return fail("receive", r);
		if (peer.lost > lost)
			printf("(%llu lost)\n", (ull)(peer.lost - lost));
		lost = peer.lost;
		print_message(msg);
		peer_free(&peer, msg);
	}

	peer_disconnect(&peer);
	return EXIT_SUCCESS;
}
