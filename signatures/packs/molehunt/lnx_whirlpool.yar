/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_WHIRLPOOL_Nov26_1 : FILE
{
	meta:
		id = "0f15617c-e767-5e19-8263-035ccc38ea7c"
		description = "Detects the WHIRLPOOL reverse shell of mail gateways by the name of its source file together with that of its connecting function"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Nextron Systems, Public rule for WHIRLPOOL, 2023; Microsoft, Defender signature Trojan:Linux/Whirpool, in a public extract, 2025"
		score = 85
		family = "WHIRLPOOL"
		actor = "UNC4841"
		attack = "T1059.004"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "cd66901e0a1a22e47cc6fe7aa80f772c08713507a4225952a62f4480c25dc9d0"

	strings:
		$s1 = "SSLShell.c" ascii
		$s2 = "plain_connect" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		all of them
}
