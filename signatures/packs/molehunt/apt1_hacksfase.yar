/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_HACKSFASE_Nov26_1 : FILE MEMORY
{
	meta:
		id = "ff36feb1-423b-58b1-988e-2149810cb1fb"
		description = "Detects the HACKSFASE backdoor of APT1 and its installer by two of its passwords, configuration bytes and error texts"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "HACKSFASE"
		actor = "APT1 (Comment Crew)"
		attack = "T1573.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "b678647e59979371ac159b6fad6dac9dd3d28d17827a96ac79301698077eff1a"

	strings:
		$s1 = "!@#%$^#@!" ascii
		$s2 = "tthacksfas@#$" ascii
		$s3 = "Cann't create remote process! ErrorCode:%d" ascii
		$s4 = "you must choose at least one compare IP address." ascii
		$s5 = { CB 39 82 49 42 BE 1F 3A }

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
