/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Showboat_Nov26_1 : FILE
{
	meta:
		id = "350475c1-52a3-50b6-8272-8a0c9ac8074c"
		description = "Detects the Showboat backdoor of telecommunication networks by the mocking key with which it decrypts its configuration"
		author = "Molehunt"
		date = "2026-11-26"
		modified = "2026-11-26"
		version = 2
		reference = "several analysts, Notes on Lumen's report on Showboat, with its indicators, 2026; Nextron Systems, Public rule for Showboat, 2026"
		hash = "a05fbe8734a5a5a994a44dee9d21134ad7108d24ab0749499fe24fc4b36c4cbc"
		score = 80
		family = "Showboat"
		actor = "Calypso (Red Lamassu)"
		attack = "T1090"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "e257ca992f0391e9ed78ac5205fdc03807dbef41d0751fe3aadd12c376793fc5"

	strings:
		$x1 = "look me, AV!" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		$x1
}
