// SPDX-License-Identifier: LGPL-2.1+
/*
 * Security hooks: what a BPF program that an administrator attached forbids does
 * not happen, has the documented error, and works again without the program.
 *
 * Needs a module with type information (BTF); is skipped without.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/bpf.h>
#include <linux/btf.h>

#include "recv_util.h"
#include "kdbus_harness.h"

/*
 * BPF
 */

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	int r = syscall(__NR_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : r;
}

/**
 * struct btf - types of the kernel or of a module
 * @hdr:	all of it
 * @size:	bytes
 */
struct btf {
	const struct btf_header *hdr;
	size_t size;
};

static int btf_read(struct btf *btf, const char *name)
{
	size_t room = 0, size = 0;
	char path[128], *data = NULL;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/btf/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	do {
		if (size == room) {
			room += 4 * MiB;
			data = realloc(data, room);
		}
		n = read(fd, data + size, room - size);
		size += n > 0 ? n : 0;
	} while (n > 0);
	close(fd);

	btf->hdr = (void *)data;
	btf->size = size;
	return n < 0 || size < sizeof(*btf->hdr) ? -EIO : 0;
}

/* bytes behind the header of a type */
static size_t btf_extra(const struct btf_type *type)
{
	size_t n = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(__u32);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return n * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return n * sizeof(struct btf_var_secinfo);
	default:
		return 0;
	}
}

/*
 * Number of a function among the types, which begin with 1; or, without a name,
 * how many types there are. Strings of a module go on where those of the kernel
 * end.
 */
static int btf_find(const struct btf *btf, __u32 first_string, const char *name)
{
	const char *types = (const char *)btf->hdr + btf->hdr->hdr_len +
			    btf->hdr->type_off;
	const char *strings = (const char *)btf->hdr + btf->hdr->hdr_len +
			      btf->hdr->str_off;
	const struct btf_type *type;
	size_t offset = 0;
	int n = 0;

	while (offset < btf->hdr->type_len) {
		type = (const void *)(types + offset);
		n++;
		if (name && BTF_INFO_KIND(type->info) == BTF_KIND_FUNC &&
		    type->name_off >= first_string &&
		    !strcmp(strings + type->name_off - first_string, name))
			return n;
		offset += sizeof(*type) + btf_extra(type);
	}

	return name ? -ENOENT : n;
}

static int btf_open(const char *name)
{
	char found[64];
	struct bpf_btf_info info;
	union bpf_attr attr;
	__u32 id = 0;
	int fd;

	for (;;) {
		memset(&attr, 0, sizeof(attr));
		attr.start_id = id;
		if (bpf(BPF_BTF_GET_NEXT_ID, &attr) < 0)
			return -ENOENT;
		id = attr.next_id;

		memset(&attr, 0, sizeof(attr));
		attr.btf_id = id;
		fd = bpf(BPF_BTF_GET_FD_BY_ID, &attr);
		if (fd < 0)
			continue;

		memset(&info, 0, sizeof(info));
		info.name = PTR_TO_U64(found);
		info.name_len = sizeof(found);
		memset(&attr, 0, sizeof(attr));
		attr.info.bpf_fd = fd;
		attr.info.info_len = sizeof(info);
		attr.info.info = PTR_TO_U64(&info);
		if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 &&
		    !strcmp(found, name))
			return fd;
		close(fd);
	}
}

/*
 * The tests
 */

FIXTURE(security) {
	struct domain domain;
	struct domain *d;
	struct btf kernel;
	struct btf module;
	int module_fd;
	int hook;
	int bus;
	struct conn a;
	struct conn b;
};

typedef FIXTURE_DATA(security) struct_t;

static const char *module_name(void)
{
	static char name[32];

	/* the type of the file system is the module's name and "fs" */
	snprintf(name, sizeof(name), "%s", kdbus_fs_type());
	name[strlen(name) - 2] = 0;
	return name;
}

FIXTURE_SETUP(security)
{
	int r;

	self->hook = -1;
	r = btf_read(&self->module, module_name());
	if (r == -ENOENT)
		SKIP(return, "the module has no type information");
	ASSERT_EQ(0, r);
	ASSERT_EQ(0, btf_read(&self->kernel, "vmlinux"));
	self->module_fd = btf_open(module_name());
	ASSERT_LE(0, self->module_fd);

	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	self->bus = bus_new(self->d, "0-bus", 0);
	ASSERT_LE(0, self->bus);
	ASSERT_EQ(0, peer_new(&self->a, self->d, ACCEPT_FD));
	ASSERT_EQ(0, peer_new(&self->b, self->d, ACCEPT_FD));
}

