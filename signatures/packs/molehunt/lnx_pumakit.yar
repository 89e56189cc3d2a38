/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_PUMAKIT_Nov26_1 : FILE MEMORY
{
	meta:
		id = "93c1767c-a317-5152-9ce4-1c07c20c5b6f"
		description = "Detects the PUMAKIT loader, kernel rootkit and preloaded library for Linux by two of its log texts, hidden folder, configuration mark and server"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Elastic Security Labs, Declawing PUMAKIT, 2024; Microsoft, Defender signature Trojan:Linux/Pumakit, in a public extract, 2025"
		score = 85
		family = "PUMAKIT"
		actor = "unattributed"
		attack = "T1014"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "c1e8d6e967a5ec7177b3c93e39183fb534ec2c5796f5ccb9407372cd83758432"

	strings:
		$s1 = "PUMA %s" ascii
		$s2 = "Kitsune PID %ld" ascii
		$s3 = "/usr/share/zov_f" ascii
		$s4 = ".puma-config" ascii
		$s5 = "opsecurity1.art" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 8MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
