/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_POLICY_H
#define KDBUS_POLICY_H

/**
 * DOC: Policy
 *
 * Who may talk to whom and who may own names. The owner of a bus may do both
 * without restriction, and every user may talk to himself.
 */

#include <linux/types.h>

struct cred;
struct kdbus_conn;

bool kdbus_policy_may_own(const struct kdbus_conn *conn);
bool kdbus_policy_may_talk(const struct kdbus_conn *conn,
			   const struct cred *cred,
			   const struct kdbus_conn *peer);

#endif
