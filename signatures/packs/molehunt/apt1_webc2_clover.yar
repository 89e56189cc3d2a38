/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings of Info-ZIP, which it contains, are no evidence. */

rule APT_MAL_APT1_WEBC2_CLOVER_Nov26_1 : FILE MEMORY
{
	meta:
		id = "2002cf5e-902e-5f78-b47b-be0e6ca89a30"
		description = "Detects the WEBC2-CLOVER backdoor of APT1 by two of its number, form boundary, browser name and spaced company name, or by one of them with both of its build results"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "WEBC2-CLOVER"
		actor = "APT1 (Comment Crew)"
		attack = "T1102.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "4779712b4312da822e06d53188552fcf7a35aed6babff34ed6be49f875ff6256"

	strings:
		$s1 = "86845632017245" ascii
		$s2 = "----------------------------7d6ea2d405fc" ascii
		$s3 = "Mozilla/4.0 (compatible; MSIE 6.1; Windows NT 5.1; SV1)" ascii
		$s4 = "m i c r o s o f t" ascii
		$a1 = "BUILD ERROR!" ascii
		$a2 = "BUILD SUCCESS!" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			(2 of ($s*) or (any of ($s*) and all of ($a*)))
		) or (
			not defined filesize and (3 of ($s*) or (2 of ($s*) and all of ($a*)))
		)
}
