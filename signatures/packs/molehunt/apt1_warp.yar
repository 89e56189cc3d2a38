/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_WARP_Nov26_1 : FILE MEMORY
{
	meta:
		id = "4a914997-0ac6-5445-b427-b3bd3dd02cc0"
		description = "Detects the WARP downloader of APT1 by the path of its copied shell, or by three of its request path, uptime report, form boundary and empty browser name"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WARP"
		actor = "APT1 (Comment Crew)"
		attack = "T1071.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "366a1b1f9b057fb51fb3a66cf4fdfb2114225941c927736761a05c7d55b86156"

	strings:
		$x1 = "%USERPROFILE%\\Temp\\~ISUN32.EXE" ascii
		$s1 = "/s/asp?" ascii
		$s2 = "Start time %d day,%d hours,%d min,%d sec" ascii
		$s3 = "--MULTI-PARTS-FORM-DATA-BOUNDARY" ascii
		$s4 = "Mozilla/4.0 (compatible; )" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			($x1 or 3 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
