/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_WEBC2_KT3_Nov26_1 : FILE
{
	meta:
		id = "3deaf77a-eda5-5de5-85a6-3a00b02980ee"
		description = "Detects the WEBC2-KT3 backdoor of APT1 by its start mark together with its end mark, both made of the same eight signs"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WEBC2-KT3"
		actor = "APT1 (Comment Crew)"
		attack = "T1102.003"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "a3df8a4a767c789e51c13cf79a21387e8746b8c097ca16a965f6bca6b5775d32"

	strings:
		$s1 = "*!Kt3+v| s:" ascii
		$s2 = "*!Kt3+v| dne" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 2MB and
		all of them
}
