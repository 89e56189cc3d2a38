/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_JFMBackdoor_Nov26_1 : FILE
{
	meta:
		id = "05390be8-76ef-5571-8676-f31ff7fb19a9"
		description = "Detects the JFMBackdoor of Calypso, loaded beside a signed program, by its key or its working folder"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Lumen and PwC, Showboat and JFMBackdoor (as cited by public rules), 2026"
		score = 60
		family = "JFMBackdoor"
		actor = "Calypso (Red Lamassu)"
		attack = "T1574.001"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "86b28e7452f3007621bc37cfe6150a03881008213b2fd5a33fcf0c8aa0ea0002"

	strings:
		$x1 = "Zs0@31=KDw.*7ev" ascii
		$x2 = "\\Users\\public\\jfm" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 4MB and
		any of them
}
