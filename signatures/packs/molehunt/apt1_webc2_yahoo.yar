/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_WEBC2_YAHOO_Nov26_1 : FILE MEMORY
{
	meta:
		id = "93c3de5b-ab66-5845-9c47-1035639f97ea"
		description = "Detects the WEBC2-YAHOO downloader of APT1 by two of its browser name, mutex and page marks"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WEBC2-YAHOO"
		actor = "APT1 (Comment Crew)"
		attack = "T1102.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "a98f97174e1f7a51a360af478ca09440bb363c813b6a4f84145fadee2dfe7d76"

	strings:
		$s1 = "IPHONE8.5(host:%s,ip:%s)" ascii
		$s2 = "letusgozrmmv1.1" ascii
		$s3 = "<yahoo sb=\"" ascii
		$s4 = "<yahoo ex=\"" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
