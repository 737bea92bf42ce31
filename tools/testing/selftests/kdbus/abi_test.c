// SPDX-License-Identifier: LGPL-2.1+
/*
 * The binary interface: every number and every layout in linux/kdbus.h is the
 * one existing programs were compiled with. Needs no kdbus to run.
 */

#include <stddef.h>
#include <linux/kdbus.h>

#include "kdbus_harness.h"

struct number {
	const char *name;
	__u64 actual;
	__u64 expected;
};

/* A flexible array member has no size of its own. */
struct member {
	const char *name;
	size_t offset;
	size_t size;
	size_t expected_offset;
	size_t expected_size;
};

#define NUMBER(_name, _value) { #_name, (__u64)(_name), _value }
#define SIZE(_struct, _size) \
	{ "sizeof(struct " #_struct ")", sizeof(struct _struct), _size }
#define MEMBER(_struct, _member, _offset, _size) { \
	"struct " #_struct ": " #_member, \
	offsetof(struct _struct, _member), \
	sizeof(((struct _struct *)0)->_member), _offset, _size }
#define ARRAY(_struct, _member, _offset) { \
	"struct " #_struct ": " #_member, \
	offsetof(struct _struct, _member), 0, _offset, 0 }

static const struct number constants[] = {
	NUMBER(KDBUS_IOCTL_MAGIC, 0x95),
	NUMBER(KDBUS_SRC_ID_KERNEL, 0),
	NUMBER(KDBUS_DST_ID_NAME, 0),
	NUMBER(KDBUS_MATCH_ID_ANY, 0xffffffffffffffffULL),
	NUMBER(KDBUS_DST_ID_BROADCAST, 0xffffffffffffffffULL),
	NUMBER(KDBUS_FLAG_NEGOTIATE, 0x8000000000000000ULL),
	NUMBER(_KDBUS_POLICY_ACCESS_NULL, 0),
	NUMBER(KDBUS_POLICY_ACCESS_USER, 1),
	NUMBER(KDBUS_POLICY_ACCESS_GROUP, 2),
	NUMBER(KDBUS_POLICY_ACCESS_WORLD, 3),
	NUMBER(KDBUS_POLICY_SEE, 0),
	NUMBER(KDBUS_POLICY_TALK, 1),
	NUMBER(KDBUS_POLICY_OWN, 2),
	NUMBER(KDBUS_ATTACH_TIMESTAMP, 1),
	NUMBER(KDBUS_ATTACH_CREDS, 2),
	NUMBER(KDBUS_ATTACH_PIDS, 4),
	NUMBER(KDBUS_ATTACH_AUXGROUPS, 8),
	NUMBER(KDBUS_ATTACH_NAMES, 0x10),
	NUMBER(KDBUS_ATTACH_TID_COMM, 0x20),
	NUMBER(KDBUS_ATTACH_PID_COMM, 0x40),
	NUMBER(KDBUS_ATTACH_EXE, 0x80),
	NUMBER(KDBUS_ATTACH_CMDLINE, 0x100),
	NUMBER(KDBUS_ATTACH_CGROUP, 0x200),
	NUMBER(KDBUS_ATTACH_CAPS, 0x400),
	NUMBER(KDBUS_ATTACH_SECLABEL, 0x800),
	NUMBER(KDBUS_ATTACH_AUDIT, 0x1000),
	NUMBER(KDBUS_ATTACH_CONN_DESCRIPTION, 0x2000),
	NUMBER(_KDBUS_ATTACH_ALL, 0x3fff),
	NUMBER(_KDBUS_ATTACH_ANY, 0xffffffffffffffffULL),
	NUMBER(_KDBUS_ITEM_NULL, 0),
	NUMBER(_KDBUS_ITEM_USER_BASE, 1),
	NUMBER(KDBUS_ITEM_NEGOTIATE, 1),
	NUMBER(KDBUS_ITEM_PAYLOAD_VEC, 2),
	NUMBER(KDBUS_ITEM_PAYLOAD_OFF, 3),
	NUMBER(KDBUS_ITEM_PAYLOAD_MEMFD, 4),
	NUMBER(KDBUS_ITEM_FDS, 5),
	NUMBER(KDBUS_ITEM_CANCEL_FD, 6),
	NUMBER(KDBUS_ITEM_BLOOM_PARAMETER, 7),
	NUMBER(KDBUS_ITEM_BLOOM_FILTER, 8),
	NUMBER(KDBUS_ITEM_BLOOM_MASK, 9),
	NUMBER(KDBUS_ITEM_DST_NAME, 10),
	NUMBER(KDBUS_ITEM_MAKE_NAME, 11),
	NUMBER(KDBUS_ITEM_ATTACH_FLAGS_SEND, 12),
	NUMBER(KDBUS_ITEM_ATTACH_FLAGS_RECV, 13),
	NUMBER(KDBUS_ITEM_ID, 14),
	NUMBER(KDBUS_ITEM_NAME, 15),
	NUMBER(KDBUS_ITEM_DST_ID, 0x10),
	NUMBER(_KDBUS_ITEM_ATTACH_BASE, 0x1000),
	NUMBER(KDBUS_ITEM_TIMESTAMP, 0x1000),
	NUMBER(KDBUS_ITEM_CREDS, 0x1001),
	NUMBER(KDBUS_ITEM_PIDS, 0x1002),
	NUMBER(KDBUS_ITEM_AUXGROUPS, 0x1003),
	NUMBER(KDBUS_ITEM_OWNED_NAME, 0x1004),
	NUMBER(KDBUS_ITEM_TID_COMM, 0x1005),
	NUMBER(KDBUS_ITEM_PID_COMM, 0x1006),
	NUMBER(KDBUS_ITEM_EXE, 0x1007),
	NUMBER(KDBUS_ITEM_CMDLINE, 0x1008),
	NUMBER(KDBUS_ITEM_CGROUP, 0x1009),
	NUMBER(KDBUS_ITEM_CAPS, 0x100a),
	NUMBER(KDBUS_ITEM_SECLABEL, 0x100b),
	NUMBER(KDBUS_ITEM_AUDIT, 0x100c),
	NUMBER(KDBUS_ITEM_CONN_DESCRIPTION, 0x100d),
	NUMBER(_KDBUS_ITEM_POLICY_BASE, 0x2000),
	NUMBER(KDBUS_ITEM_POLICY_ACCESS, 0x2000),
	NUMBER(_KDBUS_ITEM_KERNEL_BASE, 0x8000),
	NUMBER(KDBUS_ITEM_NAME_ADD, 0x8000),
	NUMBER(KDBUS_ITEM_NAME_REMOVE, 0x8001),
	NUMBER(KDBUS_ITEM_NAME_CHANGE, 0x8002),
	NUMBER(KDBUS_ITEM_ID_ADD, 0x8003),
	NUMBER(KDBUS_ITEM_ID_REMOVE, 0x8004),
	NUMBER(KDBUS_ITEM_REPLY_TIMEOUT, 0x8005),
	NUMBER(KDBUS_ITEM_REPLY_DEAD, 0x8006),
	NUMBER(KDBUS_MSG_EXPECT_REPLY, 1),
	NUMBER(KDBUS_MSG_NO_AUTO_START, 2),
	NUMBER(KDBUS_MSG_SIGNAL, 4),
	NUMBER(KDBUS_PAYLOAD_KERNEL, 0),
	NUMBER(KDBUS_PAYLOAD_DBUS, 0x4442757344427573ULL),
	NUMBER(KDBUS_SEND_SYNC_REPLY, 1),
	NUMBER(KDBUS_RECV_PEEK, 1),
	NUMBER(KDBUS_RECV_DROP, 2),
	NUMBER(KDBUS_RECV_USE_PRIORITY, 4),
	NUMBER(KDBUS_RECV_RETURN_INCOMPLETE_FDS, 1),
	NUMBER(KDBUS_RECV_RETURN_DROPPED_MSGS, 2),
	NUMBER(KDBUS_HELLO_ACCEPT_FD, 1),
	NUMBER(KDBUS_HELLO_ACTIVATOR, 2),
	NUMBER(KDBUS_HELLO_POLICY_HOLDER, 4),
	NUMBER(KDBUS_HELLO_MONITOR, 8),
	NUMBER(KDBUS_LIST_UNIQUE, 1),
	NUMBER(KDBUS_LIST_NAMES, 2),
	NUMBER(KDBUS_LIST_ACTIVATORS, 4),
	NUMBER(KDBUS_LIST_QUEUED, 8),
	NUMBER(KDBUS_MATCH_REPLACE, 1),
	NUMBER(KDBUS_MAKE_ACCESS_GROUP, 1),
	NUMBER(KDBUS_MAKE_ACCESS_WORLD, 2),
	NUMBER(KDBUS_NAME_REPLACE_EXISTING, 1),
	NUMBER(KDBUS_NAME_ALLOW_REPLACEMENT, 2),
	NUMBER(KDBUS_NAME_QUEUE, 4),
	NUMBER(KDBUS_NAME_IN_QUEUE, 8),
	NUMBER(KDBUS_NAME_ACTIVATOR, 0x10),
	NUMBER(KDBUS_NAME_PRIMARY, 0x20),
	NUMBER(KDBUS_NAME_ACQUIRED, 0x40),
};

