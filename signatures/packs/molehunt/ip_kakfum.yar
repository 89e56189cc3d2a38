/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Kakfum_Nov26_1 : FILE
{
	meta:
		id = "3b0d3a05-bd80-536f-b444-08389c4a7cd0"
		description = "Detects the Kakfum backdoor of Deep Panda by two of its false service command, library name and misspelled start function"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "CrowdStrike, Deep Panda (as cited by public rule collections), 2014"
		score = 60
		family = "Kakfum"
		actor = "Deep Panda"
		attack = "T1543.003"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "69fbfb3657cc6c619b7607cda9f00ca75f77574e0fa8e2d9dc6cd0c1b9b0453b"

	strings:
		$s1 = "%SystemRoot%\\System32\\svchost.exe -k sqlserver" ascii
		$s2 = "%s\\sqlsrv64.dll" ascii
		$s3 = "ServiceMaix" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 4MB and
		2 of them
}
