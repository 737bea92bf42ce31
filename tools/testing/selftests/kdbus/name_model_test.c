// SPDX-License-Identifier: LGPL-2.1+
/*
 * Random steps of several connections that acquire and release names, compared
 * with a model of what should come of it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "name_util.h"
#include "kselftest_harness.h"

#define N_CONNS		4
#define N_NAMES		3
#define N_STEPS		1500

/* How long they take depends on the machine. */
#define N_SECONDS	3

/**
 * struct record - what a connection has to do with a name
 * @flags:	as LIST shows them; 0 if there is nothing
 * @since:	number of the step in which it came to be
 */
struct record {
	__u64 flags;
	unsigned int since;
};

/**
 * struct model - what should be
 * @conns:	connections
 * @records:	by connection and name
 * @queue:	for each name the connections that own it and wait for it
 * @queued:	how many that are
 * @step:	number of the step
 * @seed:	state of the random numbers
 * @events:	what should be heard of the step
 * @n_events:	how many that are
 */
struct model {
	struct conn conns[N_CONNS];
	struct record records[N_CONNS][N_NAMES];
	int queue[N_NAMES][N_CONNS];
	int queued[N_NAMES];
	unsigned int step;
	__u64 seed;
	const char *events[N_NAMES + 2];
	int n_events;
};

static const char *const names[N_NAMES] = { "org.b", "org.a", "com.c" };

static unsigned int roll(struct model *m, unsigned int sides)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 7;
	m->seed ^= m->seed << 17;
	return (m->seed >> 16) % sides;
}

static void model_event(struct model *m, const char *event)
{
	m->events[m->n_events++] = event;
}

static int place_of(const struct model *m, int name, int conn)
{
	int i;

	for (i = 0; i < m->queued[name]; i++)
		if (m->queue[name][i] == conn)
			return i;
	return -1;
}

static void queue_remove(struct model *m, int name, int place)
{
	int *queue = m->queue[name];

	m->records[queue[place]][name].flags = 0;
	m->queued[name]--;
	memmove(queue + place, queue + place + 1,
		(m->queued[name] - place) * sizeof(*queue));
}

static void queue_insert(struct model *m, int name, int place, int conn)
{
	int *queue = m->queue[name];

	memmove(queue + place + 1, queue + place,
		(m->queued[name] - place) * sizeof(*queue));
	queue[place] = conn;
	m->queued[name]++;
}

/* @conn gets the first place, and whoever has it the second or none */
static void model_replace(struct model *m, int name, int conn, __u64 saved)
{
	const int old = m->queue[name][0], place = place_of(m, name, conn);
	const __u64 old_flags = m->records[old][name].flags;
	struct record *record = &m->records[conn][name];

	if (place >= 0)
		queue_remove(m, name, place);
	else
		record->since = m->step;
	record->flags = saved | PRIMARY;
	queue_insert(m, name, 0, conn);
	if (old_flags & QUEUE)
		m->records[old][name].flags ^= PRIMARY | IN_QUEUE;
	else
		queue_remove(m, name, 1);
	model_event(m, NAME_CHANGE(&m->conns[old], old_flags, &m->conns[conn],
				   record->flags, names[name]));
}

/* Returns what NAME_ACQUIRE should, and @flags what it should return there. */
static int model_acquire(struct model *m, int conn, int name, __u64 *flags)
{
	const __u64 saved = *flags & (ALLOW | QUEUE);
	const int place = place_of(m, name, conn);
	struct record *record = &m->records[conn][name];
	const struct record *prim = &m->records[m->queue[name][0]][name];

	if (!m->queued[name]) {
		queue_insert(m, name, 0, conn);
		*record = (struct record){ saved | PRIMARY, m->step };
		model_event(m, NAME_ADD(&m->conns[conn], saved | PRIMARY,
					names[name]));
		*flags = saved | PRIMARY | ACQUIRED;
	} else if (place == 0) {
		record->flags = saved | PRIMARY;
		*flags = saved | PRIMARY;
	} else if ((prim->flags & ALLOW) && (*flags & REPLACE)) {
		model_replace(m, name, conn, saved);
		*flags = saved | PRIMARY | ACQUIRED;
	} else if ((*flags & QUEUE) && place < 0) {
		queue_insert(m, name, m->queued[name], conn);
		*record = (struct record){ saved | IN_QUEUE, m->step };
		*flags = saved | IN_QUEUE | ACQUIRED;
	} else if (*flags & QUEUE) {
		record->flags = saved | IN_QUEUE;
		*flags = saved | IN_QUEUE;
	} else {
		*flags = saved;
		if (place < 0)
			return -EEXIST;
		queue_remove(m, name, place);
	}
	return 0;
}

