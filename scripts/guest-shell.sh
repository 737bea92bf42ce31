#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The shell of "make shell".

# shellcheck source=/dev/null
. /run/guest.conf

stty sane rows "$ROWS" cols "$COLS"
cd "$TOP" || exit
cat <<END
Linux $(uname -r); ${MODNAME}fs is mounted at /sys/fs/$MODNAME.
All files of this machine are here; what you change is gone with the shell.
END
export PS1="$MODNAME# "
bash --norc
exit 0
