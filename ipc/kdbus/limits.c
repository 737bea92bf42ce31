// SPDX-License-Identifier: GPL-2.0
#include "limits.h"

#include <linux/bitops.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/uidgid.h>

#include "trace.h"
#include "user.h"

unsigned int kdbus_max_payload = SZ_64M;
module_param_named(max_payload, kdbus_max_payload, uint, 0644);
MODULE_PARM_DESC(max_payload, "Bytes of payload stored per message");

unsigned int kdbus_max_pool = SZ_128M;
module_param_named(max_pool, kdbus_max_pool, uint, 0644);
MODULE_PARM_DESC(max_pool, "Bytes of the pool of one connection");

unsigned int kdbus_max_buses_per_user = 16;
module_param_named(max_buses_per_user, kdbus_max_buses_per_user, uint, 0644);
MODULE_PARM_DESC(max_buses_per_user, "Buses of one user in one domain");

unsigned int kdbus_max_conns_per_user = 1024;
module_param_named(max_conns_per_user, kdbus_max_conns_per_user, uint, 0644);
MODULE_PARM_DESC(max_conns_per_user, "Connections of one user in one domain");

unsigned int kdbus_max_endpoints_per_bus = 1024;
module_param_named(max_endpoints_per_bus, kdbus_max_endpoints_per_bus, uint,
		   0644);
MODULE_PARM_DESC(max_endpoints_per_bus, "Custom endpoints of one bus");

unsigned int kdbus_max_files_per_user = 4096;
module_param_named(max_files_per_user, kdbus_max_files_per_user, uint, 0644);
MODULE_PARM_DESC(max_files_per_user,
		 "Files in queued messages of one user in one domain");

static const char *const kdbus_limit_names[] = {
	[KDBUS_LIMIT_BUSES] = "max_buses_per_user",
	[KDBUS_LIMIT_CONNS] = "max_conns_per_user",
	[KDBUS_LIMIT_ENDPOINTS] = "max_endpoints_per_bus",
	[KDBUS_LIMIT_FILES] = "max_files_per_user",
	[KDBUS_LIMIT_PAYLOAD] = "max_payload",
	[KDBUS_LIMIT_MATCHES] = "matches of a connection",
	[KDBUS_LIMIT_NAMES] = "names of a connection",
	[KDBUS_LIMIT_REQUESTS] = "open requests of a connection",
	[KDBUS_LIMIT_QUEUE] = "messages or bytes queued at a receiver",
	[KDBUS_LIMIT_QUEUE_FDS] = "descriptors queued at a receiver",
	[KDBUS_LIMIT_POOL] = "size of a pool",
};

/**
 * kdbus_limit_refused() - tell the administrator that a limit was reached
 * @user:	who is charged for what was refused
 * @limit:	limit
 *
 * Each user is told of once for each limit, for as long as something is charged
 * to it, and there is a limit for all of them.
 *
 * Context: any.
 */
void kdbus_limit_refused(struct kdbus_user *user, enum kdbus_limit limit)
{
	const char *name = kdbus_limit_names[limit];
	uid_t uid;

	/* custom endpoints and the kernel are no users; these have no uid */
	user = user->payer ?: user;
	uid = __kuid_val(user->uid);
	trace_kdbus_limit(name, uid);

	if (!test_bit(limit, &user->told) &&
	    !test_and_set_bit(limit, &user->told))
		pr_notice_ratelimited("%s: user %d reached a limit: %s\n",
				      KBUILD_MODNAME, (int)uid, name);
}
