/* SPDX-License-Identifier: BSD-2-Clause */

rule MAL_LNX_Diamorphine_Nov26_1 : FILE
{
	meta:
		id = "d7e861e5-e522-5bb5-b40c-e263e32ce2b7"
		description = "Detects the public Diamorphine kernel rootkit for Linux by two of its author field, module name and replaced system call"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "m0nad, Diamorphine, source code, 2013; Elastic, Public rules for Linux, Diamorphine, 2025"
		score = 75
		family = "Diamorphine"
		actor = "unknown"
		attack = "T1014"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "102c54ebc4b7abfcf1562aa0dac5302014ac0f6e52602a9a652df1034850e57b"

	strings:
		$s1 = "author=m0nad" ascii
		$s2 = "name=diamorphine" ascii
		$s3 = "hacked_getdents64" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 4MB and
		2 of them
}
