/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_MANITSME_Nov26_1 : FILE MEMORY
{
	meta:
		id = "b6bfbfb6-edc7-52e3-a10f-ca1b8b0913c7"
		description = "Detects the MANITSME backdoor of APT1 by its author's signature line, or by two of its session texts and the developer's project folder"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "MANITSME"
		actor = "APT1 (Comment Crew)"
		attack = "T1105"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "410743003266f5e20b1247afe9c7e979bf19c9c6840d333091fc202fcc3d26db"

	strings:
		$x1 = "No Doubt to Hack You, Writed by UglyGorilla" ascii
		$s1 = "Man,it's me" ascii
		$s2 = "Oh,shit" ascii
		$s3 = "Visual Studio Projects\\rouji\\" ascii
		$s4 = "!$##$#$%@!$" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			($x1 or 2 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
