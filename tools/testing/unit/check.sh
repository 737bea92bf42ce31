#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# check.sh PROGRAM...
#
# Runs tests that report in KTAP, all of them also after a failure.

[ $# -gt 0 ] || { echo "# no tests"; exit 1; }

failed=

for program; do
	name=${program##*/}
	echo "# $name"
	"$program" || failed="$failed $name"
done

if [ "$failed" ]; then
	echo "# failed:$failed"
	exit 1
fi
echo "# all passed"
