/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Venom_Nov26_1 : FILE MEMORY
{
	meta:
		id = "8987d69c-4220-5399-a500-0b2561122ecc"
		description = "Detects the Venom rootkit of computing centres by two of its control words, its password and its signature line"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Nextron Systems, Public rule for Venom, 2017; several authors, Public rules after CERN's notice on Venom, 2017"
		score = 85
		family = "Venom"
		actor = "unattributed"
		attack = "T1014"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "54146bf878c6aa8197cf788a68b3490212e898bf392e7977cf1750e5cf0e2742"

	strings:
		$s1 = "%%VENOM%CTRL%MODE%%" ascii
		$s2 = "%%VENOM%AUTHENTICATE%%" ascii
		$s3 = "justCANTbeSTOPPED" ascii
		$s4 = "venom by mouzone" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
