# SPDX-License-Identifier: LGPL-2.1+
#
# awk -f report.awk aims.tsv INSTRUCTIONS GUARD TIME: the tables for people.
# Costs are medians.

BEGIN { FS = "\t" }

/^#/ { next }

FILENAME == ARGV[1] {
	title[++rows] = $1
	old[rows] = $2
	figure[rows] = $3
	over[rows] = $4
	limit[rows] = $5
	next
}

FILENAME == ARGV[2] { value[$1 ":" $2 ":" $3] = $4; all_parts = 1 }
FILENAME == ARGV[4] { timed[$1 ":" $2 ":" $3] = $4; by_time = 1 }
FILENAME == ARGV[3] {
	key = $1 ":" $2 ":" $3
	again[key] = $4
	# better than nothing
	if (!all_parts)
		value[key] = $4
	short = 1
}

# 1234567 -> 1,234,567
function number(n,    text)
{
	if (n == "" || n == "-")
		return "-"
	n = sprintf("%.0f", n)
	while (length(n) > 3) {
		text = "," substr(n, length(n) - 2) text
		n = substr(n, 1, length(n) - 3)
	}
	return n text
}

function ratio(a, b)
{
	return a == "" || !b ? "-" : sprintf("%.2f", a / b)
}

function heading(text)
{
	print ""
	print text
	gsub(/./, "-", text)
	print text
}

# the same figure of another system
function other(key, whose,    part)
{
	split(key, part, ":")
	return value[part[1] ":" whose ":" part[3]]
}

function aims(    i, v, shown, verdict, met)
{
	heading("Figures to reach")
	printf "%-46s %9s %9s %9s %9s %9s %8s %8s\n", "guest instructions",
		"AF_UNIX", "broker", "daemon", "2015", "kdbus", "reached",
		"limit"
	for (i = 1; i <= rows; i++) {
		v = value[figure[i]]
		if (v == "") {
			verdict = "not measured"
			shown = "-"
		} else {
			shown = over[i] == "-" ? v : v / value[over[i]]
			verdict = shown <= limit[i] + 0 ? "met" : "missed"
			met += verdict == "met"
			shown = over[i] == "-" ? number(v) : \
				sprintf("%.3f", shown)
		}
		printf "%-46s %9s %9s %9s %9s %9s %8s %8s %s\n", title[i],
			number(other(figure[i], "unix-poll")),
			number(other(figure[i], "dbus-broker")),
			number(other(figure[i], "dbus-daemon")),
			number(old[i]), number(v), shown,
			over[i] == "-" ? number(limit[i]) : limit[i], verdict
	}
	print ""
	print met + 0 " of " rows " met. Limits below 10 are ratios: to " \
		"AF_UNIX with a poll before each read"
	print "for calls, else to what the row names."
}

function line(name, a, b, c)
{
	printf "%-28s %12s", name, number(a)
	if (b != "")
		printf " %12s %12s", number(b), number(c)
	print ""
}

function row(name, figures, systems, n, values,    i, s)
{
	printf "%-28s", name
	s = split(systems, list, " ")
	for (i = 1; i <= s; i++)
		printf " %12s", number(values[figures ":" list[i] ":" n])
	print ""
}

function columns(name, systems,    i, s)
{
	printf "%-28s", name
	s = split(systems, list, " ")
	for (i = 1; i <= s; i++)
		printf " %12s", list[i]
	print ""
}

function calls(    i, n, all)
{
	all = "unix unix-poll kdbus kdbus-memfd dbus-broker dbus-daemon"
	heading("Request and reply of the same size, two processes")
	columns("payload, bytes", all)
	n = split("64 256 1024 4096 16384 65536 262144 1048576", size, " ")
	for (i = 1; i <= n; i++)
		row(number(size[i]), "call", all, size[i], value)
	print ""
	print "unix: SEQPACKET, blocking; unix-poll: poll before each read; " \
		"kdbus-memfd: payload in a"
	print "sealed memfd that is there already, mapped and unmapped by " \
		"the receiver."
}

