/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Hikit_Nov26_1 : FILE
{
	meta:
		id = "25b251b8-0c81-5224-9ca6-c878146e78c0"
		description = "Detects the Hikit rootkit by the build path of its server or of its packet filter for either kind of processor"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, The Hikit rootkit: advanced and persistent attack techniques, 2012"
		score = 60
		family = "Hikit"
		actor = "Axiom"
		attack = "T1014"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "d14d339d2375f2ba0399be38f73ca4c63f5c84a463f43cfda66f0391c340bae1"

	strings:
		$x1 = "\\JmVodServer\\hikit\\bin32\\RServer.pdb" ascii
		$x2 = "\\hikit\\bin32\\w7fw.pdb" ascii
		$x3 = "\\hikit\\bin64\\w7fw_x64.pdb" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 4MB and
		any of them
}
