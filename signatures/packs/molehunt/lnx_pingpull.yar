/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_PingPull_Nov26_1 : FILE MEMORY
{
	meta:
		id = "69fe240b-cca2-514e-8d98-cd1c210997c2"
		description = "Detects the PingPull backdoor for Linux by two of its machine name format, the description of its service and the errors of its shell"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Palo Alto Networks Unit 42, Chinese Alloy Taurus updates PingPull malware, 2023"
		score = 60
		family = "PingPull (Linux)"
		actor = "Alloy Taurus (Gallium)"
		attack = "T1071.001"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "189b0b31dcdf6b4a42b29b2b859a1163948db6dfdd93939b295685c9fce5d737"

	strings:
		$s1 = "PROJECT_%s_%s_%08X" ascii
		$s2 = "Description=The HTTP(S) Client" ascii
		$s3 = "sh:read stdout error" ascii
		$s4 = "sh:time out" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 8MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
