/* SPDX-License-Identifier: BSD-2-Clause */

rule HKTL_EarthWorm_Nov26_1 : FILE MEMORY
{
	meta:
		id = "d851e39a-f559-58b6-a71a-e9218ff06431"
		description = "Detects the EarthWorm tunnel, used by many groups, by two of its table of tunnels, its proxy line and its tunnel error"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "rootkiter, EarthWorm, source code, 2015; Sekoia, Public rule for EarthWorm, 2022"
		score = 75
		family = "EarthWorm"
		actor = "unknown"
		attack = "T1090"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "HKTL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "6900e7c229ea7a32689910552eca9a5ed5ad029d4872025fd42c8c66585415be"

	strings:
		$s1 = "--> %3d <-- (close)used tunnel %d , unused tunnel %d" ascii
		$s2 = "ssocksd 0.0.0.0:%d <--[%4d usec]--> socks server" ascii
		$s3 = "could not create one way tunnel" ascii

	condition:
		(
			((uint32(0) == 0x464c457f and uint16(0x10) != 4) or
			(uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550)) and
			filesize < 8MB and
			2 of them
		) or (
			not defined filesize and all of them
		)
}
