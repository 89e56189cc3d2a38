/* SPDX-License-Identifier: BSD-2-Clause */

rule MAL_LNX_Suterusu_Nov26_1 : FILE
{
	meta:
		id = "3f61839e-ab95-54e0-b093-ee29f94baf26"
		description = "Detects the client of the public Suterusu kernel rootkit for Linux by the help line that explains how to hide a process"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "mncoppola, Suterusu, source code, 2013"
		score = 70
		family = "Suterusu"
		actor = "unknown"
		attack = "T1014"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "0b856299523af560d332218e0d3e7b9d4428ed2f6e9aa3c4838ed0f4f470b0e6"

	strings:
		$x1 = "Hide process with pid [ARG]" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 4MB and
		$x1
}
