/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Derusbi_Nov26_1 : FILE MEMORY
{
	meta:
		id = "107bc94b-4073-55b0-b7a7-5d63bcc522f7"
		description = "Detects the Derusbi backdoor and its driver by two of the marks before and behind its configuration and the name of its base class"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Airbus Defence and Space, Newcomers in the Derusbi family, its rules, 2015; Nextron Systems, Public rules for Derusbi and Winnti, 2015; Fidelis, The Turbo campaign, featuring Derusbi for 64-bit Linux, its rules, 2016"
		score = 85
		family = "Derusbi (Windows)"
		actor = "Deep Panda, Axiom"
		attack = "T1095"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "6f939c1bc988a6faee4ff7d8ca7d02c1889df276dbab1562408bbaeda5ae07ae"

	strings:
		$s1 = "$$$--Hello" ascii
		$s2 = "Wrod--$$$" ascii
		$s3 = ".?AVPCC_BASEMOD@@" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and all of them
		)
}
