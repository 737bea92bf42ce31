#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# "make shell": a shell with the module loaded.

exec "${0%/*}/guest.sh" --shell
