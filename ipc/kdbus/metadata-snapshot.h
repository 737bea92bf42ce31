/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_METADATA_SNAPSHOT_H
#define KDBUS_METADATA_SNAPSHOT_H

/**
 * DOC: Snapshots
 *
 * What is remembered of a task for later: of who said HELLO, and of who made a
 * bus. It is never changed. What means the same to everybody is kept as items;
 * what has to be translated is kept as what it is translated from: credentials,
 * pids, and the root directory that the path of the program begins at. Nothing
 * else of the task is kept alive.
 *
 * A pretended snapshot has only what the caller made up.
 */

#include <linux/path.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "metadata.h"

struct cred;
struct pid;

/**
 * struct kdbus_meta_ids - user and group ids in the order of struct kdbus_creds
 * @uids:	real, effective, saved, file system
 * @gids:	same
 *
 * An id that is not valid is one that nobody knows.
 */
struct kdbus_meta_ids {
	kuid_t uids[4];
	kgid_t gids[4];
};

/**
 * struct kdbus_snapshot - what is remembered of a task
 * @mask:	KDBUS_ATTACH_* of what there is
 * @ids:	for CREDS
 * @cred:	for AUXGROUPS and CAPS, with a reference; NULL if there are none
 * @pids:	for PIDS: process, thread, parent process; with references. NULL
 *		for one that is not known
 * @root:	for EXE: where the path begins, with a reference; empty if there
 *		is no path
 * @size:	bytes of @items, without the padding of the last item
 * @items:	all other items. CGROUP is absolute, the login uid in AUDIT that
 *		of the initial user namespace
 */
struct kdbus_snapshot {
	u64 mask;
	struct kdbus_meta_ids ids;
	const struct cred *cred;
	struct pid *pids[3];
	struct path root;
	size_t size;
	u8 items[] __aligned(8);
};

struct kdbus_snapshot *kdbus_snapshot_take(u64 mask);
struct kdbus_snapshot *kdbus_snapshot_pretend(const struct kdbus_creds *creds,
					      const struct kdbus_pids *pids,
					      const char *seclabel);
struct kdbus_snapshot *kdbus_snapshot_free(struct kdbus_snapshot *snapshot);
void kdbus_snapshot_render(const struct kdbus_snapshot *snapshot,
			   struct kdbus_meta *meta,
			   const struct kdbus_meta_view *view, u64 mask);

#endif
