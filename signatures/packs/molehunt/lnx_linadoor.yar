/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_LinaDoor_Nov26_1 : FILE
{
	meta:
		id = "2091ee8a-6930-574a-b8ad-b75073430b54"
		description = "Detects the LinaDoor rootkit for Linux by two of its hidden device folder, packet filter target and function that lets an address pass"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "signature-base, LinaDoor (as cited by public rules), 2022"
		score = 60
		family = "LinaDoor"
		actor = "unattributed"
		attack = "T1014"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "832679d8e7a6cec9ecf8c09d0b9693e6818cd2477388d49a5859c9db5a626072"

	strings:
		$s1 = "/dev/net/.../rootkit_/" ascii
		$s2 = "rh_reserved_tp_target" ascii
		$s3 = "DoBypassIP" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		2 of them
}
