/* SPDX-License-Identifier: BSD-2-Clause */

rule HKTL_fscan_Nov26_1 : FILE
{
	meta:
		id = "c4e4eb55-08cd-5352-a5a5-e49e58c92201"
		description = "Detects the fscan network scanner, with which many groups look for the next machine, by two of its Go source and function names"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "shadow1ng, fscan, source code, 2020; Sekoia, Public rule for fscan, 2023"
		score = 70
		family = "fscan"
		actor = "unknown"
		attack = "T1046"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "HKTL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "3188e2c38475f6d90e507821b99f24370e5e95ac354217520f851a381c7f90f5"

	strings:
		$s1 = "WebScan/WebScan.go" ascii
		$s2 = "Plugins.smb1AnonymousConnectIPC.func1" ascii

	condition:
		((uint32(0) == 0x464c457f and uint16(0x10) != 4) or
		(uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550)) and
		filesize < 32MB and
		all of them
}
