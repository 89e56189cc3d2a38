/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_HKTL_APT1_MAPIGET_Nov26_1 : FILE MEMORY
{
	meta:
		id = "cecc4265-5ab4-5969-8c10-d0af789975c2"
		description = "Detects MAPIGET, the tool with which APT1 copied mail from Exchange servers, by its usage line or example, or by two of its file name format and misspelled errors"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 75
		family = "MAPIGET"
		actor = "APT1 (Comment Crew)"
		attack = "T1114.002"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "HKTL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "420fd48884612c79355e9b2aec89cd3ccb97a4538b5610bb9bd6ed5c1267b8f7"

	strings:
		$x1 = "%s -s:ExchangeServer -u:UserName -t:YYYY-MM-DD-HH -o:SavePath" ascii
		$x2 = "-s:sn-server1.mailserver.com -u:exuser4" ascii
		$s1 = "%s%d-mail.txt" ascii
		$s2 = "Creat Profile Error" ascii
		$s3 = "EXMAPI INIT Error" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			(any of ($x*) or 2 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
