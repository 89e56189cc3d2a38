/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_WEBC2_TABLE_Nov26_1 : FILE MEMORY
{
	meta:
		id = "00f1ffdb-8fc5-570d-821a-cc581572ba75"
		description = "Detects the WEBC2-TABLE downloader of APT1 by the malformed table element in which it looks for commands, together with one of its two results"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WEBC2-TABLE"
		actor = "APT1 (Comment Crew)"
		attack = "T1102.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "14b01f3d65ee9c303d95a4556131a0eb40ec1a497403005b2d56f9a8a3fcfb71"

	strings:
		$s1 = "<table<background=" ascii
		$a1 = "Fail To Execute The Command" ascii
		$a2 = "Execute The Command Successfully" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			$s1 and any of ($a*)
		) or (
			not defined filesize and $s1 and all of ($a*)
		)
}
