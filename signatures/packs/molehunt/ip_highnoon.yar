/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_HIGHNOON_Nov26_1 : FILE MEMORY
{
	meta:
		id = "bb91a616-fe5b-5675-9c00-5a729c95bdb0"
		description = "Detects the HIGHNOON backdoor of APT41, also called RbDoor, by two of its build paths, version text, device name and library name"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "FireEye, Double Dragon: APT41, a dual espionage and cyber crime operation, 2019"
		score = 60
		family = "HIGHNOON"
		actor = "APT41"
		attack = "T1055"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"

	strings:
		$s1 = "\\RbDoorX64.pdb" ascii
		$s2 = "\\Double\\Door_wh\\" ascii
		$s3 = "RbDoor, Version 1.0" wide
		$s4 = "\\Device\\PORTLESS_DeviceName" wide
		$s5 = "workdll64.dll" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
