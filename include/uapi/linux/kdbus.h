/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_LINUX_KDBUS_H
#define _UAPI_LINUX_KDBUS_H

#include <linux/ioctl.h>
#include <linux/stddef.h>
#include <linux/types.h>

/*
 * Everything is a set of 64-bit words in host byte order, aligned to 8 bytes,
 * and pointers travel as __u64: 32-bit and 64-bit programs share one layout
 * and one set of ioctl numbers.
 */
#define __KDBUS_ALIGNED		__attribute__((__aligned__(8)))

/*
 * An array of open length as a member of a union. C has no flexible arrays
 * there unless wrapped into a struct with something else in it; if that is an
 * empty struct, it takes no room in C, but does in C++.
 */
#if defined(__DECLARE_FLEX_ARRAY) && !defined(__cplusplus)
#define __KDBUS_DECLARE_FLEX_ARRAY(_type, _name) \
	__DECLARE_FLEX_ARRAY(_type, _name)
#elif !defined(__cplusplus)
#define __KDBUS_DECLARE_FLEX_ARRAY(_type, _name) \
	struct { struct { } __empty_ ## _name; _type _name[]; }
#else
#define __KDBUS_DECLARE_FLEX_ARRAY(_type, _name) _type _name[0]
#endif

#define KDBUS_IOCTL_MAGIC		0x95

/* kdbus_msg.src_id of a message that comes from the kernel */
#define KDBUS_SRC_ID_KERNEL		(0ULL)

/* kdbus_msg.dst_id: a KDBUS_ITEM_DST_NAME item says who the receiver is */
#define KDBUS_DST_ID_NAME		(0ULL)

/* kdbus_msg.dst_id: to every peer that subscribed to the message */
#define KDBUS_DST_ID_BROADCAST		(~0ULL)

/* In a match rule: any connection */
#define KDBUS_MATCH_ID_ANY		(~0ULL)

/*
 * In the flags of any command: check the arguments, replace the flags by those
 * the command knows, and do nothing else.
 */
#define KDBUS_FLAG_NEGOTIATE		(1ULL << 63)

/**
 * struct kdbus_notify_id_change - a connection came or went
 * @id:		its id
 * @flags:	its KDBUS_HELLO_* flags; in a NAME_* notification the
 *		KDBUS_NAME_* flags of the ownership
 *
 * Payload of KDBUS_ITEM_ID_ADD and KDBUS_ITEM_ID_REMOVE.
 */
struct kdbus_notify_id_change {
	__u64 id;
	__u64 flags;
} __KDBUS_ALIGNED;

/**
 * struct kdbus_notify_name_change - a well-known name has another owner
 * @old_id:	owner before, id 0 if there was none
 * @new_id:	owner now, id 0 if there is none
 * @name:	the name, ends with NUL
 *
 * Payload of KDBUS_ITEM_NAME_ADD, KDBUS_ITEM_NAME_REMOVE and
 * KDBUS_ITEM_NAME_CHANGE.
 */
struct kdbus_notify_name_change {
	struct kdbus_notify_id_change old_id;
	struct kdbus_notify_id_change new_id;
	char name[];
} __KDBUS_ALIGNED;

/**
 * struct kdbus_creds - user and group ids of a task
 * @uid:	real user id
 * @euid:	effective user id
 * @suid:	saved user id
 * @fsuid:	user id for file access
 * @gid:	real group id
 * @egid:	effective group id
 * @sgid:	saved group id
 * @fsgid:	group id for file access
 *
 * Payload of KDBUS_ITEM_CREDS, as seen from the user namespace of the reader.
 */
struct kdbus_creds {
	__u64 uid;
	__u64 euid;
	__u64 suid;
	__u64 fsuid;
	__u64 gid;
	__u64 egid;
	__u64 sgid;
	__u64 fsgid;
} __KDBUS_ALIGNED;

/**
 * struct kdbus_pids - process ids of a task
 * @pid:	process (thread group)
 * @tid:	thread
 * @ppid:	parent process
 *
 * Payload of KDBUS_ITEM_PIDS, as seen from the pid namespace of the reader.
 */
struct kdbus_pids {
	__u64 pid;
	__u64 tid;
	__u64 ppid;
} __KDBUS_ALIGNED;

/**
 * struct kdbus_caps - capabilities of a task
 * @last_cap:	highest capability the kernel knows
 * @caps:	inheritable, permitted, effective and bounding set one after the
 *		other, each of last_cap / 32 + 1 words
 *
 * Payload of KDBUS_ITEM_CAPS.
 */
struct kdbus_caps {
	__u32 last_cap;
	__u32 caps[];
} __KDBUS_ALIGNED;

/**
 * struct kdbus_audit - audit identity of a task
 * @sessionid:	audit session
 * @loginuid:	user that logged in
 *
 * Payload of KDBUS_ITEM_AUDIT.
 */
struct kdbus_audit {
	__u32 sessionid;
	__u32 loginuid;
} __KDBUS_ALIGNED;

/**
 * struct kdbus_timestamp - when a message was sent
 * @seqnum:		number of the message, increasing along a bus
 * @monotonic_ns:	CLOCK_MONOTONIC
 * @realtime_ns:	CLOCK_REALTIME
 *
 * Payload of KDBUS_ITEM_TIMESTAMP.
 */
struct kdbus_timestamp {
	__u64 seqnum;
	__u64 monotonic_ns;
	__u64 realtime_ns;
} __KDBUS_ALIGNED;

/**
 * struct kdbus_vec - a run of payload bytes
 * @size:	number of bytes
 * @address:	to send: where they are; 0 for a run of zero bytes
 * @offset:	received: where they are, counted from the start of the
 *		message; ~0 for a run of zero bytes
 *
 * Payload of KDBUS_ITEM_PAYLOAD_VEC and KDBUS_ITEM_PAYLOAD_OFF.
 */
struct kdbus_vec {
	__u64 size;
	union {
		__u64 address;
		__u64 offset;
	};
} __KDBUS_ALIGNED;

/**
 * struct kdbus_bloom_parameter - shape of the bloom filters of a bus
 * @size:	bytes of one filter, a multiple of 8
 * @n_hash:	hash functions in use
 *
 * Payload of KDBUS_ITEM_BLOOM_PARAMETER. The kernel only compares bits: how
 * they are set is between the peers of the bus.
 */
struct kdbus_bloom_parameter {
	__u64 size;
	__u64 n_hash;
} __KDBUS_ALIGNED;

/**
 * struct kdbus_bloom_filter - what a signal is about
 * @generation:	which of the masks of a match rule to compare with
 * @data:	the bits, as many as the bus asks for
 *
 * Payload of KDBUS_ITEM_BLOOM_FILTER.
 */
struct kdbus_bloom_filter {
	__u64 generation;
	__u64 data[];
} __KDBUS_ALIGNED;

/**
 * struct kdbus_memfd - payload bytes in a sealed memfd
 * @start:	first byte
 * @size:	number of bytes
 * @fd:		the memfd; -1 in a received message if it was not installed
 * @__pad:	unused
 *
 * Payload of KDBUS_ITEM_PAYLOAD_MEMFD.
 */
struct kdbus_memfd {
	__u64 start;
	__u64 size;
	int fd;
	__u32 __pad;
} __KDBUS_ALIGNED;

/**
 * struct kdbus_name - a well-known name and how it is owned
 * @flags:	KDBUS_NAME_*
 * @name:	the name, ends with NUL
 *
 * Payload of KDBUS_ITEM_OWNED_NAME.
 */
struct kdbus_name {
	__u64 flags;
	char name[];
} __KDBUS_ALIGNED;

/**
 * enum kdbus_policy_access_type - whom a policy entry is about
 * @_KDBUS_POLICY_ACCESS_NULL:	invalid
 * @KDBUS_POLICY_ACCESS_USER:	a user, by uid
 * @KDBUS_POLICY_ACCESS_GROUP:	a group, by gid
 * @KDBUS_POLICY_ACCESS_WORLD:	everyone
 */
enum kdbus_policy_access_type {
	_KDBUS_POLICY_ACCESS_NULL,
	KDBUS_POLICY_ACCESS_USER,
	KDBUS_POLICY_ACCESS_GROUP,
	KDBUS_POLICY_ACCESS_WORLD,
};

/**
 * enum kdbus_policy_type - what a policy entry allows
 * @KDBUS_POLICY_SEE:	to see the name
 * @KDBUS_POLICY_TALK:	to send to the name, and to see it
 * @KDBUS_POLICY_OWN:	to own the name, to send to it and to see it
 */
enum kdbus_policy_type {
	KDBUS_POLICY_SEE,
	KDBUS_POLICY_TALK,
	KDBUS_POLICY_OWN,
};

/**
 * struct kdbus_policy_access - one policy entry
 * @type:	enum kdbus_policy_access_type
 * @access:	enum kdbus_policy_type
 * @id:		uid or gid; not used for KDBUS_POLICY_ACCESS_WORLD
 *
 * Payload of KDBUS_ITEM_POLICY_ACCESS; belongs to the KDBUS_ITEM_NAME before
 * it.
 */
struct kdbus_policy_access {
	__u64 type;
	__u64 access;
	__u64 id;
} __KDBUS_ALIGNED;

/**
 * enum kdbus_attach_flags - metadata to attach to messages and replies
 * @KDBUS_ATTACH_TIMESTAMP:		when the message was sent
 * @KDBUS_ATTACH_CREDS:			user and group ids
 * @KDBUS_ATTACH_PIDS:			process ids
 * @KDBUS_ATTACH_AUXGROUPS:		supplementary groups
 * @KDBUS_ATTACH_NAMES:			well-known names owned
 * @KDBUS_ATTACH_TID_COMM:		comm of the thread
 * @KDBUS_ATTACH_PID_COMM:		comm of the process
 * @KDBUS_ATTACH_EXE:			path of the executable
 * @KDBUS_ATTACH_CMDLINE:		command line
 * @KDBUS_ATTACH_CGROUP:		control group
 * @KDBUS_ATTACH_CAPS:			capabilities
 * @KDBUS_ATTACH_SECLABEL:		label of the security module
 * @KDBUS_ATTACH_AUDIT:			audit session and login uid
 * @KDBUS_ATTACH_CONN_DESCRIPTION:	description given in HELLO
 * @_KDBUS_ATTACH_ALL:			all of the above
 * @_KDBUS_ATTACH_ANY:			in arguments: the same as ALL
 */
enum kdbus_attach_flags {
	KDBUS_ATTACH_TIMESTAMP		= 1ULL << 0,
	KDBUS_ATTACH_CREDS		= 1ULL << 1,
	KDBUS_ATTACH_PIDS		= 1ULL << 2,
	KDBUS_ATTACH_AUXGROUPS		= 1ULL << 3,
	KDBUS_ATTACH_NAMES		= 1ULL << 4,
	KDBUS_ATTACH_TID_COMM		= 1ULL << 5,
	KDBUS_ATTACH_PID_COMM		= 1ULL << 6,
	KDBUS_ATTACH_EXE		= 1ULL << 7,
	KDBUS_ATTACH_CMDLINE		= 1ULL << 8,
	KDBUS_ATTACH_CGROUP		= 1ULL << 9,
	KDBUS_ATTACH_CAPS		= 1ULL << 10,
	KDBUS_ATTACH_SECLABEL		= 1ULL << 11,
	KDBUS_ATTACH_AUDIT		= 1ULL << 12,
	KDBUS_ATTACH_CONN_DESCRIPTION	= 1ULL << 13,
	_KDBUS_ATTACH_ALL		= (1ULL << 14) - 1,
	_KDBUS_ATTACH_ANY		= ~0ULL,
};

/**
 * enum kdbus_item_type - what an item carries
 * @_KDBUS_ITEM_NULL:			invalid
 * @_KDBUS_ITEM_USER_BASE:		first of the types used in arguments
 * @KDBUS_ITEM_NEGOTIATE:		item types (data64): those that the
 *					command does not take are set to 0
 * @KDBUS_ITEM_PAYLOAD_VEC:		payload to send (vec)
 * @KDBUS_ITEM_PAYLOAD_OFF:		received payload (vec)
 * @KDBUS_ITEM_PAYLOAD_MEMFD:		payload in a memfd (memfd)
 * @KDBUS_ITEM_FDS:			file descriptors to pass (fds)
 * @KDBUS_ITEM_CANCEL_FD:		SEND: a descriptor that, when readable,
 *					ends the wait for a reply (fds)
 * @KDBUS_ITEM_BLOOM_PARAMETER:		filters of the bus (bloom_parameter)
 * @KDBUS_ITEM_BLOOM_FILTER:		filter of a signal (bloom_filter)
 * @KDBUS_ITEM_BLOOM_MASK:		masks of a match rule (data64)
 * @KDBUS_ITEM_DST_NAME:		name of the receiver (str)
 * @KDBUS_ITEM_MAKE_NAME:		name of a bus or endpoint to make (str)
 * @KDBUS_ITEM_ATTACH_FLAGS_SEND:	metadata to give away (data64)
 * @KDBUS_ITEM_ATTACH_FLAGS_RECV:	metadata to ask for (data64)
 * @KDBUS_ITEM_ID:			match rule: id of the sender (id)
 * @KDBUS_ITEM_NAME:			a well-known name (str)
 * @KDBUS_ITEM_DST_ID:			match rule: dst_id of the message (id)
 * @_KDBUS_ITEM_ATTACH_BASE:		first metadata type; the others follow
 *					in the order of enum kdbus_attach_flags
 * @KDBUS_ITEM_TIMESTAMP:		when the message was sent (timestamp)
 * @KDBUS_ITEM_CREDS:			user and group ids (creds)
 * @KDBUS_ITEM_PIDS:			process ids (pids)
 * @KDBUS_ITEM_AUXGROUPS:		supplementary groups (data64)
 * @KDBUS_ITEM_OWNED_NAME:		a well-known name of the sender (name)
 * @KDBUS_ITEM_TID_COMM:		comm of the thread (str)
 * @KDBUS_ITEM_PID_COMM:		comm of the process (str)
 * @KDBUS_ITEM_EXE:			path of the executable (str)
 * @KDBUS_ITEM_CMDLINE:			arguments, each ends with NUL (str)
 * @KDBUS_ITEM_CGROUP:			control group (str)
 * @KDBUS_ITEM_CAPS:			capabilities (caps)
 * @KDBUS_ITEM_SECLABEL:		label of the security module (str)
 * @KDBUS_ITEM_AUDIT:			audit session and login uid (audit)
 * @KDBUS_ITEM_CONN_DESCRIPTION:	description of a connection (str)
 * @_KDBUS_ITEM_POLICY_BASE:		first policy type
 * @KDBUS_ITEM_POLICY_ACCESS:		a policy entry (policy_access)
 * @_KDBUS_ITEM_KERNEL_BASE:		first of the types of notifications
 * @KDBUS_ITEM_NAME_ADD:		a name has an owner now (name_change)
 * @KDBUS_ITEM_NAME_REMOVE:		a name has no owner now (name_change)
 * @KDBUS_ITEM_NAME_CHANGE:		a name has another owner (name_change)
 * @KDBUS_ITEM_ID_ADD:			a connection came (id_change)
 * @KDBUS_ITEM_ID_REMOVE:		a connection went (id_change)
 * @KDBUS_ITEM_REPLY_TIMEOUT:		a reply did not come in time
 * @KDBUS_ITEM_REPLY_DEAD:		who was to reply went away
 */
enum kdbus_item_type {
	_KDBUS_ITEM_NULL,
	_KDBUS_ITEM_USER_BASE,
	KDBUS_ITEM_NEGOTIATE		= _KDBUS_ITEM_USER_BASE,
	KDBUS_ITEM_PAYLOAD_VEC,
	KDBUS_ITEM_PAYLOAD_OFF,
	KDBUS_ITEM_PAYLOAD_MEMFD,
	KDBUS_ITEM_FDS,
	KDBUS_ITEM_CANCEL_FD,
	KDBUS_ITEM_BLOOM_PARAMETER,
	KDBUS_ITEM_BLOOM_FILTER,
	KDBUS_ITEM_BLOOM_MASK,
	KDBUS_ITEM_DST_NAME,
	KDBUS_ITEM_MAKE_NAME,
	KDBUS_ITEM_ATTACH_FLAGS_SEND,
	KDBUS_ITEM_ATTACH_FLAGS_RECV,
	KDBUS_ITEM_ID,
	KDBUS_ITEM_NAME,
	KDBUS_ITEM_DST_ID,

	_KDBUS_ITEM_ATTACH_BASE		= 0x1000,
	KDBUS_ITEM_TIMESTAMP		= _KDBUS_ITEM_ATTACH_BASE,
	KDBUS_ITEM_CREDS,
	KDBUS_ITEM_PIDS,
	KDBUS_ITEM_AUXGROUPS,
	KDBUS_ITEM_OWNED_NAME,
	KDBUS_ITEM_TID_COMM,
	KDBUS_ITEM_PID_COMM,
	KDBUS_ITEM_EXE,
	KDBUS_ITEM_CMDLINE,
	KDBUS_ITEM_CGROUP,
	KDBUS_ITEM_CAPS,
	KDBUS_ITEM_SECLABEL,
	KDBUS_ITEM_AUDIT,
	KDBUS_ITEM_CONN_DESCRIPTION,

	_KDBUS_ITEM_POLICY_BASE		= 0x2000,
	KDBUS_ITEM_POLICY_ACCESS	= _KDBUS_ITEM_POLICY_BASE,

	_KDBUS_ITEM_KERNEL_BASE		= 0x8000,
	KDBUS_ITEM_NAME_ADD		= _KDBUS_ITEM_KERNEL_BASE,
	KDBUS_ITEM_NAME_REMOVE,
	KDBUS_ITEM_NAME_CHANGE,
	KDBUS_ITEM_ID_ADD,
	KDBUS_ITEM_ID_REMOVE,
	KDBUS_ITEM_REPLY_TIMEOUT,
	KDBUS_ITEM_REPLY_DEAD,
};

/**
 * struct kdbus_item - one element of the list that ends a command or message
 * @size:		bytes of header and payload; the next item starts at the
 *			next multiple of 8 behind them
 * @type:		enum kdbus_item_type, says which of the members below
 *			is meant
 * @data:		bytes
 * @data32:		32-bit words
 * @data64:		64-bit words
 * @str:		string, ends with NUL
 * @id:			id of a connection
 * @vec:		run of payload bytes
 * @creds:		user and group ids
 * @pids:		process ids
 * @audit:		audit identity
 * @caps:		capabilities
 * @timestamp:		time of sending
 * @name:		well-known name with its flags
 * @bloom_parameter:	filters of the bus
 * @bloom_filter:	filter of a signal
 * @memfd:		payload in a memfd
 * @fds:		file descriptors
 * @name_change:	notification about a name
 * @id_change:		notification about a connection
 * @policy_access:	policy entry
 */
struct kdbus_item {
	__u64 size;
	__u64 type;
	union {
		__KDBUS_DECLARE_FLEX_ARRAY(__u8, data);
		__KDBUS_DECLARE_FLEX_ARRAY(__u32, data32);
		__KDBUS_DECLARE_FLEX_ARRAY(__u64, data64);
		__KDBUS_DECLARE_FLEX_ARRAY(char, str);

		__u64 id;
		struct kdbus_vec vec;
		struct kdbus_creds creds;
		struct kdbus_pids pids;
		struct kdbus_audit audit;
		struct kdbus_caps caps;
		struct kdbus_timestamp timestamp;
		struct kdbus_name name;
		struct kdbus_bloom_parameter bloom_parameter;
		struct kdbus_bloom_filter bloom_filter;
		struct kdbus_memfd memfd;
		__KDBUS_DECLARE_FLEX_ARRAY(int, fds);
		struct kdbus_notify_name_change name_change;
		struct kdbus_notify_id_change id_change;
		struct kdbus_policy_access policy_access;
	};
} __KDBUS_ALIGNED;

/**
 * enum kdbus_msg_flags - flags of a message
 * @KDBUS_MSG_EXPECT_REPLY:	the receiver is to reply before timeout_ns
 * @KDBUS_MSG_NO_AUTO_START:	not for an activator
 * @KDBUS_MSG_SIGNAL:		only for those who subscribed to it
 */
enum kdbus_msg_flags {
	KDBUS_MSG_EXPECT_REPLY		= 1ULL << 0,
	KDBUS_MSG_NO_AUTO_START		= 1ULL << 1,
	KDBUS_MSG_SIGNAL		= 1ULL << 2,
};

/**
 * enum kdbus_payload_type - what the payload of a message is
 * @KDBUS_PAYLOAD_KERNEL:	items of the kernel; not to be sent
 * @KDBUS_PAYLOAD_DBUS:		D-Bus ("DBusDBus")
 */
enum kdbus_payload_type {
	KDBUS_PAYLOAD_KERNEL,
	KDBUS_PAYLOAD_DBUS		= 0x4442757344427573ULL,
};

/**
 * struct kdbus_msg - a message
 * @size:		bytes of this struct and its items; the payload of a
 *			received message is not counted
 * @flags:		enum kdbus_msg_flags
 * @priority:		smaller is more urgent
 * @dst_id:		receiver: an id, KDBUS_DST_ID_NAME or
 *			KDBUS_DST_ID_BROADCAST
 * @src_id:		sender; to send, 0 or the own id
 * @payload_type:	enum kdbus_payload_type
 * @cookie:		number the sender gives to the message
 * @timeout_ns:		with KDBUS_MSG_EXPECT_REPLY: when to give up, on
 *			CLOCK_MONOTONIC
 * @cookie_reply:	otherwise: cookie of the message this one answers, or 0
 * @items:		payload and attributes
 */
struct kdbus_msg {
	__u64 size;
	__u64 flags;
	__s64 priority;
	__u64 dst_id;
	__u64 src_id;
	__u64 payload_type;
	__u64 cookie;
	union {
		__u64 timeout_ns;
		__u64 cookie_reply;
	};
	struct kdbus_item items[];
} __KDBUS_ALIGNED;

/**
 * struct kdbus_msg_info - where a received message is
 * @offset:		where it starts in the pool; to be given to
 *			KDBUS_CMD_FREE
 * @msg_size:		bytes it takes there, payload included
 * @return_flags:	KDBUS_RECV_RETURN_INCOMPLETE_FDS or 0
 */
struct kdbus_msg_info {
	__u64 offset;
	__u64 msg_size;
	__u64 return_flags;
} __KDBUS_ALIGNED;

/**
 * enum kdbus_send_flags - flags of KDBUS_CMD_SEND
 * @KDBUS_SEND_SYNC_REPLY:	wait for the reply and return it
 */
enum kdbus_send_flags {
	KDBUS_SEND_SYNC_REPLY		= 1ULL << 0,
};

/**
 * struct kdbus_cmd_send - argument of KDBUS_CMD_SEND
 * @size:		bytes of this struct and its items
 * @flags:		enum kdbus_send_flags
 * @return_flags:	written by the kernel
 * @msg_address:	where the struct kdbus_msg is
 * @reply:		written on success: the reply to a synchronous call
 * @items:		KDBUS_ITEM_CANCEL_FD
 */
struct kdbus_cmd_send {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
	__u64 msg_address;
	struct kdbus_msg_info reply;
	struct kdbus_item items[];
} __KDBUS_ALIGNED;

/**
 * enum kdbus_recv_flags - flags of KDBUS_CMD_RECV
 * @KDBUS_RECV_PEEK:		show the message but leave it queued
 * @KDBUS_RECV_DROP:		throw the message away
 * @KDBUS_RECV_USE_PRIORITY:	the most urgent message, if it is at least as
 *				urgent as kdbus_cmd_recv.priority says
 */
enum kdbus_recv_flags {
	KDBUS_RECV_PEEK			= 1ULL << 0,
	KDBUS_RECV_DROP			= 1ULL << 1,
	KDBUS_RECV_USE_PRIORITY		= 1ULL << 2,
};

/**
 * enum kdbus_recv_return_flags - what receiving a message has to report
 * @KDBUS_RECV_RETURN_INCOMPLETE_FDS:	in kdbus_msg_info: some descriptors
 *					could not be installed
 * @KDBUS_RECV_RETURN_DROPPED_MSGS:	in kdbus_cmd_recv: messages got lost,
 *					see its dropped_msgs
 */
enum kdbus_recv_return_flags {
	KDBUS_RECV_RETURN_INCOMPLETE_FDS	= 1ULL << 0,
	KDBUS_RECV_RETURN_DROPPED_MSGS		= 1ULL << 1,
};

/**
 * struct kdbus_cmd_recv - argument of KDBUS_CMD_RECV
 * @size:		bytes of this struct and its items
 * @flags:		enum kdbus_recv_flags
 * @return_flags:	written by the kernel: enum kdbus_recv_return_flags
 * @priority:		see KDBUS_RECV_USE_PRIORITY
 * @dropped_msgs:	written by the kernel: how many messages got lost
 * @msg:		written by the kernel: where the message is
 * @items:		none but KDBUS_ITEM_NEGOTIATE
 */
struct kdbus_cmd_recv {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
	__s64 priority;
	__u64 dropped_msgs;
	struct kdbus_msg_info msg;
	struct kdbus_item items[];
} __KDBUS_ALIGNED;

/**
 * struct kdbus_cmd_free - argument of KDBUS_CMD_FREE
 * @size:		bytes of this struct and its items
 * @flags:		none
 * @return_flags:	written by the kernel
 * @offset:		where in the pool the memory starts that an earlier
 *			command returned
 * @items:		none but KDBUS_ITEM_NEGOTIATE
 */
struct kdbus_cmd_free {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
	__u64 offset;
	struct kdbus_item items[];
} __KDBUS_ALIGNED;

/**
 * enum kdbus_hello_flags - what kind of connection to make
 * @KDBUS_HELLO_ACCEPT_FD:	takes messages with file descriptors
 * @KDBUS_HELLO_ACTIVATOR:	stands in for a name until its owner shows up
 * @KDBUS_HELLO_POLICY_HOLDER:	only there to set policy for names
 * @KDBUS_HELLO_MONITOR:	sees all that happens on the bus
 */
enum kdbus_hello_flags {
	KDBUS_HELLO_ACCEPT_FD		= 1ULL << 0,
	KDBUS_HELLO_ACTIVATOR		= 1ULL << 1,
	KDBUS_HELLO_POLICY_HOLDER	= 1ULL << 2,
	KDBUS_HELLO_MONITOR		= 1ULL << 3,
};

/**
 * struct kdbus_cmd_hello - argument of KDBUS_CMD_HELLO
 * @size:		bytes of this struct and its items
 * @flags:		enum kdbus_hello_flags
 * @return_flags:	written by the kernel
 * @attach_flags_send:	enum kdbus_attach_flags the connection gives away
 * @attach_flags_recv:	enum kdbus_attach_flags it wants to get
 * @bus_flags:		written by the kernel: enum kdbus_make_flags of the bus
 * @id:			written by the kernel: id of the connection
 * @pool_size:		bytes of the pool, a multiple of the page size
 * @offset:		written by the kernel: where in the pool the items about
 *			the bus are; to be given to KDBUS_CMD_FREE
 * @items_size:		written by the kernel: bytes of those items
 * @id128:		written by the kernel: UUID of the bus
 * @items:		name and policy, description, credentials to pretend
 */
struct kdbus_cmd_hello {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
	__u64 attach_flags_send;
	__u64 attach_flags_recv;
	__u64 bus_flags;
	__u64 id;
	__u64 pool_size;
	__u64 offset;
	__u64 items_size;
	__u8 id128[16];
	struct kdbus_item items[];
} __KDBUS_ALIGNED;

/**
 * struct kdbus_info - what the pool holds about a connection, a name or a bus
 * @size:	bytes of this struct and its items
 * @id:		id of the connection or bus
 * @flags:	flags the connection or bus was made with
 * @items:	metadata and names
 */
struct kdbus_info {
	__u64 size;
	__u64 id;
	__u64 flags;
	struct kdbus_item items[];
} __KDBUS_ALIGNED;

/**
 * enum kdbus_list_flags - what KDBUS_CMD_LIST is to list
 * @KDBUS_LIST_UNIQUE:		connections
 * @KDBUS_LIST_NAMES:		names and their owners
 * @KDBUS_LIST_ACTIVATORS:	activators of names
 * @KDBUS_LIST_QUEUED:		those who wait for a name
 */
enum kdbus_list_flags {
	KDBUS_LIST_UNIQUE		= 1ULL << 0,
	KDBUS_LIST_NAMES		= 1ULL << 1,
	KDBUS_LIST_ACTIVATORS		= 1ULL << 2,
	KDBUS_LIST_QUEUED		= 1ULL << 3,
};

/**
 * struct kdbus_cmd_list - argument of KDBUS_CMD_LIST
 * @size:		bytes of this struct and its items
 * @flags:		enum kdbus_list_flags
 * @return_flags:	written by the kernel
 * @offset:		written by the kernel: where in the pool the list of
 *			struct kdbus_info is
 * @list_size:		written by the kernel: bytes of the list
 * @items:		none but KDBUS_ITEM_NEGOTIATE
 */
struct kdbus_cmd_list {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
	__u64 offset;
	__u64 list_size;
	struct kdbus_item items[];
} __KDBUS_ALIGNED;

/**
 * struct kdbus_cmd_info - argument of KDBUS_CMD_CONN_INFO and
 *			   KDBUS_CMD_BUS_CREATOR_INFO
 * @size:		bytes of this struct and its items
 * @flags:		none
 * @return_flags:	written by the kernel
 * @id:			whom to ask about; 0 if a KDBUS_ITEM_NAME says so
 * @attach_flags:	enum kdbus_attach_flags to report
 * @offset:		written by the kernel: where in the pool the struct
 *			kdbus_info is
 * @info_size:		written by the kernel: bytes of it
 * @items:		KDBUS_ITEM_NAME
 */
struct kdbus_cmd_info {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
	__u64 id;
	__u64 attach_flags;
	__u64 offset;
	__u64 info_size;
	struct kdbus_item items[];
} __KDBUS_ALIGNED;

/**
 * enum kdbus_cmd_match_flags - flags of KDBUS_CMD_MATCH_ADD
 * @KDBUS_MATCH_REPLACE:	drop rules with the same cookie
 */
enum kdbus_cmd_match_flags {
	KDBUS_MATCH_REPLACE		= 1ULL << 0,
};

/**
 * struct kdbus_cmd_match - argument of KDBUS_CMD_MATCH_ADD and
 *			    KDBUS_CMD_MATCH_REMOVE
 * @size:		bytes of this struct and its items
 * @flags:		enum kdbus_cmd_match_flags
 * @return_flags:	written by the kernel
 * @cookie:		number the caller gives to the rule
 * @items:		what a message has to meet, all of it
 */
struct kdbus_cmd_match {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
	__u64 cookie;
	struct kdbus_item items[];
} __KDBUS_ALIGNED;

/**
 * enum kdbus_make_flags - flags of KDBUS_CMD_BUS_MAKE and
 *			   KDBUS_CMD_ENDPOINT_MAKE
 * @KDBUS_MAKE_ACCESS_GROUP:	members of the group may connect
 * @KDBUS_MAKE_ACCESS_WORLD:	everyone may connect
 */
enum kdbus_make_flags {
	KDBUS_MAKE_ACCESS_GROUP		= 1ULL << 0,
	KDBUS_MAKE_ACCESS_WORLD		= 1ULL << 1,
};

/**
 * enum kdbus_name_flags - how to own a name, and how it is owned
 * @KDBUS_NAME_REPLACE_EXISTING:	in: take it from an owner who allows it
 * @KDBUS_NAME_ALLOW_REPLACEMENT:	in, out: others may take it
 * @KDBUS_NAME_QUEUE:			in, out: wait for it if it has an owner
 * @KDBUS_NAME_IN_QUEUE:		out: waits for it
 * @KDBUS_NAME_ACTIVATOR:		out: an activator has it
 * @KDBUS_NAME_PRIMARY:			out: owns it
 * @KDBUS_NAME_ACQUIRED:		out: came with this very call
 */
enum kdbus_name_flags {
	KDBUS_NAME_REPLACE_EXISTING	= 1ULL << 0,
	KDBUS_NAME_ALLOW_REPLACEMENT	= 1ULL << 1,
	KDBUS_NAME_QUEUE		= 1ULL << 2,
	KDBUS_NAME_IN_QUEUE		= 1ULL << 3,
	KDBUS_NAME_ACTIVATOR		= 1ULL << 4,
	KDBUS_NAME_PRIMARY		= 1ULL << 5,
	KDBUS_NAME_ACQUIRED		= 1ULL << 6,
};

/**
 * struct kdbus_cmd - argument of the commands that have nothing but items
 * @size:		bytes of this struct and its items
 * @flags:		flags of the command
 * @return_flags:	written by the kernel; KDBUS_CMD_NAME_ACQUIRE returns
 *			enum kdbus_name_flags
 * @items:		items of the command
 */
struct kdbus_cmd {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
	struct kdbus_item items[];
} __KDBUS_ALIGNED;

/*
 * enum kdbus_ioctl_type - commands
 * @KDBUS_CMD_BUS_MAKE:		make a bus (on "control")
 * @KDBUS_CMD_ENDPOINT_MAKE:	make another endpoint of a bus (on an endpoint)
 * @KDBUS_CMD_ENDPOINT_UPDATE:	set the policy of such an endpoint
 * @KDBUS_CMD_HELLO:		connect to a bus (on an endpoint)
 * @KDBUS_CMD_UPDATE:		change the attach flags or the policy
 * @KDBUS_CMD_BYEBYE:		disconnect, unless messages are queued
 * @KDBUS_CMD_FREE:		give memory of the pool back
 * @KDBUS_CMD_CONN_INFO:	ask about a connection
 * @KDBUS_CMD_BUS_CREATOR_INFO:	ask about who made the bus
 * @KDBUS_CMD_LIST:		list connections and names
 * @KDBUS_CMD_SEND:		send a message
 * @KDBUS_CMD_RECV:		receive a message
 * @KDBUS_CMD_NAME_ACQUIRE:	own a well-known name
 * @KDBUS_CMD_NAME_RELEASE:	give it up
 * @KDBUS_CMD_MATCH_ADD:	subscribe to broadcasts
 * @KDBUS_CMD_MATCH_REMOVE:	end subscriptions
 *
 * Whether a command reads or writes its argument cannot be told from the
 * direction in its number: all do both.
 */
enum kdbus_ioctl_type {
	KDBUS_CMD_BUS_MAKE =
		_IOW(KDBUS_IOCTL_MAGIC, 0x00, struct kdbus_cmd),
	KDBUS_CMD_ENDPOINT_MAKE =
		_IOW(KDBUS_IOCTL_MAGIC, 0x10, struct kdbus_cmd),
	KDBUS_CMD_ENDPOINT_UPDATE =
		_IOW(KDBUS_IOCTL_MAGIC, 0x11, struct kdbus_cmd),
	KDBUS_CMD_HELLO =
		_IOWR(KDBUS_IOCTL_MAGIC, 0x80, struct kdbus_cmd_hello),
	KDBUS_CMD_UPDATE =
		_IOW(KDBUS_IOCTL_MAGIC, 0x81, struct kdbus_cmd),
	KDBUS_CMD_BYEBYE =
		_IOW(KDBUS_IOCTL_MAGIC, 0x82, struct kdbus_cmd),
	KDBUS_CMD_FREE =
		_IOW(KDBUS_IOCTL_MAGIC, 0x83, struct kdbus_cmd_free),
	KDBUS_CMD_CONN_INFO =
		_IOR(KDBUS_IOCTL_MAGIC, 0x84, struct kdbus_cmd_info),
	KDBUS_CMD_BUS_CREATOR_INFO =
		_IOR(KDBUS_IOCTL_MAGIC, 0x85, struct kdbus_cmd_info),
	KDBUS_CMD_LIST =
		_IOR(KDBUS_IOCTL_MAGIC, 0x86, struct kdbus_cmd_list),
	KDBUS_CMD_SEND =
		_IOW(KDBUS_IOCTL_MAGIC, 0x90, struct kdbus_cmd_send),
	KDBUS_CMD_RECV =
		_IOR(KDBUS_IOCTL_MAGIC, 0x91, struct kdbus_cmd_recv),
	KDBUS_CMD_NAME_ACQUIRE =
		_IOW(KDBUS_IOCTL_MAGIC, 0xa0, struct kdbus_cmd),
	KDBUS_CMD_NAME_RELEASE =
		_IOW(KDBUS_IOCTL_MAGIC, 0xa1, struct kdbus_cmd),
	KDBUS_CMD_MATCH_ADD =
		_IOW(KDBUS_IOCTL_MAGIC, 0xb0, struct kdbus_cmd_match),
	KDBUS_CMD_MATCH_REMOVE =
		_IOW(KDBUS_IOCTL_MAGIC, 0xb1, struct kdbus_cmd_match),
};

#endif /* _UAPI_LINUX_KDBUS_H */
