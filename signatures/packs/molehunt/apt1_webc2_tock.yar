/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_WEBC2_TOCK_Nov26_1 : FILE MEMORY
{
	meta:
		id = "03065dff-4b1e-5597-a0ea-b21e9c7ca7d8"
		description = "Detects the WEBC2-TOCK component of APT1 by two of the page comments in which it looks for commands, its class identifiers and its class name"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WEBC2-TOCK"
		actor = "APT1 (Comment Crew)"
		attack = "T1102.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "f56abbadc6c0fdedf2a95fbf67e21290f5f20c31b89c34cab6fef98b777eaaa5"

	strings:
		$s1 = "<!---[<if IE 5>]id=" ascii
		$s2 = "<![<endif>]--->" ascii
		$s3 = "{1A7882DB-B89E-4406-AF8A-42C3DBD11B2C}" ascii
		$s4 = "{B02DAAF7-C679-4D00-9805-BE94D23B3B99}" ascii
		$s5 = "Comhtml.mshtml.1" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
