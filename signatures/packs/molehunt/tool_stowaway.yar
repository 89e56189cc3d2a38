/* SPDX-License-Identifier: BSD-2-Clause */

rule HKTL_Stowaway_Nov26_1 : FILE
{
	meta:
		id = "741a3cc6-4464-593f-9036-7fc75871cc20"
		description = "Detects agents of the Stowaway multi-hop proxy, written in Go, by the name of the function that serves the node above"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "ph4ntonn, Stowaway, source code, 2019; Sekoia, Public rule for Stowaway, 2022"
		score = 70
		family = "Stowaway"
		actor = "unknown"
		attack = "T1090.003"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "HKTL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "7278d655c4dc0c8923310d6cd72dbe06407945ec5ef7a5bd5870fedd919569c9"

	strings:
		$x1 = "agent.HandleConnToUpperNode" ascii

	condition:
		((uint32(0) == 0x464c457f and uint16(0x10) != 4) or
		(uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550)) and
		filesize < 32MB and
		$x1
}
