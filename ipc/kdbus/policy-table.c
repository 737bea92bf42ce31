// SPDX-License-Identifier: GPL-2.0
#include "policy-table.h"

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "grammar.h"
#include "item.h"

/*
 * Sets
 */

/**
 * struct kdbus_policy_shape - what a set has room for
 * @names:	entries
 * @grants:	accesses
 * @bytes:	bytes of the names, with their NULs
 */
struct kdbus_policy_shape {
	size_t names;
	size_t grants;
	size_t bytes;
};

static void kdbus_policy_count(struct kdbus_policy_shape *shape,
			       const void *items, size_t items_size)
{
	const struct kdbus_item *item;

	memset(shape, 0, sizeof(*shape));
	kdbus_items_foreach(item, items, items_size) {
		if (item->type == KDBUS_ITEM_NAME) {
			shape->names++;
			shape->bytes += kdbus_item_payload_size(item);
		} else if (item->type == KDBUS_ITEM_POLICY_ACCESS) {
			shape->grants++;
		}
	}
}

/**
 * kdbus_policy_set_size() - how much memory a set needs
 * @items:		items that kdbus_items_parse() accepted
 * @items_size:		bytes at @items
 *
 * Context: any.
 * Return: bytes, less than three times @items_size and the size of an empty set.
 */
size_t kdbus_policy_set_size(const void *items, size_t items_size)
{
	struct kdbus_policy_shape shape;

	kdbus_policy_count(&shape, items, items_size);
	return sizeof(struct kdbus_policy_set) +
	       shape.names * sizeof(struct kdbus_policy_entry) +
	       shape.grants * sizeof(struct kdbus_policy_grant) + shape.bytes;
}

static int kdbus_policy_fill_entry(struct kdbus_policy_entry *entry,
				   char *name, const struct kdbus_item *item,
				   const struct kdbus_policy_rules *rules)
{
	size_t len = kdbus_item_payload_size(item) - 1;

	if (!kdbus_name_is_valid(item->str, rules->wildcards))
		return -EINVAL;

	memcpy(name, item->str, len + 1);
	entry->wildcard = name[len - 1] == '*';
	if (entry->wildcard)
		len -= strlen(".*");
	entry->name = name;
	entry->len = len;
	entry->n_grants = 0;
	return 0;
}

static int kdbus_policy_fill_grant(struct kdbus_policy_grant *grant,
				   const struct kdbus_item *item,
				   const struct kdbus_policy_rules *rules)
{
	const struct kdbus_policy_access *access = &item->policy_access;

	if (access->access > KDBUS_POLICY_OWN)
		return -EINVAL;

	grant->id = 0;
	switch (access->type) {
	case KDBUS_POLICY_ACCESS_USER:
	case KDBUS_POLICY_ACCESS_GROUP:
		if (!rules->map_id(access->type, access->id, &grant->id))
			return -EINVAL;
		break;
	case KDBUS_POLICY_ACCESS_WORLD:
		break;
	default:
		return -EINVAL;
	}

	grant->type = access->type;
	grant->access = access->access;
	return 0;
}

/**
 * kdbus_policy_set_fill() - make a set of what user space passed
 * @set:		memory of kdbus_policy_set_size() bytes
 * @items:		items that kdbus_items_parse() accepted; all but NAME and
 *			POLICY_ACCESS are skipped
 * @items_size:		bytes at @items
 * @rules:		what is accepted
 *
 * A NAME begins an entry, the accesses behind it belong to it. Items are looked
 * at one after the other. The set is reserved then.
 *
 * Context: any that @rules->map_id may be called in. @items is not kept.
 * Return: 0; -EINVAL for an access without a name, a bad name, a bad access or
 *         an id that cannot be translated; -E2BIG for too many names.
 */
int kdbus_policy_set_fill(struct kdbus_policy_set *set, const void *items,
			  size_t items_size,
			  const struct kdbus_policy_rules *rules)
{
	struct kdbus_policy_entry *entry = NULL;
	struct kdbus_policy_shape shape;
	struct kdbus_policy_grant *grant;
	const struct kdbus_item *item;
	char *name;
	int r;

	kdbus_policy_count(&shape, items, items_size);
	set->state = KDBUS_POLICY_RESERVED;
	set->n = 0;
	grant = (void *)&set->entries[shape.names];
	name = (void *)(grant + shape.grants);

	kdbus_items_foreach(item, items, items_size) {
		if (item->type == KDBUS_ITEM_NAME) {
			if (set->n == rules->max_names)
				return -E2BIG;
			entry = &set->entries[set->n++];
			entry->set = set;
			entry->grants = grant;
			r = kdbus_policy_fill_entry(entry, name, item, rules);
			name += kdbus_item_payload_size(item);
		} else if (item->type == KDBUS_ITEM_POLICY_ACCESS) {
			if (!entry)
				return -EINVAL;
			r = kdbus_policy_fill_grant(grant++, item, rules);
			entry->n_grants++;
		} else {
			continue;
		}
		if (r < 0)
			return r;
	}

	return 0;
}

/*
 * Tables
 */

