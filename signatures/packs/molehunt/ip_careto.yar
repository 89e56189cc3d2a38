/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Careto_Nov26_1 : FILE MEMORY
{
	meta:
		id = "15761bb5-109f-5de8-8a83-eb1782176484"
		description = "Detects the Careto backdoor by two of its false driver, picture and plugin names, request path and server"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Kaspersky, Unveiling Careto: the masked APT, 2014"
		score = 60
		family = "Careto"
		actor = "Careto (The Mask)"
		attack = "T1055.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "6d029676e0a7ee9548b99ea1ae54e425ede12f1f357e4e33865ca2979a526fba"

	strings:
		$s1 = "PGPsdkDriver" ascii wide
		$s2 = "jpeg1x32" ascii wide
		$s3 = "SkypeIE6Plugin" ascii wide
		$s4 = "cgi-bin/commcgi.cgi" ascii wide
		$s5 = "linkconf.net" ascii wide

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
