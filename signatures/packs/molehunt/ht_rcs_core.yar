/* SPDX-License-Identifier: BSD-2-Clause */
/* The program keeps these texts scrambled: in memory they are plain, in files only in some builds. */

rule APT_MAL_HackingTeam_RCS_Core_Nov26_1 : FILE MEMORY
{
	meta:
		id = "d9494be8-5336-52d2-8e4a-da5f6e2c5e41"
		description = "Detects the core of Hacking Team's Remote Control System for Windows by two of the progress and refusal texts of its installation"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Hacking Team (leaked), Remote Control System, source code, in a public copy, 2015; Amnesty International and others, Detekt, rules for Remote Control System, 2014"
		score = 85
		family = "RCS"
		actor = "Hacking Team"
		attack = "T1055"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "0abc549e5409f4e55776ea39581d46f443b5390399f470f888478d5e63d1a0b1"

	strings:
		$s1 = "- Checking components" ascii wide
		$s2 = "- Activating hiding system" ascii wide
		$s3 = "[The system is already monitored]" ascii wide
		$s4 = "[Unable to deploy]" ascii wide

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
