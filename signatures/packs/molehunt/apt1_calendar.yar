/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_CALENDAR_Nov26_1 : FILE MEMORY
{
	meta:
		id = "e7536f21-b9bf-589a-88db-2b6fefcb71c3"
		description = "Detects the CALENDAR backdoor of APT1, which takes commands from Google Calendar, by two of its mutex name, client name, encoded constants and answers"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "CALENDAR"
		actor = "APT1 (Comment Crew)"
		attack = "T1102.002"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "4180abb32edd4e41ff6ff4e45eb60f94a45b6a3a41464485c315ffd91f5c26ac"

	strings:
		$s1 = "AFX_Ideas_H__5B5F33E8_2175_4C23_BB38_A334CADD6B78" ascii
		$s2 = "1sters-GoogleApiBook-1.00" ascii
		$s3 = "PoqKigY7ggH+VcnqnTcmhFCo9w==" ascii
		$s4 = "8oqKiqb5880/uJLzAsY=" ascii
		$s5 = "DownRun success" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
