/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_WEBC2_BOLID_Nov26_1 : FILE MEMORY
{
	meta:
		id = "810b66c3-5d9a-5512-b143-f97847e7e1fb"
		description = "Detects the WEBC2-BOLID downloader of APT1 by three of its two command words, an encoded function name and the mark of its packer"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WEBC2-BOLID"
		actor = "APT1 (Comment Crew)"
		attack = "T1027.002"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "087e79fcc8dbb492f065c1e8804b53f5637ff3c0e07e6421d0c64d7341fb1189"

	strings:
		$s1 = "downloadcopy:" ascii
		$s2 = "geturl:" ascii
		$s3 = "Q3JlYXRlUHJvY2Vzc0E=" ascii
		$s4 = "VMProtect begin" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			3 of them
		) or (
			not defined filesize and 3 of them
		)
}
