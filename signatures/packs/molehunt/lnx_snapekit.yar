/* SPDX-License-Identifier: BSD-2-Clause */

rule MAL_LNX_Snapekit_Nov26_1 : FILE
{
	meta:
		id = "9b0d4f92-ad86-56fc-8a62-d5cd1fe0edb2"
		description = "Detects the Snapekit kernel rootkit for Linux by the name that its module carries in its information section"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Elastic, Linux rootkit rules (as cited by public rule collections), 2024"
		score = 50
		family = "Snapekit"
		actor = "unknown"
		attack = "T1014"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "45edfb791a1ed9a6bb34374a42666ab3485b905e7e8a858ddc69536e52e2b476"

	strings:
		$x1 = "name=snapekit" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 4MB and
		$x1
}
