/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_ROOTRUN_Nov26_1 : FILE
{
	meta:
		id = "45c503c7-5ed9-5389-b9a2-717299239581"
		description = "Detects ROOTRUN, a small program that runs a command as root for whoever controls a remote access gateway, by its usage line"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Volexity, UTA0533 (as cited by its public rules), 2026"
		score = 50
		family = "ROOTRUN"
		actor = "UTA0533"
		attack = "T1548.001"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "3d3ef9a7524eba11a677c7ad2fb29ca15ea0bc0bb6a07de78a38b324af4d5457"

	strings:
		$x1 = "Usage: rootrun rootrun <command>" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 4MB and
		$x1
}
