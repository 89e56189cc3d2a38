/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_BANGAT_Nov26_1 : FILE MEMORY
{
	meta:
		id = "cbf0a417-1612-542b-878c-31d6c7a4f413"
		description = "Detects the BANGAT backdoor of APT1 by two of its deliberately misspelled Windows API names, its export name and its memory report"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "BANGAT"
		actor = "APT1 (Comment Crew)"
		attack = "T1027"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "63bbe3e6d87a9757fc1d5fa867de240918c2cc62f25c338acde90c482386807a"

	strings:
		$s1 = "DreateRemoteThread" ascii
		$s2 = "XriteProcessMemory" ascii
		$s3 = "VrlDownloadCachedFile" ascii
		$s4 = "Precent of used RAM: %ld%%" ascii
		$s5 = "funtion_dll.dll" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
