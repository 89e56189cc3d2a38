/* SPDX-License-Identifier: BSD-2-Clause */
/* From the indicators of appendix G: the list in appendix C repeats a variant of BISCUIT. */

rule APT_MAL_APT1_GREENCAT_Nov26_1 : FILE MEMORY
{
	meta:
		id = "1fdf4adf-da49-5f9c-8063-d95b2a570790"
		description = "Detects the GREENCAT backdoor of APT1 by two of its shell answer, its volume report and the name of its library"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "GREENCAT"
		actor = "APT1 (Comment Crew)"
		attack = "T1059.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "6706e627a6caa078221ecd70d8564b893b44d2be70dd95a017d0ac0eea4e487a"

	strings:
		$s1 = "Shell started fail!" ascii
		$s2 = "Totally %d volumes found." ascii
		$s3 = "ntlmsvc.dll" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and all of them
		)
}
