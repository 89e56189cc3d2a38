/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_MESSAGETAP_Nov26_1 : FILE
{
	meta:
		id = "faee6c65-31df-566b-8a9e-b885da1a99ef"
		description = "Detects the MESSAGETAP implant of message centres by the name of the list of words for which it reads short messages"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "FireEye, MESSAGETAP: who's reading your text messages?, 2019"
		score = 70
		family = "MESSAGETAP"
		actor = "APT41"
		attack = "T1040"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "cacac1dca1fca25a9ba5eb9c3136bf90f118d8bf84995c733302476f1e253bd6"

	strings:
		$x1 = "keyword_parm.txt" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		$x1
}
