/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_SALTWATER_Nov26_1 : FILE
{
	meta:
		id = "830dfb79-07e7-5695-b469-50aa197c12dc"
		description = "Detects the SALTWATER backdoor, a module for the mail daemon of gateways, by the name of its proxy channel or that of its shell library"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, Barracuda ESG zero-day vulnerability (CVE-2023-2868) exploited globally, 2023"
		score = 60
		family = "SALTWATER"
		actor = "UNC4841"
		attack = "T1554"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "dd1a7c2645fc31e9d75deaf071c06b99aac1655f3db7ef4e40033dd2dc19cb4d"

	strings:
		$x1 = "DownloadByProxyChannel" ascii
		$x2 = "libbindshell.so" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		any of them
}
