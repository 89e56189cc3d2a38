/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Kobalos_Nov26_1 : FILE
{
	meta:
		id = "6e281711-6ff4-543c-be8b-a49d024814d3"
		description = "Detects the Kobalos backdoor, found in servers for computing, by its traffic key or the digest of its password, or its password stealer by the format of its log"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "ESET, A wild Kobalos appears: tricksy Linux malware goes after HPCs, 2021"
		score = 60
		family = "Kobalos"
		actor = "unattributed"
		attack = "T1554"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "742a71bf1cdc9448fbd57582babc9834bfd6a0e57bd71521c5b4bf788e50d25a"

	strings:
		$x1 = { AE 0E 05 09 0F 3A C2 B5 0B 1B C6 E9 1D 2F E3 CE }
		$x2 = { 3A DD 48 19 26 54 BD 55 8A 4A 4C ED 9C 25 5C 4C }
		$x3 = "user: %.128s host: %.128s port %05d user: %.128s password: %.128s" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		any of them
}