static const struct number commands[] = {
	NUMBER(KDBUS_CMD_BUS_MAKE, 0x40189500),
	NUMBER(KDBUS_CMD_ENDPOINT_MAKE, 0x40189510),
	NUMBER(KDBUS_CMD_ENDPOINT_UPDATE, 0x40189511),
	NUMBER(KDBUS_CMD_HELLO, 0xc0609580),
	NUMBER(KDBUS_CMD_UPDATE, 0x40189581),
	NUMBER(KDBUS_CMD_BYEBYE, 0x40189582),
	NUMBER(KDBUS_CMD_FREE, 0x40209583),
	NUMBER(KDBUS_CMD_CONN_INFO, 0x80389584),
	NUMBER(KDBUS_CMD_BUS_CREATOR_INFO, 0x80389585),
	NUMBER(KDBUS_CMD_LIST, 0x80289586),
	NUMBER(KDBUS_CMD_SEND, 0x40389590),
	NUMBER(KDBUS_CMD_RECV, 0x80409591),
	NUMBER(KDBUS_CMD_NAME_ACQUIRE, 0x401895a0),
	NUMBER(KDBUS_CMD_NAME_RELEASE, 0x401895a1),
	NUMBER(KDBUS_CMD_MATCH_ADD, 0x402095b0),
	NUMBER(KDBUS_CMD_MATCH_REMOVE, 0x402095b1),
};

