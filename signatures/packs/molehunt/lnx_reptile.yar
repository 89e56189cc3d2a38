/* SPDX-License-Identifier: BSD-2-Clause */

rule MAL_LNX_Reptile_Nov26_1 : FILE
{
	meta:
		id = "18b9ebe8-e711-5bc9-8221-fcf9ed737ec4"
		description = "Detects the public Reptile kernel rootkit for Linux, used by UNC3886 and others, by two of its author mark, loader, default password, shell names and module name"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "F0rb1dd3n, Reptile, source code, 2018; Elastic, Public rules for Linux, Reptile, 2025; Microsoft, Defender signature Trojan:Linux/Reptile, in a public extract, 2025"
		score = 75
		family = "Reptile"
		actor = "unknown"
		attack = "T1014"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "7347040adf4fcff048294c0dc1fb70583a1ea496d4d29944bda10f77b63a121b"

	strings:
		$s1 = "Written by F0rb1dd3n" ascii
		$s2 = "parasite_loader" ascii
		$s3 = "S3cr3tP@ss" ascii
		$s4 = "reptile_start" ascii
		$s5 = "reptile_shell" ascii
		$s6 = "name=reptile" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		2 of them
}
