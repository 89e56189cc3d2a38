/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_TidePool_Nov26_1 : FILE MEMORY
{
	meta:
		id = "15f40bb8-c454-5d94-82a3-41c6a4a07c78"
		description = "Detects the TidePool backdoor of Ke3chang by two of its false browser library, data file and upload field"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Palo Alto Networks Unit 42, Operation Ke3chang resurfaces with new TidePool malware, 2016"
		score = 60
		family = "TidePool"
		actor = "Ke3chang"
		attack = "T1112"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "22bb7a8c155a56919ed9f791d3ed13ee0b3306152be6b0fa32ebe8aa4eaeef60"

	strings:
		$s1 = "\\IEHelper\\mshtml.dll" wide
		$s2 = "IEComDll.dat" ascii
		$s3 = "name=\"m1.jpg\"" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and all of them
		)
}
