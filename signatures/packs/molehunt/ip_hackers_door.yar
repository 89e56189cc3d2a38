/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Hackers_Door_Nov26_1 : FILE
{
	meta:
		id = "3e43b118-2b50-5605-b7e3-240efaa83788"
		description = "Detects the Hacker's Door backdoor and rootkit, sold and used by several groups, by its author's password or by the text before its version"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Nextron Systems, Public rules for Hacker's Door, 2017; Microsoft, Defender signature for Hacker's Door, in a public extract, 2025"
		score = 80
		family = "Hacker's Door"
		actor = "Winnti-linked"
		attack = "T1014"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "bdaa93d74473813abfdd462990366052c0422128fcc3aab45a953eac34eb39ae"

	strings:
		$x1 = "I'mhackeryythac1977" ascii
		$x2 = "The version of personal hacker's door server is" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 4MB and
		any of them
}