static int kdbus_policy_compare(const char *name, size_t len, bool wildcard,
				const struct kdbus_policy_entry *entry)
{
	int r = memcmp(name, entry->name, min(len, entry->len));

	if (r)
		return r;
	if (len != entry->len)
		return len < entry->len ? -1 : 1;
	return (int)wildcard - (int)entry->wildcard;
}

/* sets @pos to where the entry is, or would be */
static bool kdbus_policy_find(const struct kdbus_policy_table *table,
			      const char *name, size_t len, bool wildcard,
			      size_t *pos)
{
	size_t low = 0, high = table->n, middle;
	int r;

	while (low < high) {
		middle = low + (high - low) / 2;
		r = kdbus_policy_compare(name, len, wildcard,
					 table->entries[middle]);
		if (!r) {
			*pos = middle;
			return true;
		}
		if (r < 0)
			high = middle;
		else
			low = middle + 1;
	}

	*pos = low;
	return false;
}

/**
 * kdbus_policy_table_size() - how much memory a table needs
 * @old:	table that it is built from, or NULL
 * @with:	set that is added, or NULL
 *
 * Context: any.
 * Return: bytes.
 */
size_t kdbus_policy_table_size(const struct kdbus_policy_table *old,
			       const struct kdbus_policy_set *with)
{
	size_t n = (old ? old->n : 0) + (with ? with->n : 0);

	return sizeof(*old) + n * sizeof(*old->entries);
}

/**
 * kdbus_policy_table_build() - make a table from another one
 * @table:	memory of kdbus_policy_table_size() bytes
 * @old:	table that it is built from, or NULL
 * @without:	set of @old that is left out, or NULL
 * @with:	set that is added, or NULL
 *
 * Dead sets are left out, too. The table refers to the entries of the sets.
 *
 * Context: any; @old's sets die only under the caller's control.
 * Return: 0; -EEXIST if two entries have the same name and are both exact or
 *         both wildcards.
 */
int kdbus_policy_table_build(struct kdbus_policy_table *table,
			     const struct kdbus_policy_table *old,
			     const struct kdbus_policy_set *without,
			     const struct kdbus_policy_set *with)
{
	const struct kdbus_policy_entry *entry;
	size_t i, pos;

	table->n = 0;
	for (i = 0; old && i < old->n; i++) {
		entry = old->entries[i];
		if (entry->set != without &&
		    READ_ONCE(entry->set->state) != KDBUS_POLICY_DEAD)
			table->entries[table->n++] = entry;
	}

	for (i = 0; with && i < with->n; i++) {
		entry = &with->entries[i];
		if (kdbus_policy_find(table, entry->name, entry->len,
				      entry->wildcard, &pos))
			return -EEXIST;
		memmove(&table->entries[pos + 1], &table->entries[pos],
			(table->n - pos) * sizeof(*table->entries));
		table->entries[pos] = entry;
		table->n++;
	}

	return 0;
}

static const struct kdbus_policy_entry *
kdbus_policy_lookup(const struct kdbus_policy_table *table, const char *name,
		    size_t len, bool wildcard)
{
	const struct kdbus_policy_entry *entry;
	size_t pos;

	if (!kdbus_policy_find(table, name, len, wildcard, &pos))
		return NULL;

	entry = table->entries[pos];
	return READ_ONCE(entry->set->state) == KDBUS_POLICY_LIVE ? entry : NULL;
}

static bool kdbus_policy_applies(const struct kdbus_policy_grant *grant,
				 const struct kdbus_policy_subject *subject)
{
	switch (grant->type) {
	case KDBUS_POLICY_ACCESS_USER:
		return grant->id == subject->uid;
	case KDBUS_POLICY_ACCESS_GROUP:
		return subject->in_group(subject->cred, grant->id);
	default:
		return true;
	}
}

/**
 * kdbus_policy_table_query() - ask what somebody may do with a name
 * @table:	table, or NULL
 * @name:	well-known name
 * @subject:	who
 *
 * One entry decides: the one for this very name or, if there is none, the
 * wildcard that differs from it in the last element only.
 *
 * Context: any that @subject->in_group may be called in.
 * Return: the highest access that is granted, or KDBUS_POLICY_NONE.
 */
int kdbus_policy_table_query(const struct kdbus_policy_table *table,
			     const char *name,
			     const struct kdbus_policy_subject *subject)
{
	const struct kdbus_policy_entry *entry;
	int best = KDBUS_POLICY_NONE;
	size_t i, len;

	if (!table || !table->n)
		return KDBUS_POLICY_NONE;

	len = strlen(name);
	entry = kdbus_policy_lookup(table, name, len, false);
	if (!entry) {
		while (len > 0 && name[len - 1] != '.')
			len--;
		if (len > 0)
			entry = kdbus_policy_lookup(table, name, len - 1, true);
	}
	if (!entry)
		return KDBUS_POLICY_NONE;

	for (i = 0; i < entry->n_grants && best < KDBUS_POLICY_OWN; i++) {
		const struct kdbus_policy_grant *grant = &entry->grants[i];

		if (grant->access > best &&
		    kdbus_policy_applies(grant, subject))
			best = grant->access;
	}

	return best;
}
