/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Enfal_Nov26_1 : FILE MEMORY
{
	meta:
		id = "d17a5f75-c50f-51c5-83d1-0ca885835390"
		description = "Detects the Enfal downloader of the Lurid attacks by two of its name, status path, insult, server scripts and service name"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Trend Micro, The Lurid downloader, 2011; Citizen Lab, malware-signatures, 2014"
		score = 60
		family = "Enfal"
		actor = "Lurid"
		attack = "T1071.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "32ee805c9ff68fe2ec52511f9ead4511a82e386381ff59216e16c7f4c50dfc2e"

	strings:
		$s1 = "LuridDownloader for Falcon" ascii
		$s2 = "/iupw82/netstate" ascii
		$s3 = "fuckNodAgain" ascii
		$s4 = "Crpq2.cgi" ascii
		$s5 = "Clnpp5.cgi" ascii
		$s6 = "Dqpq3ll.cgi" ascii
		$s7 = "DllServiceTrojan" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
