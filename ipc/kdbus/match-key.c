// SPDX-License-Identifier: GPL-2.0
#include "match-key.h"

#include <linux/jhash.h>
#include <linux/string.h>

#include "item.h"

/* names with the same hash share a key, which costs time and nothing else */
static u64 kdbus_match_name_hash(const char *name, u32 seed)
{
	return jhash(name, strlen(name), seed);
}

/* one is enough: the first that is better than nothing */
static void kdbus_match_key_set(struct kdbus_match_key *key,
				enum kdbus_match_by by, u64 value)
{
	if (key->by != KDBUS_MATCH_BY_NONE)
		return;

	key->by = by;
	key->value = value;
}

static void kdbus_match_key_set_id(struct kdbus_match_key *key,
				   enum kdbus_match_by by, u64 id)
{
	if (id != KDBUS_MATCH_ID_ANY)
		kdbus_match_key_set(key, by, id);
}

static void kdbus_match_key_of_change(struct kdbus_match_key *key,
				      const struct kdbus_item *rule, u32 seed)
{
	const struct kdbus_notify_name_change *change = &rule->name_change;

	if (kdbus_item_payload_size(rule) > sizeof(*change))
		kdbus_match_key_set(key, KDBUS_MATCH_BY_NAME,
				    kdbus_match_name_hash(change->name, seed));

	/* nobody has a name before it is added or after it was removed */
	if (rule->type != KDBUS_ITEM_NAME_ADD)
		kdbus_match_key_set_id(key, KDBUS_MATCH_BY_OLD_ID,
				       change->old_id.id);
	if (rule->type != KDBUS_ITEM_NAME_REMOVE)
		kdbus_match_key_set_id(key, KDBUS_MATCH_BY_NEW_ID,
				       change->new_id.id);
}

/* the type of what a rule fits */
static u64 kdbus_match_type(const struct kdbus_item *rule)
{
	switch (rule->type) {
	case KDBUS_ITEM_BLOOM_MASK:
	case KDBUS_ITEM_ID:
	case KDBUS_ITEM_DST_ID:
	case KDBUS_ITEM_NAME:
		return 0;
	default:
		return rule->type;
	}
}

/**
 * kdbus_match_key_of_rules() - choose the key of an entry
 * @key:	filled in
 * @rules:	rules made by kdbus_match_rules_copy()
 * @rules_size:	bytes at @rules
 * @seed:	of hashes of names
 *
 * Context: any.
 * Return: true; false if no broadcast and no notification can fit the rules:
 *         they ask for different kinds, or for a message to one receiver. Then
 *         @key is undefined.
 */
bool kdbus_match_key_of_rules(struct kdbus_match_key *key, const void *rules,
			      size_t rules_size, u32 seed)
{
	const struct kdbus_item *rule;

	key->type = KDBUS_MATCH_EVERYTHING;
	key->by = KDBUS_MATCH_BY_NONE;
	key->value = 0;

	kdbus_items_foreach(rule, rules, rules_size) {
		if (key->type == KDBUS_MATCH_EVERYTHING)
			key->type = kdbus_match_type(rule);
		else if (key->type != kdbus_match_type(rule))
			return false;

		switch (rule->type) {
		case KDBUS_ITEM_ID:
			kdbus_match_key_set_id(key, KDBUS_MATCH_BY_ID,
					       rule->id);
			break;
		case KDBUS_ITEM_NAME:
			kdbus_match_key_set(key, KDBUS_MATCH_BY_NAME,
					    kdbus_match_name_hash(rule->str,
								  seed));
			break;
		case KDBUS_ITEM_DST_ID:
			if (rule->id != KDBUS_DST_ID_BROADCAST)
				return false;
			break;
		case KDBUS_ITEM_ID_ADD:
		case KDBUS_ITEM_ID_REMOVE:
			kdbus_match_key_set_id(key, KDBUS_MATCH_BY_ID,
					       rule->id_change.id);
			break;
		case KDBUS_ITEM_NAME_ADD:
		case KDBUS_ITEM_NAME_REMOVE:
		case KDBUS_ITEM_NAME_CHANGE:
			kdbus_match_key_of_change(key, rule, seed);
			break;
		}
	}

	return true;
}

/**
 * kdbus_match_keys_of_facts() - find the keys to look a signal up under
 * @keys:	room for KDBUS_MATCH_MAX_KEYS; filled in
 * @facts:	broadcast or notification
 * @seed:	of hashes of names
 *
 * Those of the names that the sender of a broadcast owns come on top of these.
 *
 * Context: any.
 * Return: number of keys; they are all different.
 */
size_t kdbus_match_keys_of_facts(struct kdbus_match_key *keys,
				 const struct kdbus_match_facts *facts,
				 u32 seed)
{
	u64 type = facts->notification;
	size_t n = 0;

#define ADD(_type, _by, _value)						\
	(keys[n++] = (struct kdbus_match_key){				\
		.type = (_type), .by = (_by), .value = (_value) })

	ADD(KDBUS_MATCH_EVERYTHING, KDBUS_MATCH_BY_NONE, 0);
	ADD(type, KDBUS_MATCH_BY_NONE, 0);

	switch (type) {
	case 0:
		ADD(type, KDBUS_MATCH_BY_ID, facts->src_id);
		break;
	case KDBUS_ITEM_ID_ADD:
		ADD(type, KDBUS_MATCH_BY_ID, facts->new_id);
		break;
	case KDBUS_ITEM_ID_REMOVE:
		ADD(type, KDBUS_MATCH_BY_ID, facts->old_id);
		break;
	default:
		ADD(type, KDBUS_MATCH_BY_NAME,
		    kdbus_match_name_hash(facts->name, seed));
		ADD(type, KDBUS_MATCH_BY_OLD_ID, facts->old_id);
		ADD(type, KDBUS_MATCH_BY_NEW_ID, facts->new_id);
		break;
	}
#undef ADD

	return n;
}

/**
 * kdbus_match_key_of_name() - find the key for a name of the sender
 * @key:	filled in
 * @name:	well-known name
 * @seed:	of hashes of names
 *
 * Context: any.
 */
void kdbus_match_key_of_name(struct kdbus_match_key *key, const char *name,
			     u32 seed)
{
	key->type = 0;
	key->by = KDBUS_MATCH_BY_NAME;
	key->value = kdbus_match_name_hash(name, seed);
}
