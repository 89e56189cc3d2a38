/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_WEBC2_CSON_Nov26_1 : FILE MEMORY
{
	meta:
		id = "d60eecb7-4847-542b-aa37-0aed35a3452d"
		description = "Detects the WEBC2-CSON backdoor of APT1 by two of its request, encoded constant and error, or by one of them with its second request and rotated alphabet"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WEBC2-CSON"
		actor = "APT1 (Comment Crew)"
		attack = "T1132.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "12cb16105699403820fd7bdfb61dc4e8a3fe4d54402504fcf849ecb962d05170"

	strings:
		$s1 = "/Default.aspx?INDEX=" ascii
		$s2 = "gT9BonhBk79LoSlPsQ4=" ascii
		$s3 = "Connect Web Failed!" ascii
		$a1 = "/Default.aspx?ID=" ascii
		$a2 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			(2 of ($s*) or (any of ($s*) and all of ($a*)))
		) or (
			not defined filesize and all of ($s*)
		)
}
