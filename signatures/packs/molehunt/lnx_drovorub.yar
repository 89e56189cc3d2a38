/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Drovorub_Nov26_1 : FILE MEMORY
{
	meta:
		id = "634dae5a-1be3-5df5-8920-b29e207979e7"
		description = "Detects the client and agent of the Drovorub toolset by its key field together with the whole of its session or request vocabulary"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "NSA and FBI, Russian GRU 85th GTsSS Deploys Previously Undisclosed Drovorub Malware, 2020"
		score = 85
		family = "Drovorub"
		actor = "APT28 (GRU 85th GTsSS)"
		attack = "T1014"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "8c96a2f5ce572bf3f653afd186d4d5aca9bf585c5a84ea4e56f2de30b9c99198"

	strings:
		$a1 = "auth.hello" ascii
		$a2 = "auth.login" ascii
		$a3 = "auth.pending" ascii
		$a4 = "auth.commit" ascii
		$k1 = "clientkey_base64" ascii
		$k2 = "Y2xpZW50a2V5" ascii
		$r1 = "net_list_request" ascii
		$r2 = "module_list_request" ascii
		$r3 = "file_list_request" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 16MB and
			((all of ($a*) and any of ($k*)) or (all of ($r*) and any of ($k*)))
		) or (
			not defined filesize and ((any of ($k*) and all of ($a*)) or (any of ($k*) and all of ($r*)))
		)
}
