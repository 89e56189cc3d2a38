/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_SEASALT_Nov26_1 : FILE MEMORY
{
	meta:
		id = "30587cf9-1122-5c6f-92ad-d151a663f588"
		description = "Detects the SEASALT backdoor of APT1 by its browser name with the mark KSMM, or by two of its transfer answers, test word and service group"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "SEASALT"
		actor = "APT1 (Comment Crew)"
		attack = "T1543.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "b3d81c8138403e658a08809e0b764a9aa807288c9406898ffd9d6e9d7afe43e1"

	strings:
		$x1 = "Mozilla/4.0 (compatible; MSIE 5.00; Windows 98) KSMM" ascii
		$s1 = "fxftest" ascii
		$s2 = "upfileok" ascii
		$s3 = "upfileer" ascii
		$s4 = "svchost.exe -k SaSaut" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			($x1 or 2 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
