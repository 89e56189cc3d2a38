/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Speculoos_Nov26_1 : FILE
{
	meta:
		id = "250b8774-495f-5fdd-808e-96a9f0908fe8"
		description = "Detects the Speculoos backdoor of APT41 for FreeBSD appliances by two of its loop and process messages, saved configuration and shell error"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Palo Alto Networks Unit 42, APT41 using new Speculoos backdoor to target organizations globally, 2020"
		score = 60
		family = "Speculoos"
		actor = "APT41"
		attack = "T1059.004"
		scope = "file"
		os = "freebsd"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "34d58386e8a38d01f0bf852e9dba6676568a17c13c3ef7cff8dd53ed95f1bdee"

	strings:
		$s1 = "enter MessageLoop..." ascii
		$s2 = "exit StartCBProcess..." ascii
		$s3 = "/usr/sbin/config.bak" ascii
		$s4 = "badshell" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		2 of them
}
