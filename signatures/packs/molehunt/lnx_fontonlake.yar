/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_FontOnLake_Nov26_1 : FILE MEMORY
{
	meta:
		id = "a9e0b9f4-720b-58f8-9e2c-7820a66223a3"
		description = "Detects the FontOnLake backdoors for Linux by the type name of their password upload, or by two of their hidden proc entries and shell history helper"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "ESET, FontOnLake: previously unknown malware family targeting Linux, 2021"
		score = 85
		family = "FontOnLake"
		actor = "unattributed"
		attack = "T1554"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "dadfe8da95a6fc331bd83200b76d385cdb2e320b1e4e365abf762157beeef099"

	strings:
		$x1 = ".cmd.Upload_Passwd.PasswordInfo" ascii
		$s1 = "/proc/.dot3" ascii
		$s2 = "/proc/.inl" ascii
		$s3 = "fake_bash_add_history" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 16MB and
			($x1 or 2 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
