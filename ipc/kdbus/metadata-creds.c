// SPDX-License-Identifier: GPL-2.0
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "compat.h"
#include "item.h"
#include "metadata-image.h"
#include "metadata-snapshot.h"

/* an id that the receiver has no name for is told as the overflow id */
static u64 kdbus_meta_uid(struct user_namespace *ns, kuid_t uid)
{
	return ns == &init_user_ns ? __kuid_val(uid) :
				     from_kuid_munged(ns, uid);
}

static u64 kdbus_meta_gid(struct user_namespace *ns, kgid_t gid)
{
	return ns == &init_user_ns ? __kgid_val(gid) :
				     from_kgid_munged(ns, gid);
}

/**
 * kdbus_meta_add_creds() - add a CREDS item
 * @meta:	metadata
 * @view:	view of the receiver
 * @cred:	credentials to tell
 *
 * Context: may sleep.
 */
void kdbus_meta_add_creds(struct kdbus_meta *meta,
			  const struct kdbus_meta_view *view,
			  const struct cred *cred)
{
	struct user_namespace *ns = view->user_ns;
	struct kdbus_creds *creds;

	creds = kdbus_meta_begin(meta, sizeof(*creds));
	if (!creds)
		return;

	creds->uid = kdbus_meta_uid(ns, cred->uid);
	creds->euid = kdbus_meta_uid(ns, cred->euid);
	creds->suid = kdbus_meta_uid(ns, cred->suid);
	creds->fsuid = kdbus_meta_uid(ns, cred->fsuid);
	creds->gid = kdbus_meta_gid(ns, cred->gid);
	creds->egid = kdbus_meta_gid(ns, cred->egid);
	creds->sgid = kdbus_meta_gid(ns, cred->sgid);
	creds->fsgid = kdbus_meta_gid(ns, cred->fsgid);
	kdbus_meta_end(meta, KDBUS_ITEM_CREDS, sizeof(*creds));
}

/**
 * kdbus_meta_add_ids() - add a CREDS item
 * @meta:	metadata
 * @view:	view of the receiver
 * @ids:	ids to tell; one that is not valid is told as 0xffffffff
 *
 * Context: may sleep.
 */
void kdbus_meta_add_ids(struct kdbus_meta *meta,
			const struct kdbus_meta_view *view,
			const struct kdbus_meta_ids *ids)
{
	const kuid_t *uids = ids->uids;
	const kgid_t *gids = ids->gids;
	u64 *payload;
	int i;

	payload = kdbus_meta_begin(meta, sizeof(struct kdbus_creds));
	if (!payload)
		return;

	for (i = 0; i < ARRAY_SIZE(ids->uids); i++)
		*payload++ = uid_valid(uids[i]) ?
			     kdbus_meta_uid(view->user_ns, uids[i]) : U32_MAX;
	for (i = 0; i < ARRAY_SIZE(ids->gids); i++)
		*payload++ = gid_valid(gids[i]) ?
			     kdbus_meta_gid(view->user_ns, gids[i]) : U32_MAX;
	kdbus_meta_end(meta, KDBUS_ITEM_CREDS, sizeof(struct kdbus_creds));
}

/**
 * kdbus_meta_add_auxgroups() - add an AUXGROUPS item
 * @meta:	metadata
 * @view:	view of the receiver
 * @cred:	credentials whose supplementary groups to tell
 *
 * The item is there even if there are no such groups.
 *
 * Context: may sleep.
 */
void kdbus_meta_add_auxgroups(struct kdbus_meta *meta,
			      const struct kdbus_meta_view *view,
			      const struct cred *cred)
{
	const struct group_info *groups = cred->group_info;
	size_t size = groups->ngroups * sizeof(u64);
	u64 *payload;
	int i;

	payload = kdbus_meta_begin(meta, size);
	if (!payload)
		return;

	for (i = 0; i < groups->ngroups; i++)
		payload[i] = kdbus_meta_gid(view->user_ns, groups->gid[i]);
	kdbus_meta_end(meta, KDBUS_ITEM_AUXGROUPS, size);
}

struct kdbus_meta_caps {
	u64 inheritable;
	u64 permitted;
	u64 effective;
	u64 bounding;
};

/*
 * Capabilities are worth something in the user namespace they were given in and
 * in those below it. Whoever created a namespace has them all in there.
 */
static void kdbus_meta_translate_caps(struct kdbus_meta_caps *caps,
				      const struct user_namespace *ns,
				      const struct cred *cred)
{
	for (; ns; ns = ns->parent) {
		if (ns == cred->user_ns) {
			caps->inheritable =
				kdbus_cap_to_u64(cred->cap_inheritable);
			caps->permitted = kdbus_cap_to_u64(cred->cap_permitted);
			caps->effective = kdbus_cap_to_u64(cred->cap_effective);
			caps->bounding = kdbus_cap_to_u64(cred->cap_bset);
			return;
		}

		if (ns->parent == cred->user_ns &&
		    uid_eq(ns->owner, cred->euid)) {
			*caps = (struct kdbus_meta_caps){
				.permitted = ~0ULL,
				.effective = ~0ULL,
				.bounding = ~0ULL,
			};
			return;
		}
	}

	*caps = (struct kdbus_meta_caps){};
}

static u32 *kdbus_meta_put_caps(u32 *pos, u64 set)
{
	/* user space must not see bits that have no name */
	set &= GENMASK_ULL(CAP_LAST_CAP, 0);

	*pos++ = lower_32_bits(set);
	*pos++ = upper_32_bits(set);
	return pos;
}

/**
 * kdbus_meta_add_caps() - add a CAPS item
 * @meta:	metadata
 * @view:	view of the receiver
 * @cred:	credentials whose capabilities to tell
 *
 * Context: may sleep.
 */
void kdbus_meta_add_caps(struct kdbus_meta *meta,
			 const struct kdbus_meta_view *view,
			 const struct cred *cred)
{
	struct kdbus_meta_caps caps;
	u32 *payload, *pos;

	payload = kdbus_meta_begin(meta, sizeof(u32) + sizeof(caps));
	if (!payload)
		return;

	kdbus_meta_translate_caps(&caps, view->user_ns, cred);

	pos = payload;
	*pos++ = CAP_LAST_CAP;
	pos = kdbus_meta_put_caps(pos, caps.inheritable);
	pos = kdbus_meta_put_caps(pos, caps.permitted);
	pos = kdbus_meta_put_caps(pos, caps.effective);
	pos = kdbus_meta_put_caps(pos, caps.bounding);
	kdbus_meta_end(meta, KDBUS_ITEM_CAPS, sizeof(u32) + sizeof(caps));
}
