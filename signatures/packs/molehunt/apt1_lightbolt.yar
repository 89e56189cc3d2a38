/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_HKTL_APT1_LIGHTBOLT_Nov26_1 : FILE MEMORY
{
	meta:
		id = "bd854823-3500-503c-ab7b-8b811c85fb8b"
		description = "Detects LIGHTBOLT, the tool with which APT1 packed stolen files into a protected archive named as a picture, by its archiver command, or by its clean-up command and its error"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 75
		family = "LIGHTBOLT"
		actor = "APT1 (Comment Crew)"
		attack = "T1560.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "HKTL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "5511f478adda456cd0296151b40de7628c446ee1933abf70890da2cd51aefde8"

	strings:
		$x1 = "bits.exe a all.jpg .\\ALL -hp%s" ascii
		$s1 = "rd .\\ALL /S /Q" ascii
		$s2 = "Parameter Error 10030" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			($x1 or all of ($s*))
		) or (
			not defined filesize and all of them
		)
}
