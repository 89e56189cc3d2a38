/* SPDX-License-Identifier: BSD-2-Clause */
/* The key of its encoder is shared with other families: see apt1_codec. */

rule APT_MAL_APT1_NEWSREELS_Nov26_1 : FILE MEMORY
{
	meta:
		id = "883c2ab3-1d7d-5896-96de-30d07dc46151"
		description = "Detects the NEWSREELS backdoor of APT1 by two of its beacon format, its picture address mark and the names in its version information"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "NEWSREELS"
		actor = "APT1 (Comment Crew)"
		attack = "T1071.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "41dea71dd7045ea3665bae8dd4148dcd22733f6acb1644e32e679aaa081867bf"

	strings:
		$s1 = "name=%s&userid=%04d&other=%c%s" ascii
		$s2 = "jpghttp://" ascii
		$s3 = "JpgCommand" wide
		$s4 = "JpgAsp" wide

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
