/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_HelloBot_Nov26_1 : FILE
{
	meta:
		id = "ccf9275b-6578-59a1-940a-59e44317b640"
		description = "Detects the HelloBot backdoor for Linux by the key with which the configuration behind its packed program is encrypted"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "ExaTrack, Melofee: a new alien malware in the Panda's toolset targeting Linux hosts, 2023"
		score = 75
		family = "HelloBot"
		actor = "Earth Berberoka and Winnti-linked"
		attack = "T1027.002"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "4159e36c3793fb90475156576d7ab4c2f8fe45a403ea63f0f4bd89199dfc74b7"

	strings:
		$x1 = "ecfafeab6ee7d642" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 4MB and
		$x1
}
