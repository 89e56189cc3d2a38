/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_HackingTeam_RCS_Scout_Nov26_1 : FILE
{
	meta:
		id = "c6fa7cd6-694a-5382-89a0-1404bb31b05e"
		description = "Detects the Scout stage of Hacking Team's Remote Control System by two of the mocking status texts it carries"
		author = "Molehunt"
		date = "2026-11-23"
		version = 1
		reference = "Citizen Lab, Mapping Hacking Team's Untraceable Spyware, 2014 (as cited by public rule collections)"
		score = 60
		family = "RCS"
		actor = "Hacking Team"
		attack = "T1204.002"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"

	strings:
		$s1 = "Owning PCI bus" wide
		$s2 = "Formatting bios" wide
		$s3 = "Please insert a disk in drive A:" wide
		$s4 = "Updating CPU microcode" wide
		$s5 = "Look ma, no thread id! \\o/" wide

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 4MB and
		2 of ($s*)
}
