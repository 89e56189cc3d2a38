/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_HackingTeam_RCS_Ndisk_Nov26_1 : FILE
{
	meta:
		id = "36daaea8-125a-54d6-ad2d-590b7ad9cc37"
		description = "Detects the ndisk.sys driver of Hacking Team's Remote Control System by two of its device names, its cover description and the names it looks up"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Hacking Team (leaked), Hacking Team source leak, as cited by public rule collections, 2015; Microsoft, Defender signature Worm:Win64/Boychi, in a public extract, 2025"
		hash = "cf5089752ba51ae827971272a5b761a4ab0acd84"
		score = 60
		family = "RCS"
		actor = "Hacking Team"
		attack = "T1014"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "6d0ceb4d0bfecd7baac59fbe316310f56681516b4fcbb4ca0b3012aa91114788"

	strings:
		$s1 = "\\Device\\MSH4DEV1" wide
		$s2 = "\\DosDevices\\MSH4DEV1" wide
		$s3 = "Microsoft Kernel Disk Manager" wide
		$s4 = "\\Driver\\DeepFrz" wide
		$s5 = "\\Enum\\Root\\LEGACY_NDISK.SYS" wide

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 2MB and
		2 of them
}
