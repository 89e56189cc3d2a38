/* SPDX-License-Identifier: BSD-2-Clause */
/* The key of its encoder is shared with other families: see apt1_codec. */

rule APT_MAL_APT1_GOGGLES_Nov26_1 : FILE
{
	meta:
		id = "36374478-e978-5790-9105-9cb38e1352ab"
		description = "Detects the GOGGLES downloader of APT1 by its service start option, its server key word and the mark before the payload in its pictures, all together"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "GOGGLES"
		actor = "APT1 (Comment Crew)"
		attack = "T1105"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "c8771488d768e8e9b6d66c680d100939f0d66280656c8d44bf26c7e5f7368560"

	strings:
		$s1 = "\"%s\" -startsvc" ascii
		$s2 = "dlserver" ascii
		$s3 = { FF 02 B7 BC }

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 2MB and
		all of them
}
