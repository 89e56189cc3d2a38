/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_ZxShell_Nov26_1 : FILE MEMORY
{
	meta:
		id = "7a80e646-9532-5813-931d-4ce1372016a2"
		description = "Detects the ZxShell backdoor by two of its guest account command, copied program, reversed registry path and the odd spelling of a privilege"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Cisco Talos, Threat spotlight: Group 72, opening the ZxShell, 2014"
		score = 60
		family = "ZxShell"
		actor = "APT41, Axiom (Group 72)"
		attack = "T1543.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "60ab62fd416e2244f4ddd1492e51d8cdadb3d10b4cbf18541b10c2ac49433e66"

	strings:
		$s1 = "CMD.EXE /C NET USER GUEST /ACTIVE:yes && NET USER GUEST ++++++" ascii
		$s2 = "\\\\%s\\admin$\\g1fd.exe" ascii
		$s3 = "secivreS\\teSlortnoCtnerruC\\METSYS" ascii
		$s4 = "eNABLEaDMINtsREMOTE" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
