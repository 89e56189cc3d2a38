/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_HKTL_APT1_LIGHTDART_Nov26_1 : FILE MEMORY
{
	meta:
		id = "58426d67-139f-5308-9d6d-1dadda29812b"
		description = "Detects LIGHTDART, the tool with which APT1 queried a database through its web page and packed the answers, by two of its query dates, download messages and encoded archive password"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 75
		family = "LIGHTDART"
		actor = "APT1 (Comment Crew)"
		attack = "T1560.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "HKTL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "bbf6f9738ddfef2819b5a8bcdbe5f6d840eebaed879c9b50acc1a9d31866f0b4"

	strings:
		$s1 = "&sdate=%04ld-%02ld-%02ld 00:00:00&edate=%04ld-%02ld-%02ld 23:59:59" ascii
		$s2 = "szURL Successfully" ascii
		$s3 = "szURL Fail" ascii
		$s4 = "3171617A32777378" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
