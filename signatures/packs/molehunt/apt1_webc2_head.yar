/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_WEBC2_HEAD_Nov26_1 : FILE MEMORY
{
	meta:
		id = "7dca6816-7fa1-58b1-bc4a-f97fc37cd03f"
		description = "Detects the WEBC2-HEAD downloader of APT1 by its failure word and its prompt, or by one of them with two of its client name, connection answer and page name"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WEBC2-HEAD"
		actor = "APT1 (Comment Crew)"
		attack = "T1102.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "28283296013817bdde354008cd1a23c6b90d8d381afcd9ba5105f62fc7303b42"

	strings:
		$k1 = "W!r@o#n$g" ascii
		$k2 = "Pls input order:" ascii
		$a1 = "WinHTTP 1.0" ascii
		$a2 = "connect ok" ascii
		$a3 = "new.new" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			(all of ($k*) or (any of ($k*) and 2 of ($a*)))
		) or (
			not defined filesize and all of ($k*) and any of ($a*)
		)
}
