/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Hackers_Door_Nov26_1 : FILE MEMORY
{
	meta:
		id = "3e43b118-2b50-5605-b7e3-240efaa83788"
		description = "Detects the Hacker's Door backdoor and rootkit by its author's password or its version text; in memory together with the name of its device"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Cylance, Opening Hacker's Door, 2017"
		score = 60
		family = "Hacker's Door"
		actor = "Winnti-linked"
		attack = "T1014"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"

	strings:
		$x1 = "I'mhackeryythac1977" ascii
		$x2 = "The version of personal hacker's door server is " ascii
		$s1 = "\\Device\\kifes" ascii wide

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			any of ($x*)
		) or (
			not defined filesize and all of them
		)
}
