/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings of five bytes: three are asked for, and never in memory. */

rule MAL_PoisonIvy_Nov26_1 : FILE
{
	meta:
		id = "994d68db-8a4d-5ebc-8a30-cc65e78193a0"
		description = "Detects the PoisonIvy remote access tool by three of its connection request, the code that loads its library names and a campaign's password"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "FireEye, Poison Ivy: assessing damage and extracting intelligence, 2014"
		score = 60
		family = "PoisonIvy"
		actor = "unknown"
		attack = "T1055"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "a4aec77e33a4d32abd10f2bf7f7ea5306ea004abdb8b80aba548ae95392e7405"

	strings:
		$s1 = "CONNECT %s:%i HTTP/1.0" ascii
		$s2 = "thj@h" ascii
		$s3 = "cks=u" ascii
		$s4 = "advpack" ascii
		$s5 = "Tiger324{" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 4MB and
		3 of them
}
