// SPDX-License-Identifier: GPL-2.0
#include "files.h"

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/overflow.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/string.h>
#include <net/sock.h>

#include "compat.h"
#include "fs.h"
#include "limits.h"
#include "message.h"
#include "pool.h"
#include "user.h"

#define KDBUS_MEMFD_SEALS	(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | \
				 F_SEAL_SEAL)

/* there is no exported way to tell; the name is given by the kernel only */
static bool kdbus_file_is_io_uring(const struct file *file)
{
	const struct dentry *dentry = file->f_path.dentry;

	return !strcmp(dentry->d_sb->s_type->name, "anon_inodefs") &&
	       !strcmp(dentry->d_name.name, "[io_uring]");
}

/*
 * Files that can hold other files in flight would form cycles that nobody
 * collects: ourselves, unix sockets and io_uring. An O_PATH file holds nothing.
 */
static bool kdbus_file_is_refused(struct file *file)
{
	struct socket *sock;

	if (file->f_mode & FMODE_PATH)
		return false;
	if (kdbus_fs_is_handle(file_inode(file)))
		return true;

	sock = sock_from_file(file);
	if (sock)
		return READ_ONCE(sock->ops)->family == PF_UNIX;

	return kdbus_file_is_io_uring(file);
}

static int kdbus_memfd_check(struct file *file,
			     const struct kdbus_memfd *memfd)
{
	struct inode *inode = file_inode(file);

	if (!shmem_file(file))
		return -EMEDIUMTYPE;
	/* seals are added only, so this stays true however it is read */
	if ((data_race(SHMEM_I(inode)->seals) & KDBUS_MEMFD_SEALS) !=
	    KDBUS_MEMFD_SEALS)
		return -ETXTBSY;
	if (memfd->start + memfd->size > i_size_read(inode))
		return -EFAULT;

	return 0;
}

/* takes over the reference on @file */
static void kdbus_files_add(struct kdbus_message *msg, struct file *file,
			    int *slot, bool memfd)
{
	struct kdbus_files *files = msg->files;

	files->slots[files->n_slots++] = (struct kdbus_file_slot){
		.file = file,
		.offset = (u8 *)slot - (u8 *)msg->hdr,
		.memfd = memfd,
	};
	if (!memfd)
		files->n_fds++;

	/* numbers of the sender are none of the receiver's business */
	*slot = -1;
}

static int kdbus_files_import_memfd(struct kdbus_message *msg,
				    struct kdbus_memfd *memfd)
{
	struct file *file;
	int r;

	file = fget(memfd->fd);
	if (!file)
		return -EBADF;

	r = kdbus_memfd_check(file, memfd);
	if (r < 0) {
		fput(file);
		return r;
	}

	kdbus_files_add(msg, file, &memfd->fd, true);
	return 0;
}

static int kdbus_files_import_fds(struct kdbus_message *msg, int *fds, size_t n)
{
	struct file *file;
	size_t i;

	for (i = 0; i < n; i++) {
		if (fds[i] < 0)
			return -EBADF;
		file = fget_raw(fds[i]);
		if (!file)
			return -EBADF;
		if (kdbus_file_is_refused(file)) {
			fput(file);
			return -EOPNOTSUPP;
		}

		kdbus_files_add(msg, file, &fds[i], false);
	}

	return 0;
}

static int kdbus_files_import_item(struct kdbus_message *msg,
				   struct kdbus_item *item)
{
	if (item->type == KDBUS_ITEM_PAYLOAD_MEMFD)
		return kdbus_files_import_memfd(msg, &item->memfd);
	if (item->type == KDBUS_ITEM_FDS)
		return kdbus_files_import_fds(msg, item->fds,
					      kdbus_item_payload_size(item) /
					      sizeof(int));
	return 0;
}

/* like files in flight between unix sockets, the privileged have no limit */
static int kdbus_files_charge(struct kdbus_files *files,
			      struct kdbus_user *user)
{
	unsigned int max = READ_ONCE(kdbus_max_files_per_user);

	if (!files->n_slots)
		return 0;

	/* the users of custom endpoints are too many to have a limit each */
	user = user->payer ?: user;
	if (!kdbus_user_try_charge(&user->files, files->n_slots, max)) {
		if (!capable(CAP_SYS_RESOURCE)) {
			kdbus_limit_refused(user, KDBUS_LIMIT_FILES);
			return -ETOOMANYREFS;
		}
		atomic_add(files->n_slots, &user->files);
	}

	files->user = kdbus_user_ref(user);
	return 0;
}

