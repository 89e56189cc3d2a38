/* SPDX-License-Identifier: BSD-2-Clause */

rule HKTL_LNX_LogWiper_Nov26_1 : FILE
{
	meta:
		id = "e89215a8-a848-52ab-8cdf-0b15aac8b4a4"
		description = "Detects programs that take a user out of the log-in records by their help line, or by all three of their function names for those records"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "unknown author, wipe, source code, 1993; Elastic, Public rules for Linux, log cleaners, 2025"
		score = 75
		family = "log wipers"
		actor = "unknown"
		attack = "T1070.002"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "HKTL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "42dd03561a5633e7250db27a40ee5395b7f5291d589ce5e678ba416c251435a2"

	strings:
		$x1 = "Erase one username on tty" ascii
		$s1 = "wipe_utmp" ascii
		$s2 = "wipe_wtmp" ascii
		$s3 = "wipe_lastlog" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 4MB and
		($x1 or all of ($s*))
}
