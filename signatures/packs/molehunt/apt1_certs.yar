/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates for names such as SERVER or EMAIL are left out; the second serial number is negative. */

rule APT_MAL_APT1_Certificates_Nov26_1 : FILE
{
	meta:
		id = "e877d7a6-1463-54a2-930b-b3c85dec3be3"
		description = "Detects programs that carry one of two self-made certificates of APT1's servers by the serial number of either or by the machine name for which one was made"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix F (certificates), as converted to STIX by OASIS, 2013"
		score = 80
		family = "APT1 certificates"
		actor = "APT1 (Comment Crew)"
		attack = "T1573.002"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "5e396a3e5b2b22d45aef95c94b077b126a11ea056af9f4b2f5d4439f2e068c8f"

	strings:
		$x1 = { 0E 97 88 1C 6C A1 37 96 42 03 BC 45 42 24 75 6C }
		$x2 = { B3 F4 E2 E6 8B 79 58 99 4B E5 40 BF D8 DE 89 D8 }
		$x3 = "LM-68AB71FBD8F5" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 4MB and
		any of them
}