static void kdbus_files_discharge(struct kdbus_files *files)
{
	if (files->user) {
		atomic_sub(files->n_slots, &files->user->files);
		files->user = kdbus_user_unref(files->user);
	}
}

/**
 * kdbus_files_import() - take references on the files of a message
 * @msg:	message whose items were checked, and some of which are files
 *
 * The references belong to the message, also on failure. The files are charged to
 * the message's user, once, however many receivers there are.
 *
 * Context: may sleep.
 * Return: 0; -EBADF for a bad number, or O_PATH where a memfd is needed;
 *         -EMEDIUMTYPE if it is no memfd; -ETXTBSY if it is not sealed; -EFAULT
 *         if the range is beyond its end; -EOPNOTSUPP for a file that cannot be
 *         passed; -ETOOMANYREFS if the sending user has too many files in
 *         flight; -ENOMEM.
 */
int kdbus_files_import(struct kdbus_message *msg)
{
	const struct kdbus_item *item;
	int r;

	msg->files = kzalloc(struct_size(msg->files, slots, KDBUS_FILES_MAX),
			     GFP_KERNEL_ACCOUNT);
	if (!msg->files)
		return -ENOMEM;
	refcount_set(&msg->files->ref, 1);

	kdbus_items_foreach(item, kdbus_command_area(&msg->command),
			    kdbus_command_area_size(&msg->command)) {
		/* the area is our copy */
		r = kdbus_files_import_item(msg, (struct kdbus_item *)item);
		if (r < 0)
			return r;
	}

	return kdbus_files_charge(msg->files, msg->user);
}

/**
 * kdbus_files_free() - free files without references
 * @files:	files
 *
 * Context: may sleep; may take the domain's users_lock.
 */
void kdbus_files_free(struct kdbus_files *files)
{
	unsigned int i;

	for (i = 0; i < files->n_slots; i++)
		fput(files->slots[i].file);
	kdbus_files_discharge(files);
	kfree(files);
}

/**
 * kdbus_files_install_slots() - do what kdbus_files_install() is for
 * @files:	files
 * @pool:	pool of the receiver
 * @slice:	slice with the message
 * @accept_fds:	install what is in FDS, too
 * @installed:	no numbers yet; filled in
 *
 * Context: may sleep; called by the task that receives.
 * Return: 0; or -ENOMEM with nothing installed.
 */
int kdbus_files_install_slots(const struct kdbus_files *files,
			      struct kdbus_pool *pool,
			      const struct kdbus_slice *slice, bool accept_fds,
			      struct kdbus_files_installed *installed)
{
	struct kdbus_pool_cursor cursor kdbus_uninitialized;
	unsigned int i;
	int *fd, r = 0;

	kdbus_pool_cursor_init(&cursor, pool, slice, 0);
	for (i = 0; i < files->n_slots && r >= 0; i++) {
		const struct kdbus_file_slot *slot = &files->slots[i];

		fd = &installed->fds[installed->n++];
		*fd = -1;
		if (slot->memfd || accept_fds) {
			/* asks the LSM, too */
			*fd = kdbus_receive_fd(slot->file, O_CLOEXEC);
			if (*fd < 0) {
				installed->incomplete = true;
				*fd = -1;
			}
		}
		r = kdbus_pool_write(&cursor, slot->offset, fd, sizeof(*fd));
	}
	kdbus_pool_cursor_deinit(&cursor);

	if (r < 0)
		kdbus_files_uninstall(files, pool, slice, installed);
	return r;
}

/**
 * kdbus_files_uninstall() - take files back from the calling task
 * @files:	files, or NULL
 * @pool:	pool of the receiver
 * @slice:	slice with the message
 * @installed:	what kdbus_files_install() filled in
 *
 * Context: may sleep; called by the task that receives.
 */
void kdbus_files_uninstall(const struct kdbus_files *files,
			   struct kdbus_pool *pool,
			   const struct kdbus_slice *slice,
			   const struct kdbus_files_installed *installed)
{
	static const int none = -1;
	struct kdbus_pool_cursor cursor kdbus_uninitialized;
	unsigned int i;

	kdbus_pool_cursor_init(&cursor, pool, slice, 0);
	for (i = 0; i < installed->n; i++) {
		if (installed->fds[i] < 0)
			continue;

		close_fd(installed->fds[i]);
		/* a stale number is of no use, but does no harm either */
		kdbus_pool_write(&cursor, files->slots[i].offset, &none,
				 sizeof(none));
	}
	kdbus_pool_cursor_deinit(&cursor);
}
