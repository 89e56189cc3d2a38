/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Winnti_Nov26_1 : FILE
{
	meta:
		id = "04919328-acea-56bc-acb6-91da7a15ea99"
		description = "Detects the Winnti backdoor for Linux by the error that its server for operators gives when it cannot open a socket"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Chronicle, Winnti: more than just Windows and Gates, its rules, 2019; Microsoft, Defender signature Backdoor:Linux/Winnti, in a public extract, 2025"
		score = 80
		family = "Winnti (Linux)"
		actor = "Winnti (APT41)"
		attack = "T1014"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "f1ad517a2c310115d796b1b8c013c18ad86d1ffb23d5b423e2ff1353cef7b222"

	strings:
		$x1 = "[advNetSrv] can not create a PF_INET socket" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		$x1
}
