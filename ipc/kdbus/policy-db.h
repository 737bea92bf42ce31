/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_POLICY_DB_H
#define KDBUS_POLICY_DB_H

/**
 * DOC: Policy databases
 *
 * A bus has a database, and every custom endpoint has one of its own. Whoever
 * contributes to a database keeps his set in a slot: a policy holder or an
 * activator has one slot in the database of its bus, and an endpoint is the only
 * one that contributes to its own database.
 *
 * Readers use RCU, as a broadcast asks for many receivers and must not wait. A
 * writer builds another table (see policy-table.h) and puts it in the place of
 * the old one, in one step, so that every check sees all of an old or all of a
 * new policy. That copies eight bytes for each name in the database; policies
 * are asked much more often than changed.
 *
 * What is taken away must not need memory: the set is marked dead, and leaves
 * the table when half of it is dead or the table is built anew anyway.
 */

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct cred;
struct kdbus_policy_contribution;
struct kdbus_policy_version;

/**
 * struct kdbus_policy_db - policies of a bus or an endpoint
 * @lock:	serialises writers, guards the slots; may sleep, nests nothing
 * @version:	current table, read under RCU; NULL if there is nothing in it
 * @dead:	&struct kdbus_policy_contribution that are in the table only
 * @n_dead:	entries of those
 */
struct kdbus_policy_db {
	struct mutex lock;
	struct kdbus_policy_version __rcu *version;
	struct list_head dead;
	size_t n_dead;
};

void kdbus_policy_db_init(struct kdbus_policy_db *db);
void kdbus_policy_db_deinit(struct kdbus_policy_db *db);

struct kdbus_policy_contribution *
kdbus_policy_parse(const void *items, size_t items_size, size_t max_names,
		   bool wildcards);
void kdbus_policy_free(struct kdbus_policy_contribution *contribution);

int kdbus_policy_db_set(struct kdbus_policy_db *db,
			struct kdbus_policy_contribution **slot,
			struct kdbus_policy_contribution *contribution,
			bool live);
void kdbus_policy_db_enable(struct kdbus_policy_contribution *contribution);
void kdbus_policy_db_disable(struct kdbus_policy_contribution *contribution);
void kdbus_policy_db_clear(struct kdbus_policy_db *db,
			   struct kdbus_policy_contribution **slot);

const struct kdbus_policy_version *
kdbus_policy_db_read(const struct kdbus_policy_db *db);
int kdbus_policy_query(const struct kdbus_policy_version *version,
		       const struct cred *cred, const char *name);

#endif
