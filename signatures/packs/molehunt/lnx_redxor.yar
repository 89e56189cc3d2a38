/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_RedXOR_Nov26_1 : FILE MEMORY
{
	meta:
		id = "e93f47e3-555c-5766-bfc4-70d3c6c3356b"
		description = "Detects the RedXOR backdoor for Linux, which poses as the polkit daemon, by two of its file names, kernel module check and beacon field"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Intezer, New Linux backdoor RedXOR likely operated by Chinese nation-state actor, 2021"
		score = 85
		family = "RedXOR"
		actor = "unattributed, linked to Winnti"
		attack = "T1036.005"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "41372da1b71ebddf386b28b1fac6b4742732fba6e0f6e268fbfb86c98a1b1a89"

	strings:
		$s1 = "po1kitd-update-k" ascii
		$s2 = ".po1kitd.thumb" ascii
		$s3 = ".po1kitd-2a4D53" ascii
		$s4 = "CheckLKM" ascii
		$s5 = "pd=admin" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 4MB and
			(2 of ($s1, $s2, $s3) or (any of ($s1, $s2, $s3) and any of ($s4, $s5)))
		) or (
			not defined filesize and 3 of them and any of ($s1, $s2, $s3)
		)
}
