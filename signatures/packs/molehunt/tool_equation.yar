/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_HKTL_LNX_Equation_Nov26_1 : FILE
{
	meta:
		id = "a0173186-ce17-5b4d-a02d-e2300384b9af"
		description = "Detects command line tools of the Equation Group by their outburst at an overlong command or the usage line of either of two helpers"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Kaspersky, Equation Group: questions and answers, 2015; Shadow Brokers (leaked), Equation Group tools, as cited by public rule collections, 2017"
		score = 60
		family = "Equation Group tools"
		actor = "Equation Group"
		attack = "T1059.004"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "HKTL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "72c5c208520a3be259e9fbadfed0133a2bec26574a974d4ac8319f19f22d83cd"

	strings:
		$x1 = "Command too long!  What the HELL are you trying to do to me?!?!" ascii
		$x2 = "ourtn -d -D %s -W 127.0.0.1:%d" ascii
		$x3 = "scripme -F -t JACKPOPIN4" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		any of them
}
