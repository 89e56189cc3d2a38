/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Penquin_Nov26_1 : FILE MEMORY
{
	meta:
		id = "1a147172-bb31-597a-9e2d-ab2021a76836"
		description = "Detects the Penquin backdoor of Turla for Linux by two of its hidden files, process variable, descriptor message, list header and magic word"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Kaspersky, The 'Penquin' Turla, 2014; Leonardo, Malware Technical Insight: Turla Penquin_x64, 2020"
		score = 85
		family = "Penquin"
		actor = "Turla"
		attack = "T1205"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "d68d13b278996b34c2d9081885115e658e2d364049297ebcfb6794efcd01fe47"

	strings:
		$s1 = "/root/.hsperfdata" ascii
		$s2 = "/tmp/.xdfg" ascii
		$s3 = "TREX_PID=%u" ascii
		$s4 = "rem_fd: ssl " ascii
		$s5 = "Desc|     Filename     |  size  |state|" ascii
		$s6 = "__we_are_happy__" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 8MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
