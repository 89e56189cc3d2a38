/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_FireWood_Nov26_1 : FILE MEMORY
{
	meta:
		id = "45886253-6a9b-534a-bbe3-abba194c7f8a"
		description = "Detects the FireWood backdoor for Linux by its misspelled report of disk space, or by its report of the root folder together with its removal command"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "ESET, Unveiling WolfsBane: Gelsemium's Linux counterpart to Gelsevirine, 2024"
		score = 60
		family = "FireWood"
		actor = "Gelsemium (low confidence)"
		attack = "T1082"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "fa321c802b8b7fe0bf182795b6a5dfc3f8e43fd4f0fbb355bca02e788f9a6a21"

	strings:
		$x1 = "Total Disk space:%luG, Free Disk spae:%luG" ascii
		$s1 = "root dir:%s" ascii
		$s2 = "rm -rf ../lib/%s" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 8MB and
			($x1 or all of ($s*))
		) or (
			not defined filesize and all of them
		)
}
