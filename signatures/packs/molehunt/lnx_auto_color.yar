/* SPDX-License-Identifier: BSD-2-Clause */
/* Some desktops leave files called /tmp/config-err-, too: that path is no more than an addition. */

rule APT_MAL_LNX_Auto_Color_Nov26_1 : FILE MEMORY
{
	meta:
		id = "1e81cc94-d8a4-59b7-a4c8-3c7e058acf85"
		description = "Detects the Auto-Color backdoor for Linux by two of its lock file format, set aside preload file and own name, or by one of them with two of its folders and its error log"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Palo Alto Networks Unit 42, Auto-Color: an emerging and evasive Linux backdoor, 2025; Darktrace, Auto-Color backdoor: how a stealthy Linux intrusion was stopped, 2025"
		score = 60
		family = "Auto-Color"
		actor = "unattributed"
		attack = "T1574.006"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "dcc1f7923436d82683b332f46bb3686df629868ebb66717a681e08c90382eaf5"

	strings:
		$s1 = "/door-%d.log" ascii
		$s2 = "/etc/ld.so.preload.real" ascii
		$s3 = "%s/auto-color" ascii
		$a1 = "/var/log/cross" ascii
		$a2 = "/tmp/cross" ascii
		$a3 = "/tmp/config-err-" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 4MB and
			(2 of ($s*) or (any of ($s*) and 2 of ($a*)))
		) or (
			not defined filesize and (all of ($s*) or (2 of ($s*) and 2 of ($a*)))
		)
}
