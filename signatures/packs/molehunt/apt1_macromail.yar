/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of the MSN protocol are public: every client of it holds them. */

rule APT_MAL_APT1_MACROMAIL_Nov26_1 : FILE MEMORY
{
	meta:
		id = "fd8de970-3981-57f7-a485-b8108739c6d7"
		description = "Detects the MACROMAIL backdoor of APT1, which talks over MSN Messenger, by one of its library name, client version line and altered shell banner together with another of its texts"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "MACROMAIL"
		actor = "APT1 (Comment Crew)"
		attack = "T1102.002"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "c77a0f2a1654112b9edeb61fbf7bdc856000856a949844aeb8ed8a8051976feb"

	strings:
		$k1 = "svcMsn.dll" ascii
		$k2 = "CVR %d 0x0409 winnt 5.1 i386 MSNMSGR 8.5.1288.816 msmsgs %s" ascii
		$k3 = "Macrosoft Corp." ascii
		$s1 = "Unkown command: %s." ascii
		$s2 = "Exception Catched 0x%X" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			(2 of ($k*) or (any of ($k*) and any of ($s*)))
		) or (
			not defined filesize and 2 of ($k*) and any of ($s*)
		)
}
