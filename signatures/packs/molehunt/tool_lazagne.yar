/* SPDX-License-Identifier: BSD-2-Clause */

rule HKTL_LaZagne_Nov26_1 : FILE
{
	meta:
		id = "59f7046a-320e-5b89-9eaf-519ba1839dce"
		description = "Detects LaZagne, which collects the passwords that programs keep, by the name of the package that holds a part for each program"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "AlessandroZ, LaZagne, source code, 2015"
		score = 70
		family = "LaZagne"
		actor = "unknown"
		attack = "T1555"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "HKTL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "021fedc37d2bfa80cdb4c6f5983648aaa88b659d43bf7e2b84f4ba5d145da537"

	strings:
		$x1 = "lazagne.softwares" ascii

	condition:
		((uint32(0) == 0x464c457f and uint16(0x10) != 4) or
		(uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550) or
		uint16(0) == 0x2123) and
		filesize < 32MB and
		$x1
}
