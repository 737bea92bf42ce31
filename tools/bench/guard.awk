# SPDX-License-Identifier: LGPL-2.1+
#
# awk -v kernel=6.1 -f guard.awk guard.tsv FIGURES: compares the figures with the
# limits for this kernel, prints KTAP. 5 % more than the limit is allowed.

BEGIN { FS = "\t" }

/^#/ { next }

FNR == NR {
	if ($1 == kernel) {
		title[++rows] = $2
		figure[rows] = $3
		over[rows] = $4
		limit[rows] = $5
	}
	next
}

{ value[$1 ":" $2 ":" $3] = $4 }

END {
	print "TAP version 13"
	if (!rows) {
		print "1..0 # SKIP there are no limits for kernel " kernel
		exit
	}
	print "1.." rows
	for (i = 1; i <= rows; i++) {
		if (!value[figure[i]] || !value[over[i]]) {
			print "not ok " i " - cost of " title[i] ": no figure"
			failed = 1
			continue
		}
		ratio = value[figure[i]] / value[over[i]]
		ok = ratio <= limit[i] * 1.05
		failed = failed || !ok
		printf "# %.3f, limit %s + 5 %%\n", ratio, limit[i]
		if (ok)
			print "ok " i " - cost of " title[i]
		else
			printf "not ok %d - cost of %s: %.3f\n", i, title[i], ratio
	}
	exit failed
}
