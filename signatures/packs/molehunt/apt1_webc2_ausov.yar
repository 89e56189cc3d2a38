/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_WEBC2_AUSOV_Nov26_1 : FILE MEMORY
{
	meta:
		id = "0f00a227-425d-5e84-8575-149752d57e41"
		description = "Detects the WEBC2-AUSOV downloader of APT1, which loads in place of a shell library, by two of its page mark and two encoded words"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WEBC2-AUSOV"
		actor = "APT1 (Comment Crew)"
		attack = "T1574.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "4d8114b03ee12b797bf3cd7b800de73e12e17103c2f2678660f2498e9aaa5b38"

	strings:
		$s1 = "<!--DOCHTML" ascii
		$s2 = "2oMXKNNC" ascii
		$s3 = "YLLUUMQQ[MRPQM[L" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and all of them
		)
}
