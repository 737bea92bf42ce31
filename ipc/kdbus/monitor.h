/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_MONITOR_H
#define KDBUS_MONITOR_H

/**
 * DOC: Monitors
 *
 * A monitor gets a copy of every message that was resolved and permitted, also
 * if its delivery fails then. It is no receiver that anybody could notice: what
 * it cannot take is its own loss.
 */

#include "bus.h"

struct kdbus_conn;
struct kdbus_message;

int kdbus_monitor_stage(struct kdbus_message *msg, struct kdbus_bus *bus,
			struct kdbus_conn *src);
int kdbus_monitor_show(struct kdbus_message *msg, struct kdbus_bus *bus,
		       struct kdbus_conn *src);

#endif
