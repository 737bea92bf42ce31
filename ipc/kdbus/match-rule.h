/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_MATCH_RULE_H
#define KDBUS_MATCH_RULE_H

/**
 * DOC: Match rules
 *
 * A rule is an item as MATCH_ADD passes it; a list of rules is a sequence of
 * such items. It fits a signal if every one of its rules does. Everything here
 * is a pure function of its arguments: no lock, no kernel object, callable from
 * any context and tested on its own in user space.
 */

#include <linux/types.h>
#include <linux/kdbus.h>

/**
 * struct kdbus_match_facts - what rules are compared with
 * @notification:	0 for a message from a connection, else the type of
 *			the kernel's notification (KDBUS_ITEM_NAME_ADD ...)
 * @src_id:		sender
 * @dst_id:		dst_id of the message as sent
 * @bloom:		filter of the message
 * @owns_name:		tells whether the sender owns a name now, or NULL
 * @owner:		first argument of @owns_name
 * @old_id:		notifications: id that was
 * @new_id:		notifications: id that is
 * @name:		notifications: name that changed hands
 */
struct kdbus_match_facts {
	u64 notification;
	u64 src_id;
	u64 dst_id;
	const struct kdbus_bloom_filter *bloom;
	bool (*owns_name)(const void *owner, const char *name);
	const void *owner;
	u64 old_id;
	u64 new_id;
	const char *name;
};

int kdbus_match_rules_check(const void *items, size_t items_size,
			    size_t bloom_size, size_t *rules_size);
void kdbus_match_rules_copy(void *rules, const void *items, size_t items_size);
bool kdbus_match_rules_test(const void *rules, size_t rules_size,
			    size_t bloom_size,
			    const struct kdbus_match_facts *facts);

#endif
