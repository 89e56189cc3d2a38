/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Icefog_Nov26_1 : FILE MEMORY
{
	meta:
		id = "11030c0f-84cd-53bb-bcbc-81ee76cb13fa"
		description = "Detects the Icefog backdoor by two of its order request, configuration file, folder and server"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Kaspersky, The Icefog APT: a tale of cloak and three daggers, 2013; ClearSky, Iranian and Chinese indicators 2018, 2018"
		score = 60
		family = "Icefog"
		actor = "Icefog (Dagger Panda)"
		attack = "T1071.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "337c865dcf3e87a5fe5094a274989671e87cfe1d3102276e39b7ebbe5419b6c1"

	strings:
		$s1 = "/getorder.aspx?hostname=" wide
		$s2 = "\\filecfg_temp.dat" wide
		$s3 = "c:\\windows\\debug\\wia\\help" wide
		$s4 = "kastygost.compress.to" wide

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
