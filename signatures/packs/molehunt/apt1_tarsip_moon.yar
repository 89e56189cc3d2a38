/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_TARSIP_MOON_Nov26_1 : FILE MEMORY
{
	meta:
		id = "b50d8cd0-0063-5060-95ba-5b05a4bd3dc1"
		description = "Detects the TARSIP-MOON backdoor of APT1 by its build path, or by two of its altered cmd.exe banner, messages, key and configuration mark"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "TARSIP-MOON"
		actor = "APT1 (Comment Crew)"
		attack = "T1573.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "3c0b52dfb2bf05b243918a78c15fc3fd127f4c0458dd9d44ac4dcebffea575ef"

	strings:
		$x1 = "\\Release\\MoonDLL2.pdb" ascii
		$x2 = "\\Release\\MoonClient2.pdb" ascii
		$s1 = "Kugoosoft corp." ascii
		$s2 = "Modify file failed!! So strange!!!" ascii
		$s3 = "Shell is not exist or stopped!" ascii
		$s4 = "&54phoenix@#$" ascii
		$s5 = { 1B 34 5E 2D 20 3A 66 35 }

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			(any of ($x*) or 2 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
