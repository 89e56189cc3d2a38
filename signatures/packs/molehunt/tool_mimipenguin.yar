/* SPDX-License-Identifier: BSD-2-Clause */

rule HKTL_LNX_MimiPenguin_Nov26_1 : FILE
{
	meta:
		id = "288a3122-15a5-5ab4-8b5f-362e41a0c8cf"
		description = "Detects MimiPenguin, which reads log-in passwords out of the memory of Linux desktops, by its result line or its keyring class"
		author = "Molehunt"
		date = "2026-11-26"
		modified = "2026-11-26"
		version = 2
		reference = "huntergregal, MimiPenguin, source code, 2017; Nextron Systems, Public rules for MimiPenguin, 2017"
		score = 75
		family = "MimiPenguin"
		actor = "unknown"
		attack = "T1003.007"
		scope = "file"
		os = "linux"
		container = "script"
		category = "HKTL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "b9d72e3ce44c3dd22c17966d41ec6cb7d2259287d97523d1fb74301014fab9f7"

	strings:
		$x1 = "MimiPenguin Results:" ascii
		$x2 = "GnomeKeyringPasswordFinder()" ascii

	condition:
		(uint16(0) == 0x2123 or (uint32(0) == 0x6f706d69 and uint32(3) == 0x2074726f and uint8(7) != 0x22) or (uint32(0) == 0x464c457f and uint16(0x10) != 4)) and
		filesize < 4MB and
		any of them
}
