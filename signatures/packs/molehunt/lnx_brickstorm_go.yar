/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_BRICKSTORM_Go_Nov26_1 : FILE MEMORY
{
	meta:
		id = "0e39e2f8-2634-5d6f-a78e-3a7756dc5e04"
		description = "Detects the BRICKSTORM backdoor written in Go by two of its package and function names, or by one of them with two of its path and environment switches"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "NVISO, BRICKSTORM backdoor analysis, 2025; Google Mandiant, Another BRICKSTORM: stealthy backdoor enabling espionage into tech and legal sectors, 2025; CISA, AR25-338A BRICKSTORM backdoor, 2025"
		score = 60
		family = "BRICKSTORM"
		actor = "UNC5221 (VerdantBamboo)"
		attack = "T1090"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "0cf3d931d754e5c1162b47d0a492205c1835283d0f4443395f2cef9cd6c4ea12"

	strings:
		$s1 = "/libs/doh.createDnsMessage" ascii
		$s2 = "/libs/fs.(*RemoteDriver).GetFile" ascii
		$s3 = "wssoft/core" ascii
		$s4 = "wsshell/core" ascii
		$a1 = "home/vsphere-ui/" ascii
		$a2 = "WRITE_LOG=true" ascii
		$a3 = "WEE1=true" ascii
		$a4 = "WEE2=true" ascii

	condition:
		(
			((uint32(0) == 0x464c457f and uint16(0x10) != 4) or
			(uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550)) and
			filesize < 32MB and
			(2 of ($s*) or (any of ($s*) and 2 of ($a*)))
		) or (
			not defined filesize and (3 of ($s*) or (2 of ($s*) and any of ($a*)))
		)
}
