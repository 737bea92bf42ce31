// SPDX-License-Identifier: LGPL-2.1+
/*
 * Clock, statistics, processes, payload and output of the benchmark.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

char payload[MAX_PAYLOAD];

void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "kdbus-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "kdbus-bench: %s\n", what);
	exit(1);
}

/*
 * Clock and statistics
 */

uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t percentile(uint64_t *values, size_t n, double percent)
{
	size_t i = n * percent / 100;

	qsort(values, n, sizeof(*values), compare);
	return values[i < n ? i : n - 1];
}

uint64_t median(uint64_t *values, size_t n)
{
	return percentile(values, n, 50);
}

static uint64_t clock_cost(void)
{
	static uint64_t cost;
	uint64_t t[ROUNDS], start;
	int i;

	if (cost)
		return cost;
	for (i = 0; i < ROUNDS; i++) {
		start = now();
		t[i] = now() - start;
	}
	cost = median(t, ROUNDS);
	return cost;
}

uint64_t cost(uint64_t *values, size_t n)
{
	uint64_t value = median(values, n), clock = clock_cost();

	return value > clock ? value - clock : 0;
}

unsigned int rounds_for(size_t size)
{
	return size > 65536 ? ROUNDS / 5 : ROUNDS;
}

/*
 * Processes and files
 */

void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % sysconf(_SC_NPROCESSORS_ONLN), &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		die("sched_setaffinity");
}

/* like fork(); children do not outlive the benchmark */
pid_t start_child(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		die("prctl");
	return pid;
}

void wait_for_child(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	check(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	      "the other process failed");
}

void wait_for_input(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (poll(&pfd, 1, -1) < 0)
		die("poll");
}

void raise_file_limit(unsigned int files)
{
	const struct rlimit limit = { files, files };

	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("RLIMIT_NOFILE");
}

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die(path);
	close(fd);
}

/* the number behind the word @field in a file of many lines, 0 if not there */
uint64_t read_field(const char *path, const char *field)
{
	FILE *file = fopen(path, "re");
	uint64_t value = 0, number;
	char line[256], word[128];

	if (!file)
		die(path);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%127s %" SCNu64, word, &number) == 2 &&
		    strcmp(word, field) == 0)
			value = number;
	}
	fclose(file);
	return value;
}

void report(const char *figure, const char *system, uint64_t n, uint64_t value)
{
	printf("%s\t%s\t%" PRIu64 "\t%" PRIu64 "\n", figure, system, n, value);
	fflush(stdout);
}

/*
 * Payload
 */

void stamp(size_t size, uint64_t number)
{
	static size_t stamped;

	if (size != stamped)
		memset(payload, 'x', sizeof(payload));
	stamped = size;
	memcpy(payload, &number, sizeof(number));
	memcpy(payload + size - sizeof(number), &number, sizeof(number));
}

static bool is_filled(const char *data, size_t size)
{
	size_t i;

	for (i = sizeof(uint64_t); i < size - sizeof(uint64_t); i++) {
		if (data[i] != 'x')
			return false;
	}
	return true;
}

void expect(const void *data, size_t size, uint64_t number, bool whole)
{
	uint64_t first, last;

	memcpy(&first, data, sizeof(first));
	memcpy(&last, (const char *)data + size - sizeof(last), sizeof(last));
	check(first == number && last == number,
	      "a message that arrived is another one");
	check(!whole || is_filled(data, size), "a message is damaged");
}