static const struct number sizes[] = {
	SIZE(kdbus_notify_id_change, 16),
	SIZE(kdbus_notify_name_change, 32),
	SIZE(kdbus_creds, 64),
	SIZE(kdbus_pids, 24),
	SIZE(kdbus_caps, 8),
	SIZE(kdbus_audit, 8),
	SIZE(kdbus_timestamp, 24),
	SIZE(kdbus_vec, 16),
	SIZE(kdbus_bloom_parameter, 16),
	SIZE(kdbus_bloom_filter, 8),
	SIZE(kdbus_memfd, 24),
	SIZE(kdbus_name, 8),
	SIZE(kdbus_policy_access, 24),
	SIZE(kdbus_item, 80),
	SIZE(kdbus_msg, 64),
	SIZE(kdbus_msg_info, 24),
	SIZE(kdbus_cmd_send, 56),
	SIZE(kdbus_cmd_recv, 64),
	SIZE(kdbus_cmd_free, 32),
	SIZE(kdbus_cmd_hello, 96),
	SIZE(kdbus_info, 24),
	SIZE(kdbus_cmd_list, 40),
	SIZE(kdbus_cmd_info, 56),
	SIZE(kdbus_cmd_match, 32),
	SIZE(kdbus_cmd, 24),
};

static const struct member members[] = {
	MEMBER(kdbus_notify_id_change, id, 0, 8),
	MEMBER(kdbus_notify_id_change, flags, 8, 8),

	MEMBER(kdbus_notify_name_change, old_id, 0, 16),
	MEMBER(kdbus_notify_name_change, new_id, 16, 16),
	ARRAY(kdbus_notify_name_change, name, 32),

	MEMBER(kdbus_creds, uid, 0, 8),
	MEMBER(kdbus_creds, euid, 8, 8),
	MEMBER(kdbus_creds, suid, 16, 8),
	MEMBER(kdbus_creds, fsuid, 24, 8),
	MEMBER(kdbus_creds, gid, 32, 8),
	MEMBER(kdbus_creds, egid, 40, 8),
	MEMBER(kdbus_creds, sgid, 48, 8),
	MEMBER(kdbus_creds, fsgid, 56, 8),

	MEMBER(kdbus_pids, pid, 0, 8),
	MEMBER(kdbus_pids, tid, 8, 8),
	MEMBER(kdbus_pids, ppid, 16, 8),

	MEMBER(kdbus_caps, last_cap, 0, 4),
	ARRAY(kdbus_caps, caps, 4),

	MEMBER(kdbus_audit, sessionid, 0, 4),
	MEMBER(kdbus_audit, loginuid, 4, 4),

	MEMBER(kdbus_timestamp, seqnum, 0, 8),
	MEMBER(kdbus_timestamp, monotonic_ns, 8, 8),
	MEMBER(kdbus_timestamp, realtime_ns, 16, 8),

	MEMBER(kdbus_vec, size, 0, 8),
	MEMBER(kdbus_vec, address, 8, 8),
	MEMBER(kdbus_vec, offset, 8, 8),

	MEMBER(kdbus_bloom_parameter, size, 0, 8),
	MEMBER(kdbus_bloom_parameter, n_hash, 8, 8),

	MEMBER(kdbus_bloom_filter, generation, 0, 8),
	ARRAY(kdbus_bloom_filter, data, 8),

	MEMBER(kdbus_memfd, start, 0, 8),
	MEMBER(kdbus_memfd, size, 8, 8),
	MEMBER(kdbus_memfd, fd, 16, 4),
	MEMBER(kdbus_memfd, __pad, 20, 4),

	MEMBER(kdbus_name, flags, 0, 8),
	ARRAY(kdbus_name, name, 8),

	MEMBER(kdbus_policy_access, type, 0, 8),
	MEMBER(kdbus_policy_access, access, 8, 8),
	MEMBER(kdbus_policy_access, id, 16, 8),

	MEMBER(kdbus_item, size, 0, 8),
	MEMBER(kdbus_item, type, 8, 8),
	ARRAY(kdbus_item, data, 16),
	ARRAY(kdbus_item, data32, 16),
	ARRAY(kdbus_item, data64, 16),
	ARRAY(kdbus_item, str, 16),
	MEMBER(kdbus_item, id, 16, 8),
	MEMBER(kdbus_item, vec, 16, 16),
	MEMBER(kdbus_item, creds, 16, 64),
	MEMBER(kdbus_item, pids, 16, 24),
	MEMBER(kdbus_item, audit, 16, 8),
	MEMBER(kdbus_item, caps, 16, 8),
	MEMBER(kdbus_item, timestamp, 16, 24),
	MEMBER(kdbus_item, name, 16, 8),
	MEMBER(kdbus_item, bloom_parameter, 16, 16),
	MEMBER(kdbus_item, bloom_filter, 16, 8),
	MEMBER(kdbus_item, memfd, 16, 24),
	ARRAY(kdbus_item, fds, 16),
	MEMBER(kdbus_item, name_change, 16, 32),
	MEMBER(kdbus_item, id_change, 16, 16),
	MEMBER(kdbus_item, policy_access, 16, 24),

	MEMBER(kdbus_msg, size, 0, 8),
	MEMBER(kdbus_msg, flags, 8, 8),
	MEMBER(kdbus_msg, priority, 16, 8),
	MEMBER(kdbus_msg, dst_id, 24, 8),
	MEMBER(kdbus_msg, src_id, 32, 8),
	MEMBER(kdbus_msg, payload_type, 40, 8),
	MEMBER(kdbus_msg, cookie, 48, 8),
	MEMBER(kdbus_msg, timeout_ns, 56, 8),
	MEMBER(kdbus_msg, cookie_reply, 56, 8),
	ARRAY(kdbus_msg, items, 64),

	MEMBER(kdbus_msg_info, offset, 0, 8),
	MEMBER(kdbus_msg_info, msg_size, 8, 8),
	MEMBER(kdbus_msg_info, return_flags, 16, 8),

	MEMBER(kdbus_cmd_send, size, 0, 8),
	MEMBER(kdbus_cmd_send, flags, 8, 8),
	MEMBER(kdbus_cmd_send, return_flags, 16, 8),
	MEMBER(kdbus_cmd_send, msg_address, 24, 8),
	MEMBER(kdbus_cmd_send, reply, 32, 24),
	ARRAY(kdbus_cmd_send, items, 56),

	MEMBER(kdbus_cmd_recv, size, 0, 8),
	MEMBER(kdbus_cmd_recv, flags, 8, 8),
	MEMBER(kdbus_cmd_recv, return_flags, 16, 8),
	MEMBER(kdbus_cmd_recv, priority, 24, 8),
	MEMBER(kdbus_cmd_recv, dropped_msgs, 32, 8),
	MEMBER(kdbus_cmd_recv, msg, 40, 24),
	ARRAY(kdbus_cmd_recv, items, 64),

	MEMBER(kdbus_cmd_free, size, 0, 8),
	MEMBER(kdbus_cmd_free, flags, 8, 8),
	MEMBER(kdbus_cmd_free, return_flags, 16, 8),
	MEMBER(kdbus_cmd_free, offset, 24, 8),
	ARRAY(kdbus_cmd_free, items, 32),

	MEMBER(kdbus_cmd_hello, size, 0, 8),
	MEMBER(kdbus_cmd_hello, flags, 8, 8),
	MEMBER(kdbus_cmd_hello, return_flags, 16, 8),
	MEMBER(kdbus_cmd_hello, attach_flags_send, 24, 8),
	MEMBER(kdbus_cmd_hello, attach_flags_recv, 32, 8),
	MEMBER(kdbus_cmd_hello, bus_flags, 40, 8),
	MEMBER(kdbus_cmd_hello, id, 48, 8),
	MEMBER(kdbus_cmd_hello, pool_size, 56, 8),
	MEMBER(kdbus_cmd_hello, offset, 64, 8),
	MEMBER(kdbus_cmd_hello, items_size, 72, 8),
	MEMBER(kdbus_cmd_hello, id128, 80, 16),
	ARRAY(kdbus_cmd_hello, items, 96),

	MEMBER(kdbus_info, size, 0, 8),
	MEMBER(kdbus_info, id, 8, 8),
	MEMBER(kdbus_info, flags, 16, 8),
	ARRAY(kdbus_info, items, 24),

	MEMBER(kdbus_cmd_list, size, 0, 8),
	MEMBER(kdbus_cmd_list, flags, 8, 8),
	MEMBER(kdbus_cmd_list, return_flags, 16, 8),
	MEMBER(kdbus_cmd_list, offset, 24, 8),
	MEMBER(kdbus_cmd_list, list_size, 32, 8),
	ARRAY(kdbus_cmd_list, items, 40),

	MEMBER(kdbus_cmd_info, size, 0, 8),
	MEMBER(kdbus_cmd_info, flags, 8, 8),
	MEMBER(kdbus_cmd_info, return_flags, 16, 8),
	MEMBER(kdbus_cmd_info, id, 24, 8),
	MEMBER(kdbus_cmd_info, attach_flags, 32, 8),
	MEMBER(kdbus_cmd_info, offset, 40, 8),
	MEMBER(kdbus_cmd_info, info_size, 48, 8),
	ARRAY(kdbus_cmd_info, items, 56),

	MEMBER(kdbus_cmd_match, size, 0, 8),
	MEMBER(kdbus_cmd_match, flags, 8, 8),
	MEMBER(kdbus_cmd_match, return_flags, 16, 8),
	MEMBER(kdbus_cmd_match, cookie, 24, 8),
	ARRAY(kdbus_cmd_match, items, 32),

	MEMBER(kdbus_cmd, size, 0, 8),
	MEMBER(kdbus_cmd, flags, 8, 8),
	MEMBER(kdbus_cmd, return_flags, 16, 8),
	ARRAY(kdbus_cmd, items, 24),
};

