/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_STARSYPOUND_Nov26_1 : FILE
{
	meta:
		id = "fe74173c-408b-5a40-819b-598f1f81a2ca"
		description = "Detects the STARSYPOUND backdoor of APT1, a program of a few kilobytes, by its shell prompt together with its debug line or its local address"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "STARSYPOUND"
		actor = "APT1 (Comment Crew)"
		attack = "T1059.003"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "b5dfee8dd57c4f51b170e6eaa51168f39e6a46302e5e5201f38699af9d4ac074"

	strings:
		$s1 = "*(SY)# cmd" ascii
		$a1 = "send = %d" ascii
		$a2 = "127.0.0.1:80" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 64KB and
		$s1 and any of ($a*)
}
