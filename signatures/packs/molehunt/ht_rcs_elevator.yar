/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_HackingTeam_RCS_Elevator_Nov26_1 : FILE
{
	meta:
		id = "28ee5174-8585-5726-95b3-a45d51585ad6"
		description = "Detects the exploit loader of Hacking Team's Remote Control System, which raises its rights, by two of its three debug texts"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Hacking Team (leaked), Hacking Team source leak, as cited by public rule collections, 2015"
		score = 60
		family = "RCS"
		actor = "Hacking Team"
		attack = "T1068"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "a740978e0f1efda84c8b8f6ad4dc1fe2ba9d3471d19a62e2d0c39191546569a8"

	strings:
		$s1 = "[*] traversing processes" ascii
		$s2 = "[*] LoaderConfig %p" ascii
		$s3 = "[*] token restore" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 2MB and
		2 of them
}