TEST(constants_have_their_values)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(constants); i++) {
		EXPECT_EQ(constants[i].expected, constants[i].actual) {
			TH_LOG("%s", constants[i].name);
		}
	}
}

/* The kernel compares all 32 bits, so the direction matters, too. */
TEST(commands_have_their_numbers)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		EXPECT_EQ(commands[i].expected, commands[i].actual) {
			TH_LOG("%s", commands[i].name);
		}
	}
}

TEST(structs_have_their_sizes)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(sizes[i].expected, sizes[i].actual) {
			TH_LOG("%s", sizes[i].name);
		}
	}
}

TEST(members_are_at_their_offsets)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(members); i++) {
		EXPECT_EQ(members[i].expected_offset, members[i].offset) {
			TH_LOG("%s", members[i].name);
		}
		EXPECT_EQ(members[i].expected_size, members[i].size) {
			TH_LOG("size of %s", members[i].name);
		}
	}
}

TEST(payloads_are_at_their_offsets_in_an_item)
{
	EXPECT_EQ(16, offsetof(struct kdbus_item, data));
	EXPECT_EQ(20, offsetof(struct kdbus_item, caps.caps));
	EXPECT_EQ(24, offsetof(struct kdbus_item, name.name));
	EXPECT_EQ(24, offsetof(struct kdbus_item, bloom_filter.data));
	EXPECT_EQ(32, offsetof(struct kdbus_item, memfd.fd));
	EXPECT_EQ(48, offsetof(struct kdbus_item, name_change.name));
}

