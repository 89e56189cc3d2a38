/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_TABMSGSQL_Nov26_1 : FILE MEMORY
{
	meta:
		id = "6c40147e-ec53-5a71-a984-1adf305f20b1"
		description = "Detects the TABMSGSQL backdoor of APT1 by its session name and mutex, or by two of its message query, beacon format and console texts"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "TABMSGSQL"
		actor = "APT1 (Comment Crew)"
		attack = "T1071.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "b35c93e3055b39b8afbf19ce6b1e5ac6997cfa84b2f6d79071279003bfb12f86"

	strings:
		$x1 = "letusgohtppmmv2.0.0.1" ascii
		$s1 = "select top 1 * from tab_message where toid = '%s' order by id asc" ascii
		$s2 = "rands=%s&acc=%s&str=%s" ascii
		$s3 = "Are you sure to FORMAT Disk C With NTFS?(Y/N)" ascii
		$s4 = "Alert!Pls press enter to make sure!" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			($x1 or 2 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