static int model_release(struct model *m, int conn, int name)
{
	const __u64 flags = m->records[conn][name].flags;
	const int place = place_of(m, name, conn);
	struct record *next;

	if (place < 0)
		return m->queued[name] ? -EADDRINUSE : -ESRCH;
	queue_remove(m, name, place);
	if (place > 0)
		return 0;
	if (!m->queued[name]) {
		model_event(m, NAME_REMOVE(&m->conns[conn], flags,
					   names[name]));
		return 0;
	}
	next = &m->records[m->queue[name][0]][name];
	next->flags ^= PRIMARY | IN_QUEUE;
	model_event(m, NAME_CHANGE(&m->conns[conn], flags,
				   &m->conns[m->queue[name][0]], next->flags,
				   names[name]));
	return 0;
}

/* The name that @conn has longest but for those before @since; or -1 */
static int name_since(const struct model *m, int conn, unsigned int since)
{
	int name, found = -1;

	for (name = 0; name < N_NAMES; name++) {
		if (!m->records[conn][name].flags ||
		    m->records[conn][name].since < since)
			continue;
		if (found < 0 || m->records[conn][name].since <
				 m->records[conn][found].since)
			found = name;
	}
	return found;
}

static void model_close(struct model *m, int conn)
{
	int name;

	while ((name = name_since(m, conn, 0)) >= 0)
		model_release(m, conn, name);
	model_event(m, id_event("ID_REMOVE", m->conns[conn].id, 0));
}

/* What listed() should return. A record of a name is made in one step each. */
static const char *model_list(const struct model *m, const struct conn *watcher,
			      __u64 flags)
{
	static char str[4096];
	bool done[N_CONNS] = {};
	size_t n = 0, before;
	int i, conn, name;
	__u64 held;

	str[0] = 0;
	if (flags & KDBUS_LIST_UNIQUE)
		n = sprintf(str, "%llu; ", watcher->id);
	for (i = 0; i < N_CONNS; i++) {
		/* the next in the order of the ids */
		for (conn = -1, name = 0; name < N_CONNS; name++)
			if (!done[name] && (conn < 0 || m->conns[name].id <
							m->conns[conn].id))
				conn = name;
		done[conn] = true;

		before = n;
		for (name = name_since(m, conn, 0); name >= 0;
		     name = name_since(m, conn,
				       m->records[conn][name].since + 1)) {
			held = m->records[conn][name].flags;
			if (flags & (held & IN_QUEUE ? KDBUS_LIST_QUEUED :
						       KDBUS_LIST_NAMES))
				n += sprintf(str + n, "%llu %s %llx; ",
					     m->conns[conn].id, names[name],
					     held);
		}
		if (n == before && (flags & KDBUS_LIST_UNIQUE))
			n += sprintf(str + n, "%llu; ", m->conns[conn].id);
	}
	return str;
}

FIXTURE(model) {
	struct domain domain;
	struct conn watcher;
	struct model model;
};

FIXTURE_VARIANT(model) {
	__u64 seed;
};

FIXTURE_VARIANT_ADD(model, first) { .seed = 0x6b64627573ULL };
FIXTURE_VARIANT_ADD(model, second) { .seed = 0x20150808ULL };

FIXTURE_SETUP(model)
{
	int i;

	ASSERT_EQ(0, domain_enter(&self->domain));
	ASSERT_LE(0, bus_new(&self->domain, "0-bus", 0));
	ASSERT_EQ(0, conn_new(&self->watcher, &self->domain, "0-bus"));
	ASSERT_EQ(0, match_all(&self->watcher));
	memset(&self->model, 0, sizeof(self->model));
	self->model.seed = variant->seed;
	for (i = 0; i < N_CONNS; i++) {
		ASSERT_EQ(0, conn_new(&self->model.conns[i], &self->domain,
				      "0-bus"));
		ASSERT_STREQ(id_event("ID_ADD", self->model.conns[i].id, 0),
			     heard(&self->watcher));
	}
}

FIXTURE_TEARDOWN(model)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

