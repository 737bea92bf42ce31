// SPDX-License-Identifier: GPL-2.0
#include "match-rule.h"

#include <linux/errno.h>
#include <linux/string.h>

#include "grammar.h"
#include "item.h"

static bool kdbus_match_id(u64 rule, u64 id)
{
	return rule == KDBUS_MATCH_ID_ANY || rule == id;
}

/*
 * A mask holds one block for each generation of filters that the receiver
 * knows; newer filters are compared with the last one. A filter may have more
 * bits than the mask asks for.
 */
static bool kdbus_match_bloom(const struct kdbus_item *rule, size_t bloom_size,
			      const struct kdbus_bloom_filter *filter)
{
	u64 n_blocks = kdbus_item_payload_size(rule) / bloom_size;
	size_t n_words = bloom_size / sizeof(u64);
	const __u64 *mask = rule->data64;
	size_t i;

	mask += min_t(u64, filter->generation, n_blocks - 1) * n_words;

	for (i = 0; i < n_words; i++)
		if ((filter->data[i] & mask[i]) != mask[i])
			return false;

	return true;
}

static bool kdbus_match_message(const struct kdbus_item *rule,
				size_t bloom_size,
				const struct kdbus_match_facts *facts)
{
	switch (rule->type) {
	case KDBUS_ITEM_BLOOM_MASK:
		return kdbus_match_bloom(rule, bloom_size, facts->bloom);
	case KDBUS_ITEM_ID:
		return kdbus_match_id(rule->id, facts->src_id);
	case KDBUS_ITEM_DST_ID:
		return kdbus_match_id(rule->id, facts->dst_id);
	case KDBUS_ITEM_NAME:
		return facts->owns_name &&
		       facts->owns_name(facts->owner, rule->str);
	default:
		return false;
	}
}

static bool kdbus_match_name_change(const struct kdbus_item *rule,
				    const struct kdbus_match_facts *facts)
{
	const struct kdbus_notify_name_change *change = &rule->name_change;

	if (!kdbus_match_id(change->old_id.id, facts->old_id) ||
	    !kdbus_match_id(change->new_id.id, facts->new_id))
		return false;
	if (kdbus_item_payload_size(rule) == sizeof(*change))
		return true;

	return strcmp(change->name, facts->name) == 0;
}

static bool kdbus_match_notification(const struct kdbus_item *rule,
				     const struct kdbus_match_facts *facts)
{
	if (rule->type != facts->notification)
		return false;

	switch (rule->type) {
	case KDBUS_ITEM_ID_ADD:
		return kdbus_match_id(rule->id_change.id, facts->new_id);
	case KDBUS_ITEM_ID_REMOVE:
		return kdbus_match_id(rule->id_change.id, facts->old_id);
	case KDBUS_ITEM_NAME_ADD:
	case KDBUS_ITEM_NAME_REMOVE:
	case KDBUS_ITEM_NAME_CHANGE:
		return kdbus_match_name_change(rule, facts);
	default:
		return false;
	}
}

/**
 * kdbus_match_rules_check() - check the rules of one entry
 * @items:		items that kdbus_items_parse() accepted for MATCH_ADD
 * @items_size:		bytes at @items
 * @bloom_size:		bytes of a bloom mask on this bus, not 0
 * @rules_size:		set to the bytes that kdbus_match_rules_copy() writes
 *
 * Context: any.
 * Return: 0; -EDOM if a bloom mask does not consist of whole masks of this bus;
 *         -EINVAL if the name of a NAME rule is no well-known name. The first
 *         item at fault decides.
 */
int kdbus_match_rules_check(const void *items, size_t items_size,
			    size_t bloom_size, size_t *rules_size)
{
	const struct kdbus_item *item;
	size_t payload;

	*rules_size = 0;
	kdbus_items_foreach(item, items, items_size) {
		payload = kdbus_item_payload_size(item);

		if (item->type == KDBUS_ITEM_NEGOTIATE)
			continue;
		if (item->type == KDBUS_ITEM_BLOOM_MASK &&
		    (payload == 0 || payload % bloom_size != 0))
			return -EDOM;
		if (item->type == KDBUS_ITEM_NAME &&
		    !kdbus_name_is_valid(item->str, false))
			return -EINVAL;

		*rules_size += KDBUS_ALIGN8(item->size);
	}

	return 0;
}

/**
 * kdbus_match_rules_copy() - make rules of items
 * @rules:		8-aligned memory, as many bytes as
 *			kdbus_match_rules_check() told
 * @items:		items that kdbus_match_rules_check() accepted
 * @items_size:		bytes at @items
 *
 * A NEGOTIATE item asks what is supported and is no rule.
 *
 * Context: any.
 */
void kdbus_match_rules_copy(void *rules, const void *items, size_t items_size)
{
	const struct kdbus_item *item;
	size_t padding;
	u8 *pos = rules;

	kdbus_items_foreach(item, items, items_size) {
		if (item->type == KDBUS_ITEM_NEGOTIATE)
			continue;

		padding = KDBUS_ALIGN8(item->size) - item->size;
		memcpy(pos, item, item->size);
		memset(pos + item->size, 0, padding);
		pos += item->size + padding;
	}
}

/**
 * kdbus_match_rules_test() - see if all rules fit a signal
 * @rules:		rules made by kdbus_match_rules_copy()
 * @rules_size:		bytes at @rules
 * @bloom_size:		bytes of a bloom mask on this bus, as they were checked
 *			with
 * @facts:		signal
 *
 * A rule for messages never fits a notification and the other way round, so
 * that an entry with both kinds never does.
 *
 * Context: any that @facts->owns_name may be called in.
 * Return: true if there is no rule that does not fit.
 */
bool kdbus_match_rules_test(const void *rules, size_t rules_size,
			    size_t bloom_size,
			    const struct kdbus_match_facts *facts)
{
	const struct kdbus_item *rule;
	bool fits;

	kdbus_items_foreach(rule, rules, rules_size) {
		fits = facts->notification ?
		       kdbus_match_notification(rule, facts) :
		       kdbus_match_message(rule, bloom_size, facts);
		if (!fits)
			return false;
	}

	return true;
}
