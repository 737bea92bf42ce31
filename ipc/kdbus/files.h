/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_FILES_H
#define KDBUS_FILES_H

/**
 * DOC: Files in messages
 *
 * Sealed memfds and other files that a message carries. References are taken
 * when the message is sent and shared by all of its receivers; numbers are
 * given when one of them receives it. They count against what the sending user
 * may have in flight from SEND until the last reference to them is gone.
 */

#include <linux/refcount.h>
#include <linux/types.h>

#include "limits.h"

struct file;
struct kdbus_message;
struct kdbus_pool;
struct kdbus_slice;
struct kdbus_user;

/**
 * struct kdbus_file_slot - a file and where its number belongs
 * @file:	file, with a reference
 * @offset:	offset in bytes of the int in the message
 * @memfd:	belongs to a MEMFD item, not to the FDS item
 */
struct kdbus_file_slot {
	struct file *file;
	u32 offset;
	bool memfd;
};

/**
 * struct kdbus_files - files of a message, constant once it is imported
 * @ref:	references
 * @user:	charged for @n_slots files, with a reference, or NULL
 * @n_slots:	elements of @slots
 * @n_fds:	how many of them belong to the FDS item
 * @slots:	files in the order of the items
 */
struct kdbus_files {
	refcount_t ref;
	struct kdbus_user *user;
	unsigned int n_slots;
	unsigned int n_fds;
	struct kdbus_file_slot slots[];
};

/* most files that one message can carry */
#define KDBUS_FILES_MAX		(KDBUS_MSG_MAX_MEMFDS + KDBUS_MSG_MAX_FDS)

/**
 * struct kdbus_files_installed - files that the calling task was given
 * @n:		elements of @fds
 * @incomplete:	a file was refused, or there was no number left
 * @fds:	numbers, -1 for what was not installed
 */
struct kdbus_files_installed {
	unsigned int n;
	bool incomplete;
	int fds[KDBUS_FILES_MAX];
};

int kdbus_files_import(struct kdbus_message *msg);
void kdbus_files_free(struct kdbus_files *files);
int kdbus_files_install_slots(const struct kdbus_files *files,
			      struct kdbus_pool *pool,
			      const struct kdbus_slice *slice, bool accept_fds,
			      struct kdbus_files_installed *installed);
void kdbus_files_uninstall(const struct kdbus_files *files,
			   struct kdbus_pool *pool,
			   const struct kdbus_slice *slice,
			   const struct kdbus_files_installed *installed);

/* Most messages have no files, so that most of this is done by the caller. */

/**
 * kdbus_files_ref() - take a reference
 * @files:	files, or NULL
 *
 * Context: any.
 * Return: @files
 */
static inline struct kdbus_files *kdbus_files_ref(struct kdbus_files *files)
{
	if (files)
		refcount_inc(&files->ref);
	return files;
}

/**
 * kdbus_files_unref() - drop a reference
 * @files:	files, or NULL
 *
 * Context: may sleep; may take the domain's users_lock.
 * Return: NULL
 */
static inline struct kdbus_files *kdbus_files_unref(struct kdbus_files *files)
{
	if (files && refcount_dec_and_test(&files->ref))
		kdbus_files_free(files);
	return NULL;
}

/**
 * kdbus_files_install() - give the files of a message to the calling task
 * @files:	files, or NULL
 * @pool:	pool of the receiver
 * @slice:	slice with the message, which user space does not know yet
 * @accept_fds:	install what is in FDS, too, not just memfds
 * @installed:	filled in with the numbers
 *
 * Numbers are written into the message. A slot that is not installed keeps -1.
 *
 * Context: may sleep; called by the task that receives.
 * Return: 0; or -ENOMEM with nothing installed.
 */
static inline int kdbus_files_install(const struct kdbus_files *files,
				      struct kdbus_pool *pool,
				      const struct kdbus_slice *slice,
				      bool accept_fds,
				      struct kdbus_files_installed *installed)
{
	installed->n = 0;
	installed->incomplete = false;
	if (!files)
		return 0;

	return kdbus_files_install_slots(files, pool, slice, accept_fds,
					 installed);
}

#endif
