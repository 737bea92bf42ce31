# SPDX-License-Identifier: GPL-2.0
#
# Reads the KTAP output of test programs and prints one line for each test
# case: "ok NAME", "not ok NAME" or "skip NAME".
#
# A line at the margin is the result of a program whose cases, if it printed
# any, came before it, behind "# " (kselftest) or indented (KTAP). It counts
# as a case only when it says something that its cases did not.

function result(line, prefix,    name, verdict)
{
	verdict = line ~ /^not / ? "not ok" : "ok"
	if (line ~ /# *(SKIP|XFAIL)/)
		verdict = "skip"
	name = line
	sub(/^(not )?ok [0-9]+ *(- )?/, "", name)
	sub(/^selftests: [^:]*: /, "", name)
	if (verdict != "not ok")
		sub(/ *# .*/, "", name)
	print verdict, prefix name
	return verdict
}

function close_program()
{
	cases = failures = planned = 0
	program = ""
}

/^# selftests: [^:]*: |^# [^ ]+_unit$/ {
	close_program()
	program = $NF ": "
	next
}

/^(# |  +)1\.\.[0-9]+$/ {
	sub(/.*\.\./, "")
	planned += $0
	next
}

/^(# |  +)(not )?ok [0-9]+/ {
	sub(/^(#| )+/, "")
	cases++
	if (result($0, program) == "not ok")
		failures++
	next
}

/^1\.\.[0-9]+$/ {
	sub(/.*\.\./, "")
	programs_planned += $0
	next
}

/^(not )?ok [0-9]+/ {
	programs++
	if (!cases && !/selftests: /) {
		result($0, program)
		next
	}
	if (!cases || (/^not / && !failures))
		result($0, "")
	else if (/^ok/ && cases < planned)
		print "not ok", program cases " of " planned " cases ran"
	close_program()
	next
}

/^1\.\.0 # SKIP/ { programs++; programs_planned++; print "skip", program $0 }

/^Bail out!/ { print "not ok", program $0 }

END {
	if (!programs && !cases)
		print "not ok", part ": no test reported anything"
	else if (programs < programs_planned)
		print "not ok", program programs + 0 " of " programs_planned \
			" tests reported"
}
