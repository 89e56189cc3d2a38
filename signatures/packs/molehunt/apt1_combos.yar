/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_COMBOS_Nov26_1 : FILE MEMORY
{
	meta:
		id = "b5cf8fb1-15be-577e-8365-37e3c2f71276"
		description = "Detects the COMBOS backdoor of APT1 by two of its key, shell banner, server check, malformed browser name and placeholder address"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "COMBOS"
		actor = "APT1 (Comment Crew)"
		attack = "T1059.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "eb6c2e10db0506cbc8d699f2abedd80cd272172ad869bbfbe40c5e24b435cef7"

	strings:
		$s1 = "Wkda0Qd3kv12" ascii
		$s2 = "---[ Virtual Shell]---" wide
		$s3 = "Not Comming From Our Server %s." wide
		$s4 = "Mozilla4.0 (compatible; MSIE 7.0; Win32)" ascii
		$s5 = "128.128.128.128.128.128:8080" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
