/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_POLICY_H
#define KDBUS_POLICY_H

/**
 * DOC: Policy
 *
 * Who may own a name, who may talk to whom, and who may see what. On the default
 * endpoint the owner of a bus may do all without restriction and every user may
 * talk to himself; for the rest the database of the bus decides. Through a custom
 * endpoint nothing can be done, or even seen, that the database of the endpoint
 * does not grant as well.
 *
 * Whose credentials decide is up to the caller: those of the calling task if a
 * connection does something, those that opened its endpoint if something is
 * brought to it.
 */

#include <linux/types.h>

struct cred;
struct kdbus_conn;

bool kdbus_policy_may_own(const struct kdbus_conn *conn,
			  const struct cred *cred, const char *name);
bool kdbus_policy_may_talk(const struct kdbus_conn *conn,
			   const struct cred *cred,
			   const struct kdbus_conn *peer);
bool kdbus_policy_may_see_name(const struct kdbus_conn *conn,
			       const struct cred *cred, const char *name);
bool kdbus_policy_may_see(const struct kdbus_conn *conn,
			  const struct cred *cred,
			  const struct kdbus_conn *peer);

#endif
