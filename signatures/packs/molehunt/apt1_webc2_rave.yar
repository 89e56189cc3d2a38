/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_WEBC2_RAVE_Nov26_1 : FILE MEMORY
{
	meta:
		id = "e7ed9e68-a455-599b-b97e-7ba18d4e10ff"
		description = "Detects the WEBC2-RAVE service backdoor of APT1 by two of its malformed browser name, misspelled words, password, service key and beacon mark"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WEBC2-RAVE"
		actor = "APT1 (Comment Crew)"
		attack = "T1543.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "d451d16824e8e037e73911d15d323d766e789e2e0a49bd7b720fa3044b90ae9a"

	strings:
		$s1 = "HTTP Mozilla/5.0(compatible+MSIE)" ascii
		$s2 = "iniet.exe" ascii
		$s3 = "123!@#qweQWE" ascii
		$s4 = "DependOnDeivce" ascii
		$s5 = "SYSTEM\\CurrentControlSet\\Services\\DEVFS" ascii
		$s6 = "Y3vaR7-" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