FIXTURE_TEARDOWN(security)
{
	if (self->hook >= 0)
		close(self->hook);
	if (self->d)
		EXPECT_EQ(0, domain_leave(self->d));
}

/* From now on a hook has that result; 0 or the negative errno. */
static int decide(struct_t *self, const char *hook, int result)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0,
		  .imm = result },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static char log[65536];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACING,
		.expected_attach_type = BPF_MODIFY_RETURN,
		.insn_cnt = sizeof(insns) / sizeof(insns[0]),
		.insns = PTR_TO_U64(insns),
		.license = PTR_TO_U64("GPL"),
		.log_level = 1,
		.log_size = sizeof(log),
		.log_buf = PTR_TO_U64(log),
		.attach_btf_obj_fd = self->module_fd,
	};
	char name[64];
	int id, prog;

	snprintf(name, sizeof(name), "security_kdbus_%s", hook);
	id = btf_find(&self->module, self->kernel.hdr->str_len, name);
	if (id < 0)
		return id;

	attr.attach_btf_id = btf_find(&self->kernel, 0, NULL) + id;
	prog = bpf(BPF_PROG_LOAD, &attr);
	if (prog < 0) {
		printf("# %s\n", log);
		return prog;
	}

	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = prog;
	self->hook = bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
	close(prog);
	return self->hook < 0 ? self->hook : 0;
}

static void allow(struct_t *self)
{
	close(self->hook);
	self->hook = -1;
}

static int say_hello_as(struct_t *self, __u64 flags)
{
	struct conn c = { .fd = -1 };
	int r = peer_new(&c, self->d, flags);

	if (r == 0)
		conn_close(&c);
	return r;
}

TEST_F(security, bus_make)
{
	int fd;

	ASSERT_EQ(0, decide(self, "bus_make", -EACCES));
	EXPECT_EQ(-EACCES, bus_new(self->d, "0-other", 0));
	allow(self);
	fd = bus_new(self->d, "0-other", 0);
	EXPECT_LE(0, fd);
}

TEST_F(security, endpoint_make)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	int fd = open_endpoint(self->d, "0-bus");

	item_add_str(cmd, KDBUS_ITEM_MAKE_NAME, "0-ep");
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, decide(self, "endpoint_make", -EACCES));
	EXPECT_EQ(-EACCES, cmd_run(fd, KDBUS_CMD_ENDPOINT_MAKE, cmd));
	allow(self);
	EXPECT_EQ(0, cmd_run(fd, KDBUS_CMD_ENDPOINT_MAKE, cmd));
}

TEST_F(security, hello)
{
	ASSERT_EQ(0, decide(self, "hello", -EACCES));
	EXPECT_EQ(-EACCES, say_hello_as(self, 0));
	/* who is connected already stays so */
	EXPECT_EQ(0, send_cookie(&self->a, self->b.id, 1));
	EXPECT_EQ(1, receive_cookie(&self->b));
	allow(self);
	EXPECT_EQ(0, say_hello_as(self, 0));
}

TEST_F(security, monitor)
{
	ASSERT_EQ(0, decide(self, "monitor", -EACCES));
	EXPECT_EQ(-EACCES, say_hello_as(self, MONITOR));
	EXPECT_EQ(0, say_hello_as(self, 0));
	allow(self);
	EXPECT_EQ(0, say_hello_as(self, MONITOR));
}

TEST_F(security, pretend)
{
	const struct kdbus_creds creds = { .uid = ALICE };
	struct kdbus_cmd_hello *hello = hello_new(POOL_SIZE);
	int fd = open_endpoint(self->d, "0-bus");

	item_add(hello, KDBUS_ITEM_CREDS, &creds, sizeof(creds));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, decide(self, "pretend", -EACCES));
	EXPECT_EQ(-EACCES, cmd_run(fd, KDBUS_CMD_HELLO, hello));
	EXPECT_EQ(0, say_hello_as(self, 0));
	allow(self);
	EXPECT_EQ(0, cmd_run(fd, KDBUS_CMD_HELLO, hello));
}

