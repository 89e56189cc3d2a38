/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_HTTPBrowser_Nov26_1 : FILE MEMORY
{
	meta:
		id = "ccac1cce-4659-572e-b008-b794fa95ed2f"
		description = "Detects the HTTPBrowser backdoor by two of its browser name, file list format, command answer and shell definition"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "SecureWorks, Threat Group 3390 cyberespionage, 2015"
		score = 60
		family = "HTTPBrowser"
		actor = "APT27 (TG-3390)"
		attack = "T1071.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "5ae40d037d64e1036719b947abddd0910f228b89ce7119c30ce8faaec797ed0a"

	strings:
		$s1 = "HttpBrowser/1.0" wide
		$s2 = "%d|%s|%04d/%02d/%02d %02d:%02d:%02d|%ld|%d" wide
		$s3 = "set cmd : %s" ascii
		$s4 = "1001=cmd.exe" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
