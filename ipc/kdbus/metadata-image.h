/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_METADATA_IMAGE_H
#define KDBUS_METADATA_IMAGE_H

/**
 * DOC: Metadata images
 *
 * Private to the metadata files. An image grows item by item: an item is begun
 * with the most that its payload may need, written in place, and ended with
 * what it took. An item that is begun and not ended leaves no trace.
 *
 * Each function that adds an item adds nothing if there is no memory or nothing
 * to tell.
 */

#include "metadata.h"

struct kdbus_meta_ids;

/* room for a path that is tried before PATH_MAX: most are short */
#define KDBUS_META_PATH_MIN	192

void *kdbus_meta_begin(struct kdbus_meta *meta, size_t max);
void kdbus_meta_end(struct kdbus_meta *meta, u64 type, size_t payload);
void kdbus_meta_add_string(struct kdbus_meta *meta, u64 type, const char *str);
void kdbus_meta_add_items(struct kdbus_meta *meta, const void *items,
			  size_t size);

void kdbus_meta_add_creds(struct kdbus_meta *meta,
			  const struct kdbus_meta_view *view,
			  const struct cred *cred);
void kdbus_meta_add_ids(struct kdbus_meta *meta,
			const struct kdbus_meta_view *view,
			const struct kdbus_meta_ids *ids);
void kdbus_meta_add_auxgroups(struct kdbus_meta *meta,
			      const struct kdbus_meta_view *view,
			      const struct cred *cred);
void kdbus_meta_add_caps(struct kdbus_meta *meta,
			 const struct kdbus_meta_view *view,
			 const struct cred *cred);

void kdbus_meta_add_pids(struct kdbus_meta *meta,
			 const struct kdbus_meta_view *view);
void kdbus_meta_add_tid_comm(struct kdbus_meta *meta);
void kdbus_meta_add_pid_comm(struct kdbus_meta *meta);
void kdbus_meta_add_exe(struct kdbus_meta *meta,
			const struct kdbus_meta_view *view);
void kdbus_meta_add_cmdline(struct kdbus_meta *meta);
void kdbus_meta_add_cgroup(struct kdbus_meta *meta,
			   const struct kdbus_meta_view *view);
void kdbus_meta_add_relative_cgroup(struct kdbus_meta *meta,
				    const struct kdbus_meta_view *view,
				    const char *path);
void kdbus_meta_add_seclabel(struct kdbus_meta *meta);
void kdbus_meta_add_audit(struct kdbus_meta *meta,
			  const struct kdbus_meta_view *view);

#endif
