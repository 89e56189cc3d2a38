/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Regin_Nov26_1 : FILE
{
	meta:
		id = "7354e5f6-485d-5570-b776-579dd46bfb13"
		description = "Detects Hopscotch, the part of Regin that moves to other machines, by the names of its log-in and its copy function"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Kaspersky, An analysis of Regin's Hopscotch and Legspin, 2015"
		score = 60
		family = "Regin"
		actor = "Regin"
		attack = "T1021.002"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "0059cd042bf7adef7f1dcb0c43eabb3ac831286aaa692bb752b7840de4d097ea"

	strings:
		$s1 = "AuthenticateNetUseIpc" ascii
		$s2 = "CopyServiceToRemoteMachine" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 4MB and
		all of them
}
