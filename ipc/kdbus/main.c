// SPDX-License-Identifier: GPL-2.0
/*
 * kdbus - interprocess message router
 */

#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sysfs.h>

#include "fs.h"
#include "node.h"
#include "pool.h"
#include "queue.h"
#include "reply.h"

/* what all mounts share */
static int __init kdbus_init_caches(void)
{
	int r;

	r = kdbus_pool_init();
	if (r < 0)
		return r;

	r = kdbus_queue_module_init();
	if (r < 0)
		goto exit_pool;

	r = kdbus_reply_module_init();
	if (r < 0)
		goto exit_queue;

	return 0;

exit_queue:
	kdbus_queue_module_exit();
exit_pool:
	kdbus_pool_exit();
	return r;
}

static void kdbus_exit_caches(void)
{
	/* connections are freed after a grace period, by our own code */
	rcu_barrier();
	kdbus_reply_module_exit();
	kdbus_queue_module_exit();
	kdbus_pool_exit();
	kdbus_node_exit();
}

static int __init kdbus_init(void)
{
	int r;

	r = kdbus_init_caches();
	if (r < 0)
		return r;

	/* an empty directory in sysfs, so that containers may mount sysfs */
	r = sysfs_create_mount_point(fs_kobj, KBUILD_MODNAME);
	if (r < 0)
		goto exit_caches;

	r = kdbus_fs_init();
	if (r < 0)
		goto exit_mount_point;

	return 0;

exit_mount_point:
	sysfs_remove_mount_point(fs_kobj, KBUILD_MODNAME);
exit_caches:
	kdbus_exit_caches();
	return r;
}

static void __exit kdbus_exit(void)
{
	kdbus_fs_exit();
	sysfs_remove_mount_point(fs_kobj, KBUILD_MODNAME);
	kdbus_exit_caches();
}

module_init(kdbus_init);
module_exit(kdbus_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Interprocess message router");
