/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Winnti_Nov26_1 : FILE
{
	meta:
		id = "57d5e4a3-5529-5ebb-b822-1be770067954"
		description = "Detects the Winnti backdoor used against German industry by the name of its object or of one of the events with which its parts signal each other"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "BfV, Cyber-Brief 01/2019: Winnti, detection rules, in a public copy, 2019"
		score = 85
		family = "Winnti (Windows)"
		actor = "Winnti (APT41)"
		attack = "T1014"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "9c53f69f85cc4557421a09775b921953b2c763db29551f45ec05dbfc7fb444a2"

	strings:
		$x1 = "\\BaseNamedObjects\\{B2B87CCA-66BC-4C24-89B2-C23C9EAC2A66}" wide
		$x2 = "BFE_Notify_Event_{65a097fe-6102-446a-9f9c-55dfc3f41101" ascii
		$x3 = "BFE_Notify_Event_{7D00FA3C-FBDC-4A8D-AEEB-3F55A4890D2A}" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 4MB and
		any of them
}
