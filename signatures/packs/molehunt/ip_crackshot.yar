/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_CRACKSHOT_Nov26_1 : FILE MEMORY
{
	meta:
		id = "391104fd-10ad-5830-ab2c-1fbbc1e230f7"
		description = "Detects the CRACKSHOT and POISONPLUG backdoors of APT41 by two of their download command names and the registry path of start programs spelled backwards"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "FireEye, Double Dragon: APT41, a dual espionage and cyber crime operation, 2019"
		score = 60
		family = "CRACKSHOT"
		actor = "APT41"
		attack = "T1105"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "33f9367b96b4b614f889f119cbb385e8a73e528d8fb768ee22bd881c12f43120"

	strings:
		$s1 = "RunUrlBinInMem" ascii
		$s2 = "DownRunUrlFile" ascii
		$s3 = "nuR\\noisreVtnerruC\\swodniW\\tfosorciM\\erawtfoS" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and all of them
		)
}
