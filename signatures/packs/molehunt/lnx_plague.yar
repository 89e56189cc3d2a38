/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Plague_Nov26_1 : FILE MEMORY
{
	meta:
		id = "4d2923d5-8446-5395-9873-d5d9db80e950"
		description = "Detects the Plague backdoor, a login module for Linux, by two of its function names for hidden phrases, kept passwords and cleaned logs"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Nextron Systems, Plague: a newly discovered PAM-based backdoor for Linux, 2025"
		score = 60
		family = "Plague"
		actor = "unattributed"
		attack = "T1556.003"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "61baea5de6a614d3b6835b1d2036b6cd3449d6abbe6438ed9ffcc5b52dd0134a"

	strings:
		$s1 = "decrypt_phrase" ascii
		$s2 = "init_phrases" ascii
		$s3 = "updateklog" ascii
		$s4 = "captured_password" ascii
		$s5 = "init_cred_structs" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
