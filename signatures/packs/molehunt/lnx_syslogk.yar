/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Syslogk_Nov26_1 : FILE MEMORY
{
	meta:
		id = "91baed36-2b3c-56ff-8944-7c7b57bd37ac"
		description = "Detects the Syslogk kernel rootkit for Linux and its Rekoobe payload by two of its hidden folder, payload name and proc entry"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Avast, Linux threat hunting: Syslogk, a kernel rootkit found under development in the wild, 2022"
		score = 85
		family = "Syslogk"
		actor = "unattributed"
		attack = "T1014"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "c74daf2403d246d2feb564b83f0344259770b1312e1333107c25747a7a99fb8a"

	strings:
		$s1 = "PgSD93ql" ascii
		$s2 = "-Zobk0jpi" ascii
		$s3 = "/proc/syslogk" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and all of them
		)
}
