/* SPDX-License-Identifier: BSD-2-Clause */

rule HKTL_NATBypass_Nov26_1 : FILE
{
	meta:
		id = "55d13558-bf2d-5c79-8bb3-d6cf8689f50e"
		description = "Detects the NATBypass port forwarder, written in Go after the example of HTRAN, by the welcome line of its banner"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "cw1997, NATBypass, source code, 2017; Nextron Systems, Public rule for NATBypass, 2022"
		score = 70
		family = "NATBypass"
		actor = "unknown"
		attack = "T1090"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "HKTL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "243450a136c26609b2fc7295094ac0c2b62840122a20cdd43af71cf03420f8db"

	strings:
		$x1 = "| Welcome to use NATBypass Ver" ascii

	condition:
		((uint32(0) == 0x464c457f and uint16(0x10) != 4) or
		(uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550)) and
		filesize < 32MB and
		$x1
}
