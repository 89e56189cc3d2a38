/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_WEBC2_QBP_Nov26_1 : FILE MEMORY
{
	meta:
		id = "bb4d874d-f6ec-52a1-8974-7043a6287cc7"
		description = "Detects the WEBC2-QBP downloader of APT1, which reads commands from comments of web pages, by two of its comment marks, key seed and rotated names"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WEBC2-QBP"
		actor = "APT1 (Comment Crew)"
		attack = "T1102.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "441906237bd897d13a08187a409638a56f036530d13f78a2943de556e645e8fa"

	strings:
		$s1 = "<!--<2010QBP" ascii
		$s2 = "2010QBP//-->" ascii
		$s3 = "Hello@)!0" ascii
		$s4 = "VRLDownloadToCacheFileA" ascii
		$s5 = "Tpguxbre\\Microsoft\\Windows\\CurrentVersion" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
