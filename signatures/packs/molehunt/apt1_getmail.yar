/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_HKTL_APT1_GETMAIL_Nov26_1 : FILE MEMORY
{
	meta:
		id = "2dfd00f7-74e8-573f-adda-fee28e73e285"
		description = "Detects GETMAIL, the tool with which APT1 copied mail out of Outlook PST files, by two of its usage and error texts and its message store name"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 75
		family = "GETMAIL"
		actor = "APT1 (Comment Crew)"
		attack = "T1114.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "HKTL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "995f9899bd0f6e44465f63c30dd771194f35d1bdb8dcc937c44b52c179681e2a"

	strings:
		$s1 = "Lu's Zany Message Store" ascii
		$s2 = "-f pls give the FULL path of PST file." ascii
		$s3 = "Wether compress or not,yes is default." ascii
		$s4 = "cant not encrypt because file length is 0." ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
