/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_HackingTeam_RCS_Scout_Nov26_1 : FILE MEMORY
{
	meta:
		id = "c6fa7cd6-694a-5382-89a0-1404bb31b05e"
		description = "Detects the Scout stage of Hacking Team's Remote Control System by two of the three mocking status texts that are known from two sources"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Amnesty International and others, Detekt, rules for Remote Control System, 2014; Microsoft, Defender signature Trojan:Win32/Hitbrovi, in a public extract, 2025"
		score = 85
		family = "RCS"
		actor = "Hacking Team"
		attack = "T1204.002"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "cea5cd029b4ca671ca40d835546dd872afecc10fbb0a44545085a30e0c070711"

	strings:
		$s1 = "Owning PCI bus" wide
		$s2 = "Updating CPU microcode" wide
		$s3 = "Look ma, no thread id! \\o/" wide

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and all of them
		)
}
