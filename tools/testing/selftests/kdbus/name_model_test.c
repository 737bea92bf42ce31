// SPDX-License-Identifier: LGPL-2.1+
/*
 * Random steps of several connections that acquire and release names, of
 * activators of these names and of messages to them, compared with a model of
 * what should come of it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "activator_util.h"
#include "kdbus_harness.h"

#define N_CONNS		4
#define N_NAMES		3
#define N_STEPS		3000
#define N_WAITING	64

/* How long they take depends on the machine. */
#define N_SECONDS	20

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
 * struct box - messages that a connection has not received yet
 * @n:		how many there are
 * @messages:	in the order in which they are going to be received
 */
struct box {
	unsigned int n;
	struct {
		__u64 cookie;
		int name;
		unsigned int life;
	} messages[N_WAITING];
};

/**
 * struct model - what should be
 * @conns:	connections
 * @records:	by connection and name
 * @queue:	for each name the connections that own it and wait for it
 * @queued:	how many that are
 * @activators:	for each name its activator
 * @activated:	for each name the flags of its activator, 0 if there is none
 * @lives:	for each name how often it came to be
 * @boxes:	for each connection and then for each activator
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
	struct conn activators[N_NAMES];
	__u64 activated[N_NAMES];
	unsigned int lives[N_NAMES];
	struct box boxes[N_CONNS + N_NAMES];
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

/* Connections and, behind them, activators, by number */
static const struct conn *conn_at(const struct model *m, int number)
{
	if (number < N_CONNS)
		return &m->conns[number];
	return &m->activators[number - N_CONNS];
}

/* The number of who gets messages to the name, or -1 */
static int holder_of(const struct model *m, int name)
{
	if (m->queued[name])
		return m->queue[name][0];
	return m->activated[name] ? N_CONNS + name : -1;
}

/* Move the messages to a name from one to the end of another box. */
static void model_migrate(struct model *m, int name, int from, int to)
{
	struct box *old = &m->boxes[from], *new = &m->boxes[to];
	unsigned int i, kept = 0;

	for (i = 0; i < old->n; i++) {
		if (old->messages[i].name == name &&
		    old->messages[i].life == m->lives[name])
			new->messages[new->n++] = old->messages[i];
		else
			old->messages[kept++] = old->messages[i];
	}
	old->n = kept;
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
		if (m->activated[name])
			model_event(m, NAME_CHANGE(&m->activators[name], HOLDS,
						   &m->conns[conn],
						   saved | PRIMARY,
						   names[name]));
		else
			model_event(m, NAME_ADD(&m->conns[conn],
						saved | PRIMARY, names[name]));
		if (m->activated[name]) {
			m->activated[name] = STANDS_BY;
			model_migrate(m, name, N_CONNS + name, conn);
		} else {
			m->lives[name]++;
		}
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
		return holder_of(m, name) < 0 ? -ESRCH : -EADDRINUSE;
	queue_remove(m, name, place);
	if (place > 0)
		return 0;
	if (!m->queued[name] && m->activated[name]) {
		m->activated[name] = HOLDS;
		model_migrate(m, name, conn, N_CONNS + name);
		model_event(m, NAME_CHANGE(&m->conns[conn], flags,
					   &m->activators[name], HOLDS,
					   names[name]));
		return 0;
	}
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
	m->boxes[conn].n = 0;
	model_event(m, id_event("ID_REMOVE", m->conns[conn].id, 0));
}

/* The one that has the smallest id above @id; or -1 */
static int conn_after(const struct model *m, __u64 id)
{
	int i, found = -1;

	for (i = 0; i < N_CONNS + N_NAMES; i++) {
		if (i >= N_CONNS && !m->activated[i - N_CONNS])
			continue;
		if (conn_at(m, i)->id > id &&
		    (found < 0 || conn_at(m, i)->id < conn_at(m, found)->id))
			found = i;
	}
	return found;
}

static int list_activator(const struct model *m, int name, __u64 flags,
			  char *str)
{
	const __u64 id = m->activators[name].id;

	if (flags & KDBUS_LIST_ACTIVATORS)
		return sprintf(str, "%llu %s %llx; ", id, names[name],
			       m->activated[name]);
	if (flags & KDBUS_LIST_UNIQUE)
		return sprintf(str, "%llu; ", id);
	return 0;
}

