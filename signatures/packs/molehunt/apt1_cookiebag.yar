/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_COOKIEBAG_Nov26_1 : FILE MEMORY
{
	meta:
		id = "2d3034f6-7110-501d-aa28-f33dbf4196da"
		description = "Detects the COOKIEBAG backdoor of APT1, which hides its commands in HTTP cookies, by two of its encoded constants, messages and paths"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "COOKIEBAG"
		actor = "APT1 (Comment Crew)"
		attack = "T1071.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "29e3b8c79f0942121bd41c9f11d57c2d1b0c435477b4ae68ea02ca5ad52934ed"

	strings:
		$s1 = "YzpcXHdpbmRvd3NcXHN5c3RlbTMyXFxjbWQuZXhl" ascii
		$s2 = "Reqfile not exist!" ascii
		$s3 = "start Cmd Failure!" ascii
		$s4 = "C:\\unknow.zip" ascii
		$s5 = "CAQGBgoFD1Y" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
