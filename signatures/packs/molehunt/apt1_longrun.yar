/* SPDX-License-Identifier: BSD-2-Clause */
/* The key of its encoder is shared with other families: see apt1_codec. */

rule APT_MAL_APT1_LONGRUN_Nov26_1 : FILE MEMORY
{
	meta:
		id = "1cb9fb8c-218a-5e3f-932e-121ea0bcfa7b"
		description = "Detects the LONGRUN backdoor of APT1 by two of its decryption error, its key and its misordered browser name"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "LONGRUN"
		actor = "APT1 (Comment Crew)"
		attack = "T1071.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "c5014ee448a173ae8da43690fa9519fe024c35a4f0612f381efb997e14eaf888"

	strings:
		$s1 = "Dcryption Error! Invalid Character '%c'." ascii
		$s2 = "['@oR*vF,#Ephkn;" ascii
		$s3 = "Mozilla/4.0 (compatible; Windows NT 5.1; MSIE 7.0; Trident/4.0)" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and all of them
		)
}
