/* SPDX-License-Identifier: BSD-2-Clause */

rule PUA_ligolo_ng_Nov26_1 : FILE
{
	meta:
		id = "e9b01596-75c2-5b4e-a568-06c68af8e33e"
		description = "Detects the ligolo-ng tunnel by the name of its Go module, which stands in the names of its packages; a tool of testers and intruders"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Nicocha30, ligolo-ng, source code, 2021"
		score = 65
		family = "ligolo-ng"
		actor = "unknown"
		attack = "T1572"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "PUA"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "fbd4ad01b5ba3b96edcba6f2f83e936a434e4ea0cab3520f2d380983aafb3bdb"

	strings:
		$x1 = "github.com/nicocha30/ligolo-ng/" ascii

	condition:
		((uint32(0) == 0x464c457f and uint16(0x10) != 4) or
		(uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550)) and
		filesize < 32MB and
		$x1
}
