# SPDX-License-Identifier: LGPL-2.1+
#
# gnuplot -e "dir='DIR'" plot.gp: draws DIR/instructions.tsv.

set terminal pngcairo size 900,600 font "sans,11"
set datafile separator "\t"
set logscale xy
set grid
set key left top
set ylabel "guest instructions"
table = dir."/instructions.tsv"

# the lines of one figure of one system
rows(figure, system) = sprintf( \
	"< awk -F'\\t' '$1 == \"%s\" && $2 == \"%s\" && $3 > 0' %s", \
	figure, system, table)

set output dir."/calls.png"
set title "Request and reply of the same size, two processes"
set xlabel "payload, bytes"
set format x "%.0f"
plot for [s in "unix unix-poll kdbus kdbus-memfd dbus-broker dbus-daemon"] \
	rows("call", s) using 3:4 with linespoints lw 2 title s

set output dir."/connections.png"
set title "Cost over the number of connections that are there"
set xlabel "other connections"
plot for [s in "kdbus dbus-broker dbus-daemon"] \
	rows("call-others", s) using 3:4 with linespoints lw 2 \
		title s.": call, 64 B", \
	for [s in "kdbus dbus-broker dbus-daemon"] \
	rows("broadcast-unwanted", s) using 3:4 with linespoints lw 2 dt 2 \
		title s.": signal that nobody wants", \
	rows("hello", "kdbus") using 3:4 with linespoints lw 2 dt 3 \
		title "kdbus: HELLO", \
	rows("close", "kdbus") using 3:4 with linespoints lw 2 dt 3 \
		title "kdbus: close"
