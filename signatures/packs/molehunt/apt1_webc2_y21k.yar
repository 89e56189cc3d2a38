/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_WEBC2_Y21K_Nov26_1 : FILE MEMORY
{
	meta:
		id = "4c21ad9d-7db3-562c-8c95-f95bedffda05"
		description = "Detects the WEBC2-Y21K service backdoor of APT1 by two of its encoded refusal, misspelled answer and service title, or by one of them with three encoded commands"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WEBC2-Y21K"
		actor = "APT1 (Comment Crew)"
		attack = "T1132.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "caff31bf1ab6235ea3f9fc0911d346c554226d322764d5485524f5fc39df4c7a"

	strings:
		$k1 = "dW5zdXBwb3J0" ascii
		$k2 = "uninstall suceess" ascii
		$k3 = "Intranet Network Awareness (COM+)" ascii wide
		$b1 = "Y29ubmVjdA==" ascii
		$b2 = "cXVpdA==" ascii
		$b3 = "c2xlZXA=" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			(2 of ($k*) or (any of ($k*) and all of ($b*)))
		) or (
			not defined filesize and (all of ($k*) or (2 of ($k*) and all of ($b*)))
		)
}