TEST_F(security, own)
{
	ASSERT_EQ(0, decide(self, "own", -EACCES));
	EXPECT_EQ(-EPERM, name_acquire(&self->a, NAME, 0));
	EXPECT_STREQ("", listed(&self->a, KDBUS_LIST_NAMES));
	allow(self);
	EXPECT_EQ(PRIMARY | ACQUIRED, name_acquire(&self->a, NAME, 0));
}

TEST_F(security, talk)
{
	ASSERT_EQ(0, decide(self, "talk", -EACCES));
	EXPECT_EQ(-EPERM, send_cookie(&self->a, self->b.id, 1));
	EXPECT_EQ(-EPERM, call(&self->a, self->b.id, 2));
	EXPECT_EQ(NULL, receive(&self->b));
	EXPECT_EQ(EAGAIN, errno);
	allow(self);
	EXPECT_EQ(0, send_cookie(&self->a, self->b.id, 3));
	EXPECT_EQ(3, receive_cookie(&self->b));
}

/* what a request permits is not forbidden by the program that came later */
TEST_F(security, talk_is_not_asked_for_replies)
{
	ASSERT_EQ(0, call(&self->a, self->b.id, 1));
	ASSERT_EQ(1, receive_cookie(&self->b));
	ASSERT_EQ(0, decide(self, "talk", -EACCES));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 2, 1));
	EXPECT_EQ(2, receive_cookie(&self->a));
}

TEST_F(security, deliver)
{
	ASSERT_EQ(0, match_all(&self->b));
	ASSERT_EQ(0, decide(self, "deliver", -EACCES));
	EXPECT_EQ(0, signal_to(&self->a, BCAST, 1));
	EXPECT_EQ(0, signal_to(&self->a, self->b.id, 2));
	EXPECT_EQ(NULL, receive(&self->b));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, lost(&self->b));
	/* the kernel is not asked */
	EXPECT_EQ(PRIMARY | ACQUIRED, name_acquire(&self->a, NAME, 0));
	EXPECT_STREQ(NAME_ADD(&self->a, PRIMARY, NAME), heard(&self->b));
	allow(self);
	EXPECT_EQ(0, signal_to(&self->a, BCAST, 3));
	EXPECT_EQ(3, receive_cookie(&self->b));
}

TEST_F(security, receive)
{
	ASSERT_EQ(0, send_cookie(&self->a, self->b.id, 1));
	ASSERT_EQ(0, decide(self, "receive", -EACCES));
	EXPECT_EQ(NULL, receive(&self->b));
	EXPECT_EQ(EACCES, errno);
	allow(self);
	EXPECT_EQ(1, receive_cookie(&self->b));
}

TEST_F(security, transfer)
{
	struct kdbus_msg *msg = msg_new(self->b.id, 1);
	int fd = memfd_new(64, 1);

	ASSERT_LE(0, fd);
	item_add_memfd(msg, fd, 0, 64);
	ASSERT_EQ(0, decide(self, "transfer", -EACCES));
	EXPECT_EQ(-EPERM, msg_send(&self->a, msg));
	EXPECT_EQ(0, send_cookie(&self->a, self->b.id, 2));
	EXPECT_EQ(2, receive_cookie(&self->b));
	allow(self);
	EXPECT_EQ(0, msg_send(&self->a, msg));
	EXPECT_EQ(1, receive_cookie(&self->b));
}

/* whatever a program returns, the caller sees an error */
TEST_F(security, odd_results)
{
	/* the third would be ERESTARTSYS, which is for the kernel only */
	static const int results[] = { 1, -5000, -512 };
	size_t i;

	for (i = 0; i < sizeof(results) / sizeof(*results); i++) {
		ASSERT_EQ(0, decide(self, "hello", results[i]));
		EXPECT_EQ(-EPERM, say_hello_as(self, 0));
		allow(self);
		ASSERT_EQ(0, decide(self, "receive", results[i]));
		ASSERT_EQ(0, send_cookie(&self->a, self->b.id, 1));
		EXPECT_EQ(NULL, receive(&self->b));
		EXPECT_EQ(EPERM, errno);
		allow(self);
		EXPECT_EQ(1, receive_cookie(&self->b));
	}
	ASSERT_EQ(0, decide(self, "hello", 0));
	EXPECT_EQ(0, say_hello_as(self, 0));
}

KDBUS_HARNESS_MAIN
