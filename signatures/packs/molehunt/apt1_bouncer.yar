/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_BOUNCER_Nov26_1 : FILE MEMORY
{
	meta:
		id = "37c37231-0047-5ceb-8ee0-82228fccd99f"
		description = "Detects the BOUNCER proxy of APT1 by the key with which it hides its configuration, or by two of its password, pivot messages and usage line"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "BOUNCER"
		actor = "APT1 (Comment Crew)"
		attack = "T1090"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "1341639e7ff11121e7a23748866a7231f83615fb11b4634421a65ace57eb831c"

	strings:
		$x1 = "*Qd9kdgba33*%Wkda0Qd3kvn$*&><(*&%$E#%$#1234asdgKNAg@!gy565dtfbasdg" ascii
		$s1 = "asdfqwe123cxz" ascii
		$s2 = "new_connection_to_bounce(): THIS IS A BUG PLEASE REPORT" ascii
		$s3 = "do_pivot(): inconnsistent seq numbers" ascii
		$s4 = "usage:%s    IP port [proxip] [port] [key]" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			($x1 or 2 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