function growth(    i, n, all)
{
	all = "kdbus dbus-broker dbus-daemon"
	heading("Cost over the number of other connections")
	columns("call, 64 B", all)
	n = split("10 100 1000 10000", others, " ")
	for (i = 1; i <= n; i++)
		row(number(others[i]), "call-others", all, others[i], value)
	print ""
	columns("signal nobody wants", all)
	n = split("0 10 100 1000 10000", others, " ")
	for (i = 1; i <= n; i++)
		row(number(others[i]), "broadcast-unwanted", all,
		    others[i], value)
	print ""
	printf "%-28s %12s %12s %12s %12s\n", "kdbus", "HELLO", "close",
		"MATCH_ADD", "SEND by id"
	for (i = 1; i <= n; i++)
		printf "%-28s %12s %12s %12s %12s\n", number(others[i]),
			number(value["hello:kdbus:" others[i]]),
			number(value["close:kdbus:" others[i]]),
			number(value["match-add:kdbus:" others[i]]),
			number(value["send-others:kdbus:" others[i]])
	print ""
	print "Each of the others has five subscriptions, but where calls " \
		"are measured."
}

function steps(    i, n)
{
	heading("Steps of a message")
	printf "%-28s %12s %12s %12s\n", "payload, bytes", "SEND", "RECV",
		"FREE"
	n = split("64 4096 65536", size, " ")
	for (i = 1; i <= n; i++)
		printf "%-28s %12s %12s %12s\n", number(size[i]),
			number(value["send:kdbus:" size[i]]),
			number(value["recv:kdbus:" size[i]]),
			number(value["free:kdbus:" size[i]])
	print ""
	printf "SEND of 64 B, nobody watches: %s; a monitor reads: %s; a " \
		"monitor is idle, its queue full: %s\n",
		number(value["send-monitor-none:kdbus:64"]),
		number(value["send-monitor-reading:kdbus:64"]),
		number(value["send-monitor-idle:kdbus:64"])
}

function broadcast(    all)
{
	all = "kdbus dbus-broker dbus-daemon"
	heading("Signal to 100 who want it, per delivery, all told")
	columns("", all)
	row("one at a time", "broadcast-all", all, 100, value)
	row("16, then they are read", "broadcast-burst", all, 100, value)
}

function memory(    i)
{
	heading("Memory, bytes")
	columns("for each that is idle", "charged system pool")
	line("kdbus connection", value["idle-charged:kdbus:4000"],
	     value["idle-slab:kdbus:4000"], value["idle-pool:kdbus:4000"])
	line("pair of AF_UNIX sockets", value["idle-charged:unix:4000"],
	     value["idle-slab:unix:4000"], value["idle-pool:unix:4000"])
	print ""
	print "charged: to the control group; system: slabs, per-CPU and " \
		"vmalloc memory of all."
	print ""
	columns("pool", "bytes")
	line("before a burst", value["burst-before:kdbus:0"])
	line("7,864,320 bytes received", value["burst-peak:kdbus:7864320"])
	for (i = 1; i <= 8; i *= 2)
		line("given back, after " i " s", value["burst-after:kdbus:" i])
}

function repeatable(    key, n, most, off)
{
	for (key in again) {
		if (!value[key])
			continue
		n++
		off = again[key] / value[key] - 1
		off = off < 0 ? -off : off
		if (off > most) {
			most = off
			worst = key
		}
	}
	heading("Repeatability")
	printf "%d figures of another run, in another virtual machine: " \
		"within %.2f %% (%s)\n", n, most * 100, worst
}

function times(    i, all)
{
	all = "unix unix-poll kdbus dbus-broker dbus-daemon"
	heading("Time, two processors")
	columns("call, 64 B, nanoseconds", all)
	row("same processor, p50", "p50-same", all, 64, timed)
	row("same processor, p99", "p99-same", all, 64, timed)
	row("across processors, p50", "p50-across", all, 64, timed)
	row("across processors, p99", "p99-across", all, 64, timed)
	print ""
	columns("one way, messages/s", "unix kdbus")
	for (i = 1; i <= 4; i *= 2)
		row(i " to 1", "stream", "unix kdbus", i, timed)
	print ""
	columns("independent pairs, calls/s", "unix-poll kdbus")
	for (i = 1; i <= 2; i++)
		row(i, "pairs", "unix-poll kdbus", i, timed)
	print ""
	print "Senders are on one processor, the receiver is on the other " \
		"one; a pair is on one."
}

END {
	if (all_parts || short)
		aims()
	if (all_parts) {
		if (short)
			repeatable()
		calls()
		steps()
		broadcast()
		growth()
		memory()
	}
	if (by_time)
		times()
}
