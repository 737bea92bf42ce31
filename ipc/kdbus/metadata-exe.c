// SPDX-License-Identifier: GPL-2.0
#include <linux/atomic.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/mm_types.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seqlock.h>
#include <linux/string.h>

#include "compat.h"
#include "item.h"
#include "metadata-cache.h"
#include "metadata-image.h"

/*
 * The program, without a reference if the calling task is the only one that
 * uses its memory: nobody else can replace the program then. Who did so last has
 * given the memory back since, which is to be seen before the program is.
 */
static struct file *kdbus_meta_get_exe(struct mm_struct *mm, bool *borrowed)
{
	struct file *exe;

	*borrowed = atomic_read_acquire(&mm->mm_users) == 1;
	if (*borrowed)
		return rcu_dereference_protected(mm->exe_file, true);

	rcu_read_lock();
	exe = kdbus_get_exe_file(mm);
	rcu_read_unlock();
	return exe;
}

/*
 * A path is told as it is seen from the caller's root, so that the receiver has
 * to have the same.
 */
static bool kdbus_meta_root_is_common(const struct path *root)
{
	const struct path *own = &current->fs->root;

	return READ_ONCE(own->mnt) == root->mnt &&
	       READ_ONCE(own->dentry) == root->dentry;
}

/* all of a mount is below its root */
static bool kdbus_meta_path_is_of_root_mount(const struct path *path,
					     const struct path *root)
{
	return path->mnt == root->mnt && root->dentry == root->mnt->mnt_root;
}

static bool kdbus_meta_path_is_below(const struct path *path,
				     const struct path *root)
{
	/* no need for the mount lock, mostly */
	return kdbus_meta_path_is_of_root_mount(path, root) ||
	       path_is_under(path, root);
}

static bool kdbus_meta_add_path(struct kdbus_meta *meta, u64 type,
				const struct path *path)
{
	size_t size, max = KDBUS_META_PATH_MIN;
	char *payload, *str;

retry:
	payload = kdbus_meta_begin(meta, max);
	if (!payload)
		return false;

	str = d_path(path, payload, max);
	if (str == ERR_PTR(-ENAMETOOLONG) && max < PATH_MAX) {
		max = PATH_MAX;
		goto retry;
	}
	if (IS_ERR(str))
		return false;

	/* it was written to the end of the buffer */
	size = payload + max - str;
	memmove(payload, str, size);
	kdbus_meta_end(meta, type, size);
	return true;
}

/*
 * What was kept is right if it is of the same file and nothing in the system
 * was renamed since: the count of renames, which is @seq now, tells. Mounts do
 * not matter: the path begins at the root of the mount that the file is in, and
 * that is the root of the view. After a second the count of renames could be at
 * the same value again.
 */
static bool kdbus_meta_add_kept_exe(struct kdbus_meta *meta,
				    const struct mm_struct *mm,
				    const struct path *root, unsigned int seq)
{
	const struct kdbus_meta_cache *cache = meta->cache;
	const struct path *path;
	char *payload;

	if (!cache || !cache->exe ||
	    cache->exe != rcu_access_pointer(mm->exe_file))
		return false;

	path = &cache->exe->f_path;
	if (!kdbus_meta_path_is_of_root_mount(path, root) ||
	    time_after(jiffies, cache->exe_time + HZ) ||
	    cache->exe_seq != seq ||
	    d_unlinked(path->dentry))
		return false;

	payload = kdbus_meta_begin(meta, cache->exe_size);
	if (!payload)
		return false;

	memcpy(payload, cache->exe_path, cache->exe_size);
	kdbus_meta_end(meta, KDBUS_ITEM_EXE, cache->exe_size);
	return true;
}

/* what is of no use any more must not keep its mount busy */
static void kdbus_meta_forget_exe(struct kdbus_meta_cache *cache,
				  const struct mm_struct *mm,
				  const struct path *root)
{
	if (cache && cache->exe &&
	    (cache->exe != rcu_access_pointer(mm->exe_file) ||
	     cache->exe->f_path.mnt != root->mnt)) {
		fput(cache->exe);
		cache->exe = NULL;
	}
}

/*
 * Keep the path of @exe, which is at @offset of the image, and was begun when
 * the count of renames was @seq. To keep the file keeps its mount busy, which is
 * the root of the receiver and of the sender.
 */
static void kdbus_meta_keep_exe(struct kdbus_meta *meta, struct file *exe,
				const struct path *root, size_t offset,
				unsigned int seq)
{
	static const char deleted[] = " (deleted)";
	struct kdbus_meta_cache *cache = meta->cache;
	const struct kdbus_item *item = (void *)(meta->data + offset);
	size_t size = kdbus_item_payload_size(item);

	if (!cache || size > sizeof(cache->exe_path) ||
	    !kdbus_meta_path_is_of_root_mount(&exe->f_path, root))
		return;
	/* odd: renaming something at that time */
	if (seq % 2 || read_seqcount_retry(&rename_lock.seqcount, seq))
		return;
	if (size >= sizeof(deleted) &&
	    !memcmp(item->str + size - sizeof(deleted), deleted,
		    sizeof(deleted)))
		return;

	memcpy(cache->exe_path, item->str, size);
	cache->exe_size = size;
	cache->exe_seq = seq;
	cache->exe_time = jiffies;
	if (cache->exe != exe) {
		if (cache->exe)
			fput(cache->exe);
		cache->exe = get_file(exe);
	}
}

/**
 * kdbus_meta_add_exe() - add the path of the calling process' program
 * @meta:	metadata
 * @view:	view of the receiver
 *
 * Adds nothing if the path would not mean the same to the receiver: if it has
 * another root, or if the program is not below that, as what is in a mount that
 * the receiver cannot see may look like anything.
 *
 * Context: may sleep.
 */
void kdbus_meta_add_exe(struct kdbus_meta *meta,
			const struct kdbus_meta_view *view)
{
	const struct path *root = &view->root;
	unsigned int fs_seq, rename_seq;
	size_t size = meta->size;
	struct file *exe = NULL;
	bool borrowed, is_added;

	if (!current->mm)
		return;

	kdbus_meta_forget_exe(meta->cache, current->mm, root);

	/*
	 * The root is the caller's, who is not to be trusted: its other threads
	 * may go to another one and back while the path is made.
	 */
	fs_seq = kdbus_fs_root_begin(current->fs);
	rename_seq = raw_read_seqcount(&rename_lock.seqcount);
	if (kdbus_meta_root_is_common(root) &&
	    !kdbus_meta_add_kept_exe(meta, current->mm, root, rename_seq))
		exe = kdbus_meta_get_exe(current->mm, &borrowed);
	is_added = exe && kdbus_meta_path_is_below(&exe->f_path, root) &&
		   kdbus_meta_add_path(meta, KDBUS_ITEM_EXE, &exe->f_path);

	if (kdbus_fs_root_retry(current->fs, fs_seq))
		meta->size = size;
	else if (is_added)
		kdbus_meta_keep_exe(meta, exe, root, KDBUS_ALIGN8(size),
				    rename_seq);
	if (exe && !borrowed)
		fput(exe);
}
