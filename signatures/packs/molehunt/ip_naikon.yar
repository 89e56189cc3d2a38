/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Naikon_Nov26_1 : FILE
{
	meta:
		id = "c0876f3f-4dc9-581c-a3b9-42a6f2e762df"
		description = "Detects the backdoor of Naikon by the request with which it asks for commands or by its file with two false endings"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Kaspersky, The MsnMM campaigns, 2015"
		score = 60
		family = "Naikon"
		actor = "Naikon"
		attack = "T1071.001"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"

	strings:
		$x1 = "GET http://%s:%d/aspxabcdef.asp?%s HTTP/1.1" ascii
		$x2 = "\\tempvxd.vxd.dll" wide

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 4MB and
		any of them
}
