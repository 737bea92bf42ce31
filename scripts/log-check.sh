#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# log-check.sh FILE: looks through a kernel log for anything that says that
# the kernel is not well, prints it with what is around it and fails.

. "${0%/*}/common.sh"

[ -r "$1" ] || die "there is no kernel log $1"

awk '
# What was before the tests is not about them.
/kdbus-guest: begin/ { begun = 1; n = 0 }
/kdbus-guest: / { next }
{ line[++n] = $0 }

END {
	if (!begun) {
		for (i = n > 20 ? n - 20 : 1; i <= n; i++)
			print line[i]
		exit 1
	}
	for (i = 1; i <= n; i++) {
		# Data races of the kernel without us are not ours to judge.
		if (line[i] ~ /BUG: KCSAN:/ && !is_ours(i)) {
			while (i < n && line[i] !~ /=====/)
				i++
			continue
		}
		# These two print a stack to explain something harmless:
		# a test asked for the failure.
		if (line[i] ~ /FAULT_INJECTION: forcing|invoked oom-killer/)
			harmless = 1
		else if (harmless && line[i] ~ /<\/TASK>/)
			harmless = 0
		else if (line[i] ~ bad &&
			 !(harmless && line[i] ~ /Call Trace:/))
			print_around(i)
	}
	# The end is what is seen of a long output.
	for (i = 0; i < found && i < 8; i++)
		print (i ? "" : "--\n") what[i]
	exit found > 0
}

# Of each of the two stacks, what called a waiter that was to be woken, and what
# was interrupted, has nothing to do with what was accessed.
function is_ours(at,    counts) {
	for (; at <= n && line[at] !~ /=====/; at++) {
		if (line[at] ~ / by (task|interrupt) /)
			counts = 1
		else if (line[at] ~ / (__wake_up_common|asm_[a-z0-9_]+)\+0x/)
			counts = 0
		else if (counts && line[at] ~ ours)
			return 1
	}
	return 0
}

function print_around(at,    from, to)
{
	if (at > printed)
		what[found++] = line[at]
	from = at - 3 > printed ? at - 3 : printed + 1
	to = at + 40 < n ? at + 40 : n
	if (from <= to && from != printed + 1)
		print "--"
	for (; from <= to; from++)
		print line[printed = from]
}

BEGIN {
	ours = "\\[kdbus[0-9]*\\]"
	bad = "(BUG|WARNING|Oops|UBSAN|KASAN|KFENCE|ODEBUG|refcount_t)[ :]" \
	"|\\[#[0-9]+\\]|Call Trace:|cut here|Kernel panic" \
	"|INFO: (task|rcu|possible|trying|lockdep|Slab|Object|Freed)" \
	"|(possible|inconsistent|suspicious) .*(lock|RCU)" \
	"|(soft|hard|workqueue) ?lockup|blocked for more than" \
	"|rcu.*(stall|detected)|scheduling while atomic" \
	"|sleeping function called|use-after-free|double[- ]free" \
	"|(list_add|list_del|slab|stack|page|heap).*corrupt" \
	"|single bit error|[Pp]oison overwritten|Redzone|Bad page|bad (page|area|unlock)" \
	"|unreferenced object|kmemleak: .*(new suspected|disabled)" \
	"|unable to handle|Busy inodes|Objects remaining|still in use" \
	"|DEBUG_LOCKS_WARN_ON|lock held|cannot create duplicate" \
	"|kobject.*(tried|error)|page allocation failure|Memory pool empty"
}
' "$1"
