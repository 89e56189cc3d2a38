/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_HELAUTO_Nov26_1 : FILE MEMORY
{
	meta:
		id = "b04a38d7-0153-54cf-aff9-4b13a38f23ab"
		description = "Detects the HELAUTO backdoor of APT1 by two of its greetings, spelled-out transfer commands and usage errors"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "HELAUTO"
		actor = "APT1 (Comment Crew)"
		attack = "T1059.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "7a6fb6bb52db711e17e878cce093315d530bc965084a38bef7108cea9a0a5d1e"

	strings:
		$s1 = "Hello.I am here!" ascii
		$s2 = "D-o-w-n-l-o-a-d-f-i-l-e%s******%d@@@@@@%d" ascii
		$s3 = "U-p-l-o-a-d-f-i-l-e%s******%d" ascii
		$s4 = "Type command disable.Go on!" ascii
		$s5 = "Error! putf [transpeed] [filepath]" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
