/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_AGENTPSD_Nov26_1 : FILE MEMORY
{
	meta:
		id = "81d8eecd-f828-52a1-8689-0f3d37623509"
		description = "Detects the AGENTPSD backdoor, written in Python, by two of the names of its address, its pause, and the functions of its built-in commands"
		author = "Molehunt"
		date = "2026-11-26"
		modified = "2026-11-26"
		version = 2
		reference = "Volexity, VerdantBamboo (as cited by its public rules), 2026"
		score = 60
		family = "AGENTPSD"
		actor = "UNC5221 (VerdantBamboo)"
		attack = "T1059.006"
		scope = "both"
		os = "any"
		container = "script"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "56836580cd6fe72372e000b0af55c5ff4ba2da35f5578ab2d37dc72f3f19a336"

	strings:
		$s1 = "g_strPhpUrl" ascii
		$s2 = "g_nSleepMinits" ascii
		$s3 = "DealWithBuildinCommand" ascii
		$s4 = "PostBuildinResultToWeb" ascii

	condition:
		(
			(uint16(0) == 0x2123 or (uint32(0) == 0x6f706d69 and uint32(3) == 0x2074726f and uint8(7) != 0x22) or uint32(0) == 0x6d6f7266) and
			filesize < 1MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
