/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_WEBC2_DIV_Nov26_1 : FILE MEMORY
{
	meta:
		id = "b45454d2-11e1-5693-985f-99f4108e1e57"
		description = "Detects the WEBC2-DIV downloader of APT1 by two of its identifier, encoded constant and page mark, or by one of the first two with the greeting of its framework"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WEBC2-DIV"
		actor = "APT1 (Comment Crew)"
		attack = "T1102.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "f3df616966b399f26fa57b60d1dcd3243d57168c8d6ba69055137c8620b245d6"

	strings:
		$s1 = "3DC76854-C328-43D7-9E07-24BF894F8EF5" ascii
		$s2 = "6k6GpmsqUfFERoNNJ_L7d/lvgp60hq/m9b8m1" ascii
		$s3 = "<div safe:" ascii
		$a1 = "Hello from MFC!" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			(2 of ($s*) or (any of ($s1, $s2) and $a1))
		) or (
			not defined filesize and all of ($s*)
		)
}
