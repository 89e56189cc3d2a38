/* SPDX-License-Identifier: BSD-2-Clause */

rule PUA_frp_Nov26_1 : FILE
{
	meta:
		id = "b8c6bbb6-2601-5143-9edc-001f5f9aa16a"
		description = "Detects the frp reverse proxy by the name of its Go module; a tool with honest uses that intruders bring along to reach inner machines"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "fatedier, frp, source code, 2016"
		score = 60
		family = "frp"
		actor = "unknown"
		attack = "T1572"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "PUA"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "643b062310b7221a8664ab281d913ec9fbf0bb16edc47fc5e992642d82c0e1d5"

	strings:
		$x1 = "github.com/fatedier/frp/" ascii

	condition:
		((uint32(0) == 0x464c457f and uint16(0x10) != 4) or
		(uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550)) and
		filesize < 32MB and
		$x1
}
