/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Agent_BTZ_Nov26_1 : FILE MEMORY
{
	meta:
		id = "0b74fb49-940c-5e31-8a0c-c58bf013859c"
		description = "Detects the Agent.BTZ worm by the key with which it hides its logs, or by its build name together with the name of its registry file"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "G Data, Uroburos: highly complex espionage software with Russian roots, 2014"
		score = 60
		family = "Agent.BTZ"
		actor = "Turla"
		attack = "T1091"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "61365636ed384561e892ce9c593db37cb13bd113bde3ed1ae87e41d7988ee09e"

	strings:
		$x1 = "1dM3uu4j7Fw4sjnbcwlDqet4F7JyuUi4m5Imnxl1pzxI6as80cbLnmz54cs5Ldn4ri3do5L6gs923HL34x2f5cvd0fk6c1a0s" ascii
		$s1 = "mfc42l00.pdb" ascii
		$s2 = "mstotreg.dat" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			($x1 or all of ($s*))
		) or (
			not defined filesize and all of them
		)
}
