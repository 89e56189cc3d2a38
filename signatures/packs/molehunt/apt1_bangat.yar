/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_BANGAT_Nov26_1 : FILE
{
	meta:
		id = "cbf0a417-1612-542b-878c-31d6c7a4f413"
		description = "Detects the BANGAT backdoor of APT1 by two of its deliberately misspelled Windows API names, its export name and its memory report"
		author = "Molehunt"
		date = "2026-11-23"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendices C and G, 2013"
		score = 85
		family = "BANGAT"
		actor = "APT1 (Comment Crew)"
		attack = "T1027"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "TESTING"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"

	strings:
		$s1 = "DreateRemoteThread" ascii
		$s2 = "XriteProcessMemory" ascii
		$s3 = "VrlDownloadCachedFile" ascii
		$s4 = "Precent of used RAM: %ld%%" ascii
		$s5 = "funtion_dll.dll" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 2MB and
		2 of ($s*)
}
