/* SPDX-License-Identifier: BSD-2-Clause */

rule WEBSHELL_China_Chopper_Nov26_1 : FILE
{
	meta:
		id = "fda152ea-5974-58fa-a5d6-01c67024c4f0"
		description = "Detects server pages of the China Chopper web shell by the evaluation of a posted field, the call in its client's requests, or a Jscript evaluation marked unsafe"
		author = "Molehunt"
		date = "2026-11-26"
		modified = "2026-11-26"
		version = 2
		reference = "FireEye, Breaking down the China Chopper web shell, 2013"
		score = 60
		family = "China Chopper"
		actor = "unknown"
		attack = "T1505.003"
		scope = "file"
		os = "any"
		container = "script"
		category = "WEBSHELL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "990d4c13252b48382d6c6e2893849a7cc805cb3131f166cb6a803c31824b4d54"

	strings:
		$x1 = "@eval($_POST" ascii
		$x2 = "@eval(get_magic_quotes_gpc()" ascii
		$s1 = "eval(Request.Item[" ascii
		$s2 = "unsafe" ascii

	condition:
		(uint16(0) == 0x2123 or (uint16(0) == 0x3f3c and uint32(1) != 0x6c6d783f) or uint16(0) == 0x253c) and
		filesize < 1MB and
		(any of ($x*) or all of ($s*))
}
