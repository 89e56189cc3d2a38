/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_AlienReverse_Nov26_1 : FILE MEMORY
{
	meta:
		id = "1b2fdcc0-6e70-5b65-b196-67745e394bfd"
		description = "Detects the AlienReverse implant for Linux, seen beside Melofee, by its usage example, or by two of its protocol and error texts"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "ExaTrack, Melofee: a new alien malware in the Panda's toolset targeting Linux hosts, 2023"
		score = 85
		family = "AlienReverse"
		actor = "unattributed, linked to Winnti"
		attack = "T1090"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "d9516f907a054d66e6e8cc01f045caef69352096983b1bcda1d0bba7c516c058"

	strings:
		$x1 = "./AlienReverse --reverse-address=" ascii
		$s1 = "Not during working hours! Disconnect!" ascii
		$s2 = "OnCmdSocksStart error!" ascii
		$s3 = "They send us %hhX %hhX" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 8MB and
			($x1 or 2 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
