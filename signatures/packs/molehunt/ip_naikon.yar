/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Naikon_Nov26_1 : FILE
{
	meta:
		id = "c0876f3f-4dc9-581c-a3b9-42a6f2e762df"
		description = "Detects the backdoor of Naikon by the name of the page from which it asks for commands, made of the first letters of the alphabet"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Nextron Systems, Public rules after Kaspersky's report on Naikon, 2015; ThreatConnect, Public rules for Naikon, 2015"
		score = 75
		family = "Naikon"
		actor = "Naikon"
		attack = "T1071.001"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "d7e0134239b7305410453554e6ce367e4de30172c1732c4ef87ab2388b9ccdee"

	strings:
		$x1 = "/aspxabcdef.asp?" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 4MB and
		$x1
}
