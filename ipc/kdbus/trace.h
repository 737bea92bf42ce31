/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM KDBUS_TRACE_SYSTEM

#if !defined(KDBUS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KDBUS_TRACE_H

/**
 * DOC: Trace events
 *
 * What happens on a bus, for administrators: /sys/kernel/tracing/events/kdbus.
 * Connections are told by their ids, which are unique in a domain. An event that
 * is switched off costs one instruction.
 */

#include <linux/tracepoint.h>
#include <linux/types.h>
#include <linux/kdbus.h>

#include "compat.h"

/* a SEND whose message could be read, and how it ended */
TRACE_EVENT(kdbus_send,
	TP_PROTO(const struct kdbus_msg *msg, u64 src_id, int result),
	TP_ARGS(msg, src_id, result),
	TP_STRUCT__entry(
		__field(u64, src)
		__field(u64, dst)
		__field(u64, cookie)
		__field(u64, cookie_reply)
		__field(u64, flags)
		__field(u64, payload_type)
		__field(s64, priority)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->src = src_id;
		__entry->dst = msg->dst_id;
		__entry->cookie = msg->cookie;
		__entry->cookie_reply = msg->cookie_reply;
		__entry->flags = msg->flags;
		__entry->payload_type = msg->payload_type;
		__entry->priority = msg->priority;
		__entry->result = result;
	),
	TP_printk("src=%llu dst=%lld cookie=%llu cookie_reply=%llu flags=0x%llx payload_type=0x%llx priority=%lld result=%d",
		  __entry->src, (s64)__entry->dst, __entry->cookie,
		  __entry->cookie_reply, __entry->flags, __entry->payload_type,
		  __entry->priority, __entry->result)
);

DECLARE_EVENT_CLASS(kdbus_entry,
	TP_PROTO(u64 dst_id, u64 seqnum),
	TP_ARGS(dst_id, seqnum),
	TP_STRUCT__entry(
		__field(u64, dst)
		__field(u64, seqnum)
	),
	TP_fast_assign(
		__entry->dst = dst_id;
		__entry->seqnum = seqnum;
	),
	TP_printk("dst=%llu seqnum=%llu", __entry->dst, __entry->seqnum)
);

/* a message came into a queue */
DEFINE_EVENT(kdbus_entry, kdbus_deliver,
	TP_PROTO(u64 dst_id, u64 seqnum),
	TP_ARGS(dst_id, seqnum));

/* a message left a queue because a task received it */
DEFINE_EVENT(kdbus_entry, kdbus_receive,
	TP_PROTO(u64 dst_id, u64 seqnum),
	TP_ARGS(dst_id, seqnum));

/* a message was lost, and the receiver learns of it */
TRACE_EVENT(kdbus_lost,
	TP_PROTO(u64 dst_id),
	TP_ARGS(dst_id),
	TP_STRUCT__entry(__field(u64, dst)),
	TP_fast_assign(__entry->dst = dst_id;),
	TP_printk("dst=%llu", __entry->dst)
);

/* a policy or a security hook did not let a connection talk to another one */
TRACE_EVENT(kdbus_deny_talk,
	TP_PROTO(u64 src_id, u64 dst_id),
	TP_ARGS(src_id, dst_id),
	TP_STRUCT__entry(
		__field(u64, src)
		__field(u64, dst)
	),
	TP_fast_assign(
		__entry->src = src_id;
		__entry->dst = dst_id;
	),
	TP_printk("src=%llu dst=%llu", __entry->src, __entry->dst)
);

/* a policy or a security hook did not let a connection own a name */
TRACE_EVENT(kdbus_deny_own,
	TP_PROTO(u64 id, const char *name),
	TP_ARGS(id, name),
	TP_STRUCT__entry(
		__field(u64, id)
		__string(name, name)
	),
	TP_fast_assign(
		__entry->id = id;
		kdbus_trace_assign_str(name, name);
	),
	TP_printk("id=%llu name=%s", __entry->id, __get_str(name))
);

DECLARE_EVENT_CLASS(kdbus_connection,
	TP_PROTO(u64 bus_id, u64 id, u64 flags),
	TP_ARGS(bus_id, id, flags),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, id)
		__field(u64, flags)
	),
	TP_fast_assign(
		__entry->bus = bus_id;
		__entry->id = id;
		__entry->flags = flags;
	),
	TP_printk("bus=%llu id=%llu flags=0x%llx", __entry->bus, __entry->id,
		  __entry->flags)
);

DEFINE_EVENT(kdbus_connection, kdbus_connect,
	TP_PROTO(u64 bus_id, u64 id, u64 flags),
	TP_ARGS(bus_id, id, flags));

DEFINE_EVENT(kdbus_connection, kdbus_disconnect,
	TP_PROTO(u64 bus_id, u64 id, u64 flags),
	TP_ARGS(bus_id, id, flags));

/* a name has another holder; 0 is nobody */
TRACE_EVENT(kdbus_name,
	TP_PROTO(u64 bus_id, const char *name, u64 old_id, u64 new_id),
	TP_ARGS(bus_id, name, old_id, new_id),
	TP_STRUCT__entry(
		__field(u64, bus)
		__string(name, name)
		__field(u64, old_id)
		__field(u64, new_id)
	),
	TP_fast_assign(
		__entry->bus = bus_id;
		kdbus_trace_assign_str(name, name);
		__entry->old_id = old_id;
		__entry->new_id = new_id;
	),
	TP_printk("bus=%llu name=%s old=%llu new=%llu", __entry->bus,
		  __get_str(name), __entry->old_id, __entry->new_id)
);

/* a bus was made; uid is that of the task, in the first user namespace */
TRACE_EVENT(kdbus_bus,
	TP_PROTO(u64 id, const char *name, u32 uid),
	TP_ARGS(id, name, uid),
	TP_STRUCT__entry(
		__field(u64, id)
		__string(name, name)
		__field(u32, uid)
	),
	TP_fast_assign(
		__entry->id = id;
		kdbus_trace_assign_str(name, name);
		__entry->uid = uid;
	),
	TP_printk("id=%llu name=%s uid=%u", __entry->id, __get_str(name),
		  __entry->uid)
);

/*
 * a limit refused something; uid is who is charged: for a custom endpoint who
 * made it, -1 for messages of the kernel
 */
TRACE_EVENT(kdbus_limit,
	TP_PROTO(const char *limit, u32 uid),
	TP_ARGS(limit, uid),
	TP_STRUCT__entry(
		__string(limit, limit)
		__field(u32, uid)
	),
	TP_fast_assign(
		kdbus_trace_assign_str(limit, limit);
		__entry->uid = uid;
	),
	TP_printk("limit=%s uid=%d", __get_str(limit), (int)__entry->uid)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
