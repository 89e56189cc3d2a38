/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Mirage_Nov26_1 : FILE
{
	meta:
		id = "3b4a1c8c-e44a-5036-8399-3a4219da5eee"
		description = "Detects the Mirage backdoor by its greeting from a film together with its request that poses as a search result"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "SecureWorks, The Mirage campaign, 2012"
		score = 60
		family = "Mirage"
		actor = "Ke3chang (Vixen Panda)"
		attack = "T1071.001"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "bfe9149705b017c890aa579ee8e31fbcf2985515f14f85ac5a2e4c149db08c68"

	strings:
		$s1 = "Neo,welcome to the desert of real." ascii wide
		$s2 = "/result?hl=en&id=%s" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 4MB and
		all of them
}
