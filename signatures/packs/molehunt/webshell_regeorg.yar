/* SPDX-License-Identifier: BSD-2-Clause */

rule WEBSHELL_reGeorg_Nov26_1 : FILE
{
	meta:
		id = "362d4640-cf7d-56aa-85e3-669c58d9a947"
		description = "Detects server pages and the client of the reGeorg tunnel through web servers by the words of its inventor"
		author = "Molehunt"
		date = "2026-11-26"
		modified = "2026-11-26"
		version = 2
		reference = "SensePost, reGeorg, source code, 2014; Volexity, Public rules for reGeorg, 2024"
		score = 75
		family = "reGeorg"
		actor = "unknown"
		attack = "T1505.003"
		scope = "file"
		os = "any"
		container = "script"
		category = "WEBSHELL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "13bf2e07c2192bf17f400b595bbeff47acdebed64611b75768491982463f5059"

	strings:
		$x1 = "Georg says, 'All seems fine'" ascii
		$x2 = "every office needs a tool like Georg" ascii

	condition:
		(uint16(0) == 0x2123 or (uint16(0) == 0x3f3c and uint32(1) != 0x6c6d783f) or uint16(0) == 0x253c or (uint32(0) == 0x6f706d69 and uint32(3) == 0x2074726f and uint8(7) != 0x22)) and
		filesize < 1MB and
		any of them
}
