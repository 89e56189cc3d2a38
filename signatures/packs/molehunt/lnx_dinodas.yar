/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_DinodasRAT_Nov26_1 : FILE MEMORY
{
	meta:
		id = "06e58136-d68a-5f4d-b61b-0d827efd7c1d"
		description = "Detects the DinodasRAT backdoor for Linux, also called XDealer, by two of its shell function, source file, machine name format, build folder and command answer"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Kaspersky, DinodasRAT Linux implant targeting entities worldwide, 2024; Check Point, Malware spotlight: Linodas aka DinodasRAT for Linux, 2024"
		score = 60
		family = "DinodasRAT"
		actor = "Earth Krahang, LuoYu"
		attack = "T1059.004"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "d46cc5a0e23fb0da79b24e05708047394b2938480e00a3cf2f001f3aadc933f3"

	strings:
		$s1 = "int MyShell::createsh()" ascii
		$s2 = "/src/myshell.cpp" ascii
		$s3 = "Linux_%s_%s_%u_V" ascii
		$s4 = "/soft/mm/rootkit/" ascii
		$s5 = "cmd over return [%s]" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 8MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
