/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_BOLDMOVE_Nov26_1 : FILE
{
	meta:
		id = "9cc66cad-b327-5c0a-aece-8b10008f6e37"
		description = "Detects the BOLDMOVE backdoor of firewalls and Linux by its impossible client version together with two of its process report fields and its request"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, Suspected Chinese threat actors exploiting FortiOS vulnerability (CVE-2022-42475), 2023"
		score = 60
		family = "BOLDMOVE"
		actor = "PRC-linked (FortiOS)"
		attack = "T1071.001"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "ebc3d09864cf8bbbb3f64b04b13ae82ecffe943a728401cc45bf5c3541c2f9db"

	strings:
		$s1 = "curl/6.12.34" ascii
		$a1 = "executable=%s" ascii
		$a2 = "cwd=%s" ascii
		$a3 = "GET /ws HTTP/1.1" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		$s1 and 2 of ($a*)
}
