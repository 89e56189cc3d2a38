/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_HackingTeam_Certificate_Nov26_1 : FILE
{
	meta:
		id = "eee8a9be-0d12-53b6-a757-49799ccfcbbf"
		description = "Detects programs signed with the leaked code signing certificate of Hacking Team's chief executive by its serial number together with the name in it"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "ESET, New traces of Hacking Team in the wild, 2018"
		score = 60
		family = "Hacking Team certificate"
		actor = "Hacking Team"
		attack = "T1553.002"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "94b2f977429192e6cc0d84e79af63aa9808e7ba577c84427d2d798b96bf90e5c"

	strings:
		$s1 = { 02 F1 75 66 EF 56 8D C0 6C 9A 37 9E A2 F4 FA EA }
		$s2 = "VALERIANO BEDESCHI" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 16MB and
		all of them
}
