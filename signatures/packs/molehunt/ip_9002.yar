/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_RAT_9002_Nov26_1 : FILE MEMORY
{
	meta:
		id = "54b32b50-d386-51f6-84f3-7046df884daa"
		description = "Detects the 9002 remote access tool (Hydraq) by two of its removal word, request, temporary file and names of built-in parts"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "FireEye, Operation Ephemeral Hydra, 2013; Citizen Lab, malware-signatures, 2014"
		score = 60
		family = "9002"
		actor = "APT17, Aurora"
		attack = "T1071.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "4c928a3b09ed58f506669a8e3e131439a44523203fb07214b0ea2466e7d71f23"

	strings:
		$s1 = "rat_UnInstall" ascii
		$s2 = "POST http://%ls:%d/%x HTTP/1.1" ascii
		$s3 = "%%TEMP%%\\%s_p.ax" ascii
		$s4 = { 73 79 73 69 6E 66 6F 00 73 79 73 62 69 6E 30 31 }

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
