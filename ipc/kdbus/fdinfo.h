/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_FDINFO_H
#define KDBUS_FDINFO_H

/**
 * DOC: What /proc tells of a handle
 *
 * Lines in /proc/PID/fdinfo/FD, for who may look at the descriptors of the task.
 */

struct kdbus_bus;
struct kdbus_conn;
struct kdbus_endpoint;
struct seq_file;

void kdbus_fdinfo_bus(struct seq_file *m, const struct kdbus_bus *bus);
void kdbus_fdinfo_endpoint(struct seq_file *m, const struct kdbus_endpoint *ep);
void kdbus_fdinfo_conn(struct seq_file *m, struct kdbus_conn *conn);

#endif
