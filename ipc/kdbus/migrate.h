/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_MIGRATE_H
#define KDBUS_MIGRATE_H

/**
 * DOC: Migration
 *
 * An activator holds a name on behalf of a service that does not run yet. When
 * the service takes the name, the messages to the name that wait in the queue
 * of the activator move to the service, and when it leaves they move back.
 *
 * Each moved message is staged at its new receiver like a new one and then
 * committed there, with the tracker of its reply; only its number and its
 * content stay. The registry's lock is held all the time, and nobody holds the
 * name meanwhile, so that senders to the name wait: they see the move as one
 * step.
 */

struct kdbus_conn;
struct kdbus_name_entry;

void kdbus_migrate(const struct kdbus_name_entry *name,
		   struct kdbus_conn *from, struct kdbus_conn *to);
void kdbus_migrate_stragglers(const struct kdbus_name_entry *name,
			      struct kdbus_conn *from, struct kdbus_conn *to);

#endif