/* What listed() should return. A record of a name is made in one step each. */
static const char *model_list(const struct model *m, const struct conn *watcher,
			      __u64 flags)
{
	static char str[4096];
	__u64 last = 0, held;
	size_t n = 0, before;
	int conn, name;

	str[0] = 0;
	if (flags & KDBUS_LIST_UNIQUE)
		n = sprintf(str, "%llu; ", watcher->id);
	while ((conn = conn_after(m, last)) >= 0) {
		last = conn_at(m, conn)->id;
		if (conn >= N_CONNS) {
			n += list_activator(m, conn - N_CONNS, flags, str + n);
			continue;
		}
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
	const int expected = m->boxes[conn].n ? -EBUSY : 0;
	const __u64 id = m->conns[conn].id;
	char *str;

	model_close(m, conn);
	*ok = !byebye || conn_byebye(&m->conns[conn]) == expected;
	conn_close(&m->conns[conn]);
	*ok = conn_new(&m->conns[conn], d, "0-bus") == 0 && *ok;
	model_event(m, id_event("ID_ADD", m->conns[conn].id, 0));
	if (asprintf(&str, "%llu %s, %llu comes", id,
		     byebye ? "says BYEBYE" : "is closed",
		     m->conns[conn].id) < 0)
		abort();
	return str;
}

static char *step_activator(struct model *m, const struct domain *d, bool *ok)
{
	const int name = roll(m, N_NAMES);
	struct conn *act = &m->activators[name];
	char *str;
	int r;

	if (!m->activated[name]) {
		*ok = activator_new(act, d, names[name], 0) == 0;
		model_event(m, id_event("ID_ADD", act->id, ACTIVATOR));
		m->activated[name] = m->queued[name] ? STANDS_BY : HOLDS;
		if (!m->queued[name])
			m->lives[name]++;
		if (!m->queued[name])
			model_event(m, NAME_ADD(act, HOLDS, names[name]));
		r = asprintf(&str, "%llu activates %s", act->id, names[name]);
	} else {
		conn_close(act);
		if (!m->queued[name])
			model_event(m, NAME_REMOVE(act, HOLDS, names[name]));
		model_event(m, id_event("ID_REMOVE", act->id, ACTIVATOR));
		m->activated[name] = 0;
		m->boxes[N_CONNS + name].n = 0;
		*ok = true;
		r = asprintf(&str, "activator %llu of %s leaves", act->id,
			     names[name]);
	}
	if (r < 0)
		abort();
	return str;
}

/* Receive some or all of what should be there. */
static bool receives(struct model *m, int number, unsigned int n)
{
	struct box *box = &m->boxes[number];
	unsigned int i;

	for (i = 0; i < n && i < box->n; i++)
		if (receive_cookie(conn_at(m, number)) !=
		    box->messages[i].cookie)
			return false;
	if (n > box->n && receive_cookie(conn_at(m, number)) != 0)
		return false;
	box->n -= i;
	memmove(box->messages, box->messages + i,
		box->n * sizeof(box->messages[0]));
	return true;
}

/* Where a message to a name goes: to whoever holds it, and nowhere else */
static bool reaches_its_holder(struct model *m, const struct conn *watcher)
{
	const int name = roll(m, N_NAMES), holder = holder_of(m, name);
	const __u64 cookie = 1000 + m->step;
	struct box *box;
	int r;

	r = send_to_name(watcher, 0, names[name], cookie);
	if (holder < 0)
		return r == -ESRCH;
	box = &m->boxes[holder];
	box->messages[box->n].cookie = cookie;
	box->messages[box->n].name = name;
	box->messages[box->n].life = m->lives[name];
	box->n++;
	return r == 0;
}

/* No box can overflow: all together are never fuller than one may be. */
static bool all_receive(struct model *m)
{
	unsigned int sum = 0, most = N_WAITING / 2;
	int i;

	for (i = 0; i < N_CONNS + N_NAMES; i++)
		sum += m->boxes[i].n;
	for (i = 0; i < N_CONNS + N_NAMES; i++) {
		if (i >= N_CONNS && !m->activated[i - N_CONNS])
			continue;
		if (sum > most || roll(m, 8) == 0)
			if (!receives(m, i, sum > most ? ~0U : roll(m, 4)))
				return false;
	}
	return true;
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
	if (!reaches_its_holder(m, watcher))
		return "a message to a name fails";
	if (!all_receive(m))
		return "messages are not where they should be";
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
		if (dice < 14)
			what = step_acquire(m, &ok);
		else if (dice < 15)
			what = step_activator(m, &self->domain, &ok);
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
