/* SPDX-License-Identifier: BSD-2-Clause */

rule MAL_Gh0st_Nov26_1 : FILE MEMORY
{
	meta:
		id = "94e9ffdd-6bf0-5aa9-aba4-b5dfb2f51721"
		description = "Detects the Gh0st remote access tool and its forks, whose source is public, by two of their update and window names, logger class and driver command"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "PwC and BAE Systems, Operation Cloud Hopper, 2017; Cylance, The Ghost Dragon, 2016"
		score = 60
		family = "Gh0st"
		actor = "unknown"
		attack = "T1056.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "628fe79cda182e3792f95e30e3c67c3d1d907566bdc74b5eadc419739f5fed6a"

	strings:
		$s1 = "Gh0st Update" ascii
		$s2 = "GH0STCZH" ascii
		$s3 = ".?AVCKeyLoggerManager@@" ascii
		$s4 = "ResetSSDT" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
