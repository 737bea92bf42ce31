/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_METADATA_CACHE_H
#define KDBUS_METADATA_CACHE_H

/**
 * DOC: What a connection keeps between two messages
 *
 * Private to the metadata files. A sending connection keeps one cache: the
 * memory that images are made in, and texts that took long to make. A text is
 * kept with all that it was made from, and used again only if that is proven
 * to be the same: a number that is never given twice, or an object that the
 * cache has a reference on. What changes without a trace, such as security
 * labels, is not kept.
 *
 * A task that sends takes the cache off the connection and puts it back, so
 * that it is its only user meanwhile. Who finds none does without what is kept.
 */

#include <linux/types.h>

struct file;
struct path;

/* longest texts that are kept, with NUL */
#define KDBUS_META_CACHE_CGROUP	192
#define KDBUS_META_CACHE_EXE	256

/* bytes of an image: enough for all that is usual */
#define KDBUS_META_CACHE_DATA	1408

/**
 * struct kdbus_meta_cache - what a connection keeps between two messages
 * @cgroup:		id of the cgroup that @cgroup_path is of, 0 for none
 * @cgroup_root:	id of the cgroup that @cgroup_path begins at, 0 for the
 *			root of the hierarchy
 * @cgroup_size:	bytes at @cgroup_path, with NUL
 * @exe:		program that @exe_path is of, with a reference; or NULL
 * @exe_seq:		what the kernel's count of renames was
 * @exe_time:		when @exe_path was made, in jiffies
 * @exe_size:		bytes at @exe_path, with NUL
 * @cgroup_path:	path of a cgroup
 * @exe_path:		path of a program, from the root of the mount it is in
 * @data:		memory for an image
 */
struct kdbus_meta_cache {
	u64 cgroup;
	u64 cgroup_root;
	u32 cgroup_size;
	u32 exe_size;
	struct file *exe;
	unsigned long exe_time;
	unsigned int exe_seq;
	char cgroup_path[KDBUS_META_CACHE_CGROUP];
	char exe_path[KDBUS_META_CACHE_EXE];
	u64 data[KDBUS_META_CACHE_DATA / sizeof(u64)];
};

struct kdbus_meta_cache *
kdbus_meta_cache_take(struct kdbus_meta_cache **slot);
void kdbus_meta_cache_put(struct kdbus_meta_cache **slot,
			  struct kdbus_meta_cache *cache);

#endif
