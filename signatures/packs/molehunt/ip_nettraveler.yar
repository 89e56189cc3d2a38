/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_NetTraveler_Nov26_1 : FILE MEMORY
{
	meta:
		id = "e4dcc11c-6818-565a-8370-65078decba45"
		description = "Detects the NetTraveler backdoor, which collects office and design files, by two of its report word, requests, failure text and injection function"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Kaspersky, The NetTraveler, part 1, 2013; Citizen Lab, malware-signatures, 2014"
		score = 60
		family = "NetTraveler"
		actor = "NetTraveler (APT21)"
		attack = "T1005"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "d088fd1af27b26a2ae9fce3bf6c7229ae07dcd0b8d592843aa0f7d61d86940fb"

	strings:
		$s1 = "travlerbackinfo" ascii
		$s2 = "?action=updated&hostid=" ascii
		$s3 = "%s?hostid=%s&hostname=%s&hostip=%s&filename=%s&filestart=%u&filetext=" ascii
		$s4 = "Method1 Fail!!!!!" ascii
		$s5 = "?InjectDll@@YAHPAUHWND__@@K@Z" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
