/* SPDX-License-Identifier: BSD-2-Clause */
/* The documented prompt of repeated '@' is left out: it gives the search engine no rare bytes. */

rule APT_MAL_APT1_SWORD_Nov26_1 : FILE MEMORY
{
	meta:
		id = "96a3ba5e-0921-5a08-b400-f3ba2460294f"
		description = "Detects the SWORD backdoor of APT1 by two of the three banners with which it greets, waits and leaves"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "SWORD"
		actor = "APT1 (Comment Crew)"
		attack = "T1059.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "e17dff85bdb65664e39646dce127da2b31070abe0248fa35e3219ea33be7e2a4"

	strings:
		$s1 = "*========== Bye Bye ! ==========*" ascii
		$s2 = "****** Hey, wake up! ******" ascii
		$s3 = "...... Having a rest, just wait %d minutes! ......" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			2 of them
		) or (
			not defined filesize and all of them
		)
}
