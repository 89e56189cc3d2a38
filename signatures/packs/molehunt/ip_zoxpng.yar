/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_ZoxPNG_Nov26_1 : FILE
{
	meta:
		id = "8ce3f216-b124-521b-91b2-9de6a0193a6b"
		description = "Detects the ZoxPNG backdoor, which carries its traffic in pictures, by the fixed end of the address that poses as an image search"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Novetta, ZoxPNG analysis, its rules, 2014; several analysts, Lists of strings of samples, 2015"
		score = 75
		family = "ZoxPNG"
		actor = "Axiom"
		attack = "T1001.002"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "512a437c6ec70a20844e1f05ba3f701fa32e2a368fe45cb44743fd6e23114f2a"

	strings:
		$x1 = "png&w=800&h=600&ei=CnJcUcSBL4rFkQX444HYCw&zoom=1" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 4MB and
		$x1
}
