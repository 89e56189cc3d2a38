/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_WEBC2_GREENCAT_Nov26_1 : FILE MEMORY
{
	meta:
		id = "aad9f3dc-0a5b-5ed4-89be-5bc0b665274b"
		description = "Detects the WEBC2-GREENCAT backdoor of APT1 by two of its batch file, mutex, shell answers and assumed Adobe path"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WEBC2-GREENCAT"
		actor = "APT1 (Comment Crew)"
		attack = "T1102.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "6fc2fba578a0d384b718541f5d887edfb26dbb8e1728c727b2c5d9e93801a692"

	strings:
		$s1 = "~MS80547.bat" ascii
		$s2 = "GLOBAL\\ADR32" ascii
		$s3 = "Start shell first." ascii
		$s4 = "kill </p|/s> <pid|ServiceName>" ascii
		$s5 = "\\Application Data\\Adobe\\reader_sl.exe" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