/* Each says what was done, and as expected or not. */
static char *step_acquire(struct model *m, bool *ok)
{
	const int conn = roll(m, N_CONNS), name = roll(m, N_NAMES);
	/* many of them wait */
	const __u64 flags = roll(m, 8) | (roll(m, 2) ? QUEUE : 0);
	__u64 expected = flags, returned;
	int r, wanted;
	char *str;

	wanted = model_acquire(m, conn, name, &expected);
	r = name_try_acquire(&m->conns[conn], names[name], flags, &returned);
	/* of what was refused only this is returned */
	if (wanted == -EEXIST)
		expected &= ALLOW;
	*ok = r == wanted && returned == expected;
	if (asprintf(&str, "%llu acquires %s, flags %llx: "
		     "%d, %llx instead of %d, %llx", m->conns[conn].id,
		     names[name], flags, r, returned, wanted, expected) < 0)
		abort();
	return str;
}

static char *step_release(struct model *m, bool *ok)
{
	const int conn = roll(m, N_CONNS), name = roll(m, N_NAMES);
	int r, wanted;
	char *str;

	wanted = model_release(m, conn, name);
	r = name_release(&m->conns[conn], names[name]);
	*ok = r == wanted;
	if (asprintf(&str, "%llu releases %s: %d instead of %d",
		     m->conns[conn].id, names[name], r, wanted) < 0)
		abort();
	return str;
}

static char *step_end(struct model *m, const struct domain *d, bool *ok)
{
	const int conn = roll(m, N_CONNS), byebye = roll(m, 2);
	const __u64 id = m->conns[conn].id;
	char *str;

	model_close(m, conn);
	*ok = !byebye || conn_byebye(&m->conns[conn]) == 0;
	conn_close(&m->conns[conn]);
	*ok = conn_new(&m->conns[conn], d, "0-bus") == 0 && *ok;
	model_event(m, id_event("ID_ADD", m->conns[conn].id, 0));
	if (asprintf(&str, "%llu %s, %llu comes", id,
		     byebye ? "says BYEBYE" : "is closed",
		     m->conns[conn].id) < 0)
		abort();
	return str;
}

/* Where a message to a name goes: to its owner, and nowhere else */
static bool reaches_its_owner(struct model *m, const struct conn *watcher)
{
	const int name = roll(m, N_NAMES);
	const struct conn *owner = &m->conns[m->queue[name][0]];
	int r;

	r = send_to_name(watcher, 0, names[name], 1000 + m->step);
	if (!m->queued[name])
		return r == -ESRCH;
	return r == 0 && receive_cookie(owner) == 1000 + m->step;
}

static const char *instead(const char *found, const char *expected)
{
	char *str;

	if (asprintf(&str, "\"%s\" instead of \"%s\"", found, expected) < 0)
		abort();
	return str;
}

/* Says what is not as in the model, or NULL. */
static const char *mismatch(struct model *m, const struct conn *watcher)
{
	const __u64 flags = roll(m, 2) ? roll(m, 16) : 0xf;
	const char *found, *expected;
	int i;

	for (i = 0; i <= m->n_events; i++) {
		found = heard(watcher);
		expected = i < m->n_events ? m->events[i] : "";
		if (strcmp(found, expected))
			return instead(found, expected);
	}
	found = listed(watcher, flags);
	expected = model_list(m, watcher, flags);
	if (strcmp(found, expected))
		return instead(found, expected);
	if (!reaches_its_owner(m, watcher))
		return "the owner does not get a message";
	return NULL;
}

TEST_F(model, holds)
{
	const time_t end = time(NULL) + N_SECONDS;
	struct model *m = &self->model;
	const char *wrong;
	unsigned int dice;
	char *what;
	bool ok;

	for (m->step = 0; m->step < N_STEPS && time(NULL) < end; m->step++) {
		m->n_events = 0;
		dice = roll(m, 20);
		if (dice < 15)
			what = step_acquire(m, &ok);
		else if (dice < 19)
			what = step_release(m, &ok);
		else
			what = step_end(m, &self->domain, &ok);
		wrong = mismatch(m, &self->watcher);
		ASSERT_TRUE(ok && !wrong) {
			TH_LOG("seed %llx, step %u: %s: %s", variant->seed,
			       m->step, what, wrong ?: "");
		}
		free(what);
	}
	TH_LOG("seed %llx: %u steps", variant->seed, m->step);
}

KDBUS_HARNESS_MAIN
