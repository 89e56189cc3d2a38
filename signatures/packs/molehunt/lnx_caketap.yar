/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_CAKETAP_Nov26_1 : FILE
{
	meta:
		id = "dfc82bca-def5-599d-8070-d6c49b906ca0"
		description = "Detects the CAKETAP kernel rootkit of bank switches by the name of its hidden file together with that of its module"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, Live off the land? How about bringing your own island? An overview of UNC1945 and UNC2891, 2022"
		score = 60
		family = "CAKETAP"
		actor = "UNC2891"
		attack = "T1014"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "caf23bce81a45abefe5cac138573fe88a69aaa4b4fa0abc56f59dd0cc29bcfed"

	strings:
		$s1 = ".caahGss187" ascii
		$a1 = "ipstat" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		$s1 and $a1
}
