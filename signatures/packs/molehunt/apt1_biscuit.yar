/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_BISCUIT_Nov26_1 : FILE MEMORY
{
	meta:
		id = "72509b89-3021-569f-b3a2-456e9304aa0f"
		description = "Detects the BISCUIT backdoor of APT1 by two of its command words, misspelled answers and memory report"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "BISCUIT"
		actor = "APT1 (Comment Crew)"
		attack = "T1059.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "f7f39c350fae37b46bce8ec71d797ebb7d71e2525b64d5235c9d18c9d7fc5ba3"

	strings:
		$s1 = "zxdosml" ascii
		$s2 = "ckzjqk" ascii
		$s3 = "bind cmd frist!" ascii
		$s4 = "systen mem: %dM used: %d%% PageFile: %dM free: %dM" ascii
		$s5 = "Client process-%d-stoped!" ascii
		$s6 = "WYZQLHHH" ascii
		$s7 = "SLYHKAAY" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