/* Also where the alignment of 64-bit words is 4, as on 32-bit x86 */
TEST(structs_are_aligned_to_8)
{
	EXPECT_EQ(8, __alignof__(struct kdbus_item));
	EXPECT_EQ(8, __alignof__(struct kdbus_msg));
	EXPECT_EQ(8, __alignof__(struct kdbus_msg_info));
	EXPECT_EQ(8, __alignof__(struct kdbus_info));
	EXPECT_EQ(8, __alignof__(struct kdbus_cmd));
	EXPECT_EQ(8, __alignof__(struct kdbus_cmd_hello));
	EXPECT_EQ(8, __alignof__(struct kdbus_cmd_send));
	EXPECT_EQ(8, __alignof__(struct kdbus_cmd_recv));
	EXPECT_EQ(8, __alignof__(struct kdbus_cmd_free));
	EXPECT_EQ(8, __alignof__(struct kdbus_cmd_info));
	EXPECT_EQ(8, __alignof__(struct kdbus_cmd_list));
	EXPECT_EQ(8, __alignof__(struct kdbus_cmd_match));
	EXPECT_EQ(8, __alignof__(struct kdbus_caps));
	EXPECT_EQ(8, __alignof__(struct kdbus_policy_access));
}

TEST_HARNESS_MAIN
