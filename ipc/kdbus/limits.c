// SPDX-License-Identifier: GPL-2.0
#include "limits.h"

#include <linux/moduleparam.h>

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
