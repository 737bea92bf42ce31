// SPDX-License-Identifier: LGPL-2.1+
/*
 * kdbus-fuzz [-t SECONDS] [-n PROGRAMS] [-s SEED] [-p PROGRAM [-r TIMES]]
 *
 * Runs random programs against kdbus until time or their number is up, first
 * one operation after the other and then all executors at once, and keeps what
 * reaches code that nothing reached before as a base for further ones. Ends
 * with status 1 and the program when the kernel complains, or answers what it
 * must not.
 *
 * The programs follow from the seed; where the kernel tells its coverage, as
 * far as that is the same again. With -p it runs one program.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define MAX_CORPUS	4096
#define TEXT_SIZE	(MAX_OPS * 16 + 1)

static struct program corpus[MAX_CORPUS];
static unsigned int n_corpus;
static int kmsg = -1;

/*
 * The kernel's log
 */

static void log_open(void)
{
	kmsg = open("/dev/kmsg", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (kmsg >= 0)
		lseek(kmsg, 0, SEEK_END);
}

/* The machine may not survive it: let the log tell what it was. */
static void log_program(const struct program *p)
{
	char text[TEXT_SIZE], line[TEXT_SIZE + 32];
	int len;

	program_text(p, text, sizeof(text));
	len = snprintf(line, sizeof(line), "<7>kdbus-fuzz: %s\n", text);
	if (kmsg >= 0 && write(kmsg, line, len) < 0)
		perror("kdbus-fuzz: /dev/kmsg");
}

static bool is_bad(const char *line)
{
	static const char *const bad[] = {
		"BUG:", "WARNING:", "KASAN:", "UBSAN:", "Oops:", "refcount_t:",
		"INFO: task", "INFO: rcu", "INFO: possible", "ODEBUG:",
		"general protection", "possible circular", "suspicious RCU",
		"unable to handle", "still in use", "Busy inodes",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (strstr(line, bad[i]))
			return true;
	return false;
}

static void log_check(void)
{
	char line[2048];
	ssize_t len;

	while (kmsg >= 0) {
		len = read(kmsg, line, sizeof(line) - 1);
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			break;
		line[len] = 0;
		if (!strstr(line, "kdbus-fuzz:") && is_bad(line)) {
			line[strcspn(line, "\n")] = 0;
			fail("kernel: %.200s", line);
		}
	}
}

/*
 * Running
 */

static bool fails(const struct program *p)
{
	shared->failure[0] = 0;
	executors_run(p, false);
	log_check();
	return shared->failure[0];
}

static bool fails_somehow(const struct program *p)
{
	int i;

	for (i = 0; i < 5; i++) {
		if (fails(p))
			return true;
		executors_run(p, true);
		log_check();
		if (shared->failure[0])
			return true;
	}
	return false;
}

static void show(const struct program *p)
{
	char text[TEXT_SIZE];
	unsigned int i;

	program_text(p, text, sizeof(text));
	printf("program: %s\n", text);
	for (i = 0; i < p->n; i++) {
		const struct op *op = &p->ops[i];
		static const char *const others[] = {
			"open", "close", "mmap", "poll", "take", "kill",
		};

		printf("  executor %u, slot %2u: %s %08x\n", op->executor,
		       op->slot, op->kind >= OP_OPEN ?
		       others[op->kind - OP_OPEN] : abi_commands[op->kind].name,
		       op->seed);
	}
}

static int found(struct program *p)
{
	char failure[FAILURE_SIZE];
	struct program less = *p;

	strcpy(failure, shared->failure);
	printf("failed: %s\n", failure);
	show(p);
	fflush(stdout);
	/* what the kernel complains of once, it may not complain of again */
	if (strncmp(failure, "kernel:", 7) != 0 &&
	    program_minimise(&less, fails_somehow)) {
		printf("minimised: %s\n", shared->failure[0] ?
		       shared->failure : failure);
		show(&less);
	}
	return 1;
}

static void choose(struct program *p, struct rng *r)
{
	if (n_corpus == 0 || one_in(r, 4)) {
		program_make(p, r);
		return;
	}
	*p = corpus[below(r, n_corpus)];
	program_mutate(p, &corpus[below(r, n_corpus)], r);
}

static void report(unsigned long n, uint64_t digest)
{
	unsigned int i, edges = 0;

	for (i = 0; i < SIGNAL_SIZE; i++)
		edges += shared->signal[i];
	for (i = 0; i < abi_n_commands; i++)
		printf("  %-16s %8u tried %8u succeeded\n",
		       abi_commands[i].name, shared->tried[i],
		       shared->succeeded[i]);
	printf("%lu programs, %u operations, %u kept, %u steps covered, "
	       "digest %016llx\n", n, shared->done, n_corpus, edges,
	       (unsigned long long)digest);
}

static int fuzz(uint64_t seed, time_t end, unsigned long limit)
{
	uint64_t digest = 0xcbf29ce484222325ULL;
	struct program p;
	unsigned long n;
	struct rng r;

	rng_init(&r, seed);
	for (n = 0; n < limit && time(NULL) < end; n++) {
		choose(&p, &r);
		digest = program_digest(&p, digest);
		log_program(&p);
		shared->fresh = 0;
		if (fails(&p))
			return found(&p);
		if (shared->fresh && n_corpus < MAX_CORPUS)
			corpus[n_corpus++] = p;
		executors_run(&p, true);
		log_check();
		if (shared->failure[0])
			return found(&p);
	}
	report(n, digest);
	return 0;
}

static int run_given(const char *text, unsigned long times)
{
	struct program p;

	if (!program_parse(&p, text)) {
		fprintf(stderr, "kdbus-fuzz: no program: %s\n", text);
		return 2;
	}
	while (times--) {
		if (fails_somehow(&p)) {
			printf("failed: %s\n", shared->failure);
			show(&p);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long seconds = 60, limit = ~0UL, times = 10;
	const char *program = NULL;
	uint64_t seed = 1;
	int c;

	while ((c = getopt(argc, argv, "t:n:s:p:r:")) != -1) {
		switch (c) {
		case 't': seconds = strtoul(optarg, NULL, 0); break;
		case 'n': limit = strtoul(optarg, NULL, 0); break;
		case 's': seed = strtoull(optarg, NULL, 0); break;
		case 'p': program = optarg; break;
		case 'r': times = strtoul(optarg, NULL, 0); break;
		default:
			fprintf(stderr, "usage: kdbus-fuzz [-t SECONDS] "
				"[-n PROGRAMS] [-s SEED] "
				"[-p PROGRAM [-r TIMES]]\n");
			return 2;
		}
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_open();
	executors_init();
	if (program)
		return run_given(program, times);
	printf("seed %llu, %s coverage\n", (unsigned long long)seed,
	       has_coverage ? "with" : "without");
	return fuzz(seed, time(NULL) + seconds, limit);
}
