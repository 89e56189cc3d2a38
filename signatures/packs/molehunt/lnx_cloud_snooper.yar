/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Cloud_Snooper_Nov26_1 : FILE
{
	meta:
		id = "f05491e3-6451-5047-b28c-41207ddbe3b9"
		description = "Detects the Cloud Snooper kernel module and its payload for Linux by the name of a sound driver that does not exist together with the payload's path"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Sophos, Cloud Snooper attack bypasses AWS security measures, 2020"
		score = 85
		family = "Cloud Snooper"
		actor = "unattributed, suspected PRC"
		attack = "T1205"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "6452afcdcef7271bec8b01c7dd2a0d0a7a26f369997674d99c1953b4d963ba5c"

	strings:
		$s1 = "snd_floppy" ascii
		$s2 = "/tmp/snoopy" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 4MB and
		all of them
}
