/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_HackingTeam_RCS_UEFI_Nov26_1 : FILE
{
	meta:
		id = "a74333f6-a017-5343-95bd-f8005f05fda6"
		description = "Detects the firmware flasher of Hacking Team's Remote Control System by two of the three module files that it writes into the firmware"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Hacking Team (leaked), Remote Control System, source code, in a public copy, 2015"
		score = 85
		family = "RCS"
		actor = "Hacking Team"
		attack = "T1542.001"
		scope = "file"
		os = "uefi"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "bf840dae7bdbf4111092f57dc9a265451b6a1298170081f266e4c40e2d4e0408"

	strings:
		$s1 = "\\modules\\ntfs.mod" ascii
		$s2 = "\\modules\\rkloader.mod" ascii
		$s3 = "\\modules\\dropper.mod" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 2MB and
		2 of them
}
