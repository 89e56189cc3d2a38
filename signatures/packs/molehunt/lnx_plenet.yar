/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts of .NET are UTF-16 also in an ELF file. */

rule APT_MAL_LNX_PLENET_Nov26_1 : FILE MEMORY
{
	meta:
		id = "0c444c17-9f37-5a7e-93fb-55f993c11b78"
		description = "Detects the PLENET backdoor, compiled .NET in an ELF file, by two of its three UTF-16 error texts and the build path of its server"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Volexity, VerdantBamboo (as cited by its public rules), 2026"
		score = 60
		family = "PLENET"
		actor = "UNC5221 (VerdantBamboo)"
		attack = "T1095"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "668f7e6677eaf609fd4035a049095e209651a4432f10cce29dd4740f588da0dd"

	strings:
		$s1 = "[!] Error : Plexor is nul" wide
		$s2 = "[!] Connection error. Kill Pty" wide
		$s3 = "port must within 0~6553" wide
		$s4 = "bin/Release/net8.0/linux-x64/native/server" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 32MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
