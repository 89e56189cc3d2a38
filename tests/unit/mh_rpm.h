/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_UNIT_MH_RPM_H
#define MH_TESTS_UNIT_MH_RPM_H

#include "base/buf.h"

/*
 * Headers as rpm's database keeps them: package tool 3:1.2-4 noarch with
 * /usr/bin/tool, /usr/share/tool (no digest), /etc/tool.conf (configuration)
 * and /lib64/lib.so.  Byte i of a digest is i.
 */
enum mh_rpm_kind {
	MH_RPM_GOOD,
	MH_RPM_SHORT, /* its last byte is missing */
};

struct buf *mh_rpm_header(enum mh_rpm_kind kind);

#endif
