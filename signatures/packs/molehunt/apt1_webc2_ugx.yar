/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_WEBC2_UGX_Nov26_1 : FILE MEMORY
{
	meta:
		id = "5c37f696-24f9-5148-a6d2-fdd7fbf37592"
		description = "Detects the WEBC2-UGX backdoor of APT1 by two of its reversed command words, its key and its mutex names"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WEBC2-UGX"
		actor = "APT1 (Comment Crew)"
		attack = "T1102.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "b5ee12955acc9c90d5202ddc13f293492fe207854a46a7270fa84b158db7073d"

	strings:
		$s1 = "!@#dmc#@!" ascii
		$s2 = "!@#tiuq#@!" ascii
		$s3 = "!@#troppusnu#@!" ascii
		$s4 = "ijnrfv" ascii
		$s5 = "1qasw2" ascii
		$s6 = { DD B5 61 F0 20 47 20 57 D6 65 9C CB 31 1B 65 42 }

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
