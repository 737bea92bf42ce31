# SPDX-License-Identifier: LGPL-2.1+
#
# awk -v ours="NAME NAME" -f locks.awk LOCK_STAT: which locks were waited for
# while the bus was busy, from /proc/lock_stat. @ours: the module's own classes.

BEGIN {
	n = split(ours, list, " ")
	for (i = 1; i <= n; i++)
		own[list[i]] = 1
}

# name: con-bounces contentions min max total avg, then the same for holding
/: +[0-9]+ +[0-9]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9]+/ {
	name = $0
	sub(/^ */, "", name)
	sub(/: +[0-9].*/, "", name)
	sub(/.*: +/, "")
	split($0, field, / +/)
	plain = name
	sub(/(-[RW]|[#\/][0-9]+)*$/, "", plain)
	found[++count] = name
	mine[count] = plain in own
	contentions[count] = field[2]
	waited[count] = field[5]
	longest[count] = field[4]
	acquired[count] = field[8]
	held[count] = field[12]
}

function show(i)
{
	printf "%-36s %12d %12d %8.3f %12.0f %12.0f %10.1f\n", found[i],
		acquired[i], contentions[i],
		acquired[i] ? 100 * contentions[i] / acquired[i] : 0,
		waited[i], longest[i], held[i]
	shown[i] = 1
}

# the one that was waited for longest, of those not shown yet
function next_one(own_only,    i, best)
{
	for (i = 1; i <= count; i++) {
		if (shown[i] || (own_only && !mine[i]))
			continue
		if (!best || waited[i] > waited[best])
			best = i
	}
	return best
}

END {
	print ""
	print "Locks while calls, streams, signals and new connections go on, " \
		"two processors"
	print "---------------------------------------------------------------" \
		"----------------"
	if (!count) {
		print "no statistics"
		exit 1
	}
	printf "%-36s %12s %12s %8s %12s %12s %10s\n", "of the module",
		"acquired", "contended", "%", "waited, us", "longest, us",
		"held, us"
	while (i = next_one(1)) {
		if (acquired[i])
			show(i)
		shown[i] = 1
	}
	print ""
	print "others, the worst"
	for (k = 0; k < 8 && (i = next_one(0)) && contentions[i]; k++)
		show(i)
	print ""
	print "\"held\" is the mean. Time is that of an emulated processor " \
		"with lock statistics switched on."
}
