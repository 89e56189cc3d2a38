/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_AURIGA_Nov26_1 : FILE MEMORY
{
	meta:
		id = "78d69d7b-58a6-518e-860e-496d92362de4"
		description = "Detects the AURIGA backdoor of APT1 and its driver by the developer's build path, or by two of its device name, driver title, altered cmd.exe banner, key seed and field separator"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "AURIGA"
		actor = "APT1 (Comment Crew)"
		attack = "T1014"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "73a53c9f3622a0e6321dedc518cd8f94199011a9b21dc58fc65176e4f88c1319"

	strings:
		$x1 = "\\projects\\auriga\\branches\\stone_~1" ascii
		$s1 = "\\Device\\rio32drv" wide
		$s2 = "RioDrv Usb Driver" wide
		$s3 = "superhard corp." ascii
		$s4 = "!(*@)(!@SID=" ascii
		$s5 = "!b=z&7?cc,MQ>" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			($x1 or 2 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
