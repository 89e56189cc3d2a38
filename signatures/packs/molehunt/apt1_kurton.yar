/* SPDX-License-Identifier: BSD-2-Clause */
/* Some of its strings may come from PcShare, whose source is public: hence the score. */

rule APT_MAL_APT1_KURTON_Nov26_1 : FILE MEMORY
{
	meta:
		id = "bdc279a1-3b14-5dcc-a599-d6932c66a051"
		description = "Detects the KURTON service backdoor of APT1 by its template of port and address, or by two of its malformed browser name, files, registry key and library name"
		author = "Molehunt"
		date = "2026-11-26"
		modified = "2026-11-26"
		version = 2
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 75
		family = "KURTON"
		actor = "APT1 (Comment Crew)"
		attack = "T1071.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "9f54151b67080e716a6408911019ac3940517ef14bcf4ebd3ba4a9a9e4dd8f02"

	strings:
		$x1 = "!(*@)(!@PORT!(*@)(!@URL" ascii
		$s1 = "Mozilla/4.0 (compatible; MSIE8.0; Windows NT 5.1)" ascii
		$s2 = "MyTmpFile.Dat" ascii
		$s3 = "SvcHost.DLL.log" ascii
		$s4 = "SOFTWARE\\Microsoft\\DirectT" ascii
		$s5 = "PCShareH.dll" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			($x1 or 2 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
