/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_LinkPro_Nov26_1 : FILE MEMORY
{
	meta:
		id = "fea7fd18-eae4-51a4-8f53-36d4a91c4dd5"
		description = "Detects the LinkPro rootkit for Linux and clouds by two of its package name, its two embedded files and the names of its packet and hiding programs"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Synacktiv, LinkPro: eBPF rootkit analysis, its rules, 2025; Microsoft, Defender signature for LinkPro, in a public extract, 2025"
		score = 85
		family = "LinkPro"
		actor = "unattributed, suspected PRC"
		attack = "T1014"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "2467d13cdb7d1006b0e65830d51f7e3a52250927d7f475337f3f3602a3c9c138"

	strings:
		$s1 = "link-pro/link-client" ascii
		$s2 = "resources/arp_diag.ko" ascii
		$s3 = "resources/libld.so" ascii
		$s4 = "knock_prog" ascii
		$s5 = "hidePrograms" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 32MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
