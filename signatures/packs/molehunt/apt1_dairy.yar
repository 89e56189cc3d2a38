/* SPDX-License-Identifier: BSD-2-Clause */
/* pklist is a word of gpg, too: it never counts alone, and not at all in memory. */

rule APT_MAL_APT1_DAIRY_Nov26_1 : FILE MEMORY
{
	meta:
		id = "d077780f-57ad-5e62-9698-37b079ba1ad2"
		description = "Detects the DAIRY backdoor of APT1, which lists and ends processes, by three of its command words, answers and misspelled browser name"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "DAIRY"
		actor = "APT1 (Comment Crew)"
		attack = "T1057"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "cd21b71a164d31c2ea3d09f571289488751ff86814e86adc1eb7467fd1173fd8"

	strings:
		$s1 = "pkkill" ascii
		$s2 = "KilFail" ascii
		$s3 = "KilSucc" ascii
		$s4 = "Mozilla/4.0 (compatible; MSIE 6.0; WindowsNT 5.2;.NET CLR 1.1.4322)" ascii
		$a1 = "pklist" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			3 of them
		) or (
			not defined filesize and 3 of ($s*)
		)
}
