/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_SLAPSTICK_Nov26_1 : FILE
{
	meta:
		id = "5f48cac5-cb44-5f6d-b4e3-9945d19c11ca"
		description = "Detects the SLAPSTICK backdoor, a login module for Linux and Solaris, by the format of the line in which it logs a login"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, Live off the land? How about bringing your own island? An overview of UNC1945 and UNC2891, 2022"
		score = 50
		family = "SLAPSTICK"
		actor = "UNC1945, UNC2891"
		attack = "T1556.003"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "d48753383461b0489178196344f0bcabf375d59a62ed04ef5ac48a9a5df88819"

	strings:
		$x1 = "%-23s %-23s %-23s %-23s %-23s %s" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 4MB and
		$x1
}
