/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_WEBC2_ADSPACE_Nov26_1 : FILE
{
	meta:
		id = "b2018fa7-3b21-540e-b791-77268fb21a56"
		description = "Detects the WEBC2-ADSPACE downloader of APT1 by the page comment in which it looks for commands, as text or as format"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WEBC2-ADSPACE"
		actor = "APT1 (Comment Crew)"
		attack = "T1102.003"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "314db97de53a5efacb541fe79b592e66576b8872314070f5eed15dd67e26d315"

	strings:
		$x1 = "<!---HEADER ADSPACE style=\"everyone\"" ascii
		$x2 = "<!---HEADER ADSPACE style=\"%s\"" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 2MB and
		any of them
}
