/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Winnti_Driver_Nov26_1 : FILE MEMORY
{
	meta:
		id = "1c1fdcf7-22c4-5e76-9cad-163d623ba80d"
		description = "Detects the network driver of the Winnti backdoor by two of its device names, the misspelled name with which its parts keep in step, and its cookie"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "BfV, Cyber-Brief 01/2019: Winnti, 2019; Kaspersky, I am HDRoot!, 2015"
		score = 60
		family = "Winnti (Windows)"
		actor = "Winnti (APT41)"
		attack = "T1014"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "11403366114a2bc75351eaa5c1bbbd36e10211db2d1df389d7a076045e944187"

	strings:
		$s1 = "\\Device\\StreamPortal" wide
		$s2 = "\\Device\\PNTFILTER" wide
		$s3 = "\\BaseNamedObjects\\_transmition_synchronization_" wide
		$s4 = "Cookie: SN=" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
