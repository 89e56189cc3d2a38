/* SPDX-License-Identifier: BSD-2-Clause */

rule MAL_LNX_bedevil_Nov26_1 : FILE
{
	meta:
		id = "5c4fb679-f019-5821-a577-b0842ea68248"
		description = "Detects the public bedevil preload rootkit for Linux by the names of two of its functions, the one that starts its tools and the one that installs it"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Error996, bdvl (bedevil), source code, 2020; Elastic, Public rules for Linux, bedevil, 2025"
		score = 75
		family = "bedevil"
		actor = "unknown"
		attack = "T1574.006"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "1531999d921c6b16080492ddf051a1fecdaa0082837b1a06672cb42f2506ca26"

	strings:
		$s1 = "dobdvutil" ascii
		$s2 = "bdvinstall" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 4MB and
		all of them
}
