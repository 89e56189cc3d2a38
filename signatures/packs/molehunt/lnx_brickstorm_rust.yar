/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_BRICKSTORM_Rust_Nov26_1 : FILE MEMORY
{
	meta:
		id = "9654368e-f2a9-5660-92d8-7f19db2b0ae1"
		description = "Detects the BRICKSTORM backdoor written in Rust by its key, or by its installed path together with an error of its proxy"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Volexity, VerdantBamboo (as cited by its public rules), 2026"
		score = 60
		family = "BRICKSTORM (Rust)"
		actor = "UNC5221 (VerdantBamboo)"
		attack = "T1090"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "c8d80256b2e25be4b9d157cd48b519f80127adce5e05d5f6a71226935e2e6f21"

	strings:
		$x1 = "8tr9y8e4df1h6515fthderth" ascii
		$s1 = "/opt/vmware/bin/vmisupport" ascii
		$a1 = "Socks5CmdNotSupported" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 32MB and
			($x1 or ($s1 and $a1))
		) or (
			not defined filesize and all of them
		)
}
