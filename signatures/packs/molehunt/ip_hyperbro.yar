/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_HyperBro_Nov26_1 : FILE MEMORY
{
	meta:
		id = "61c0414d-2761-5c5f-b603-45a0b2529cf6"
		description = "Detects the HyperBro backdoor by its request path together with two of its pipe and the names of its loader and payload"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "BfV, Cyber-Brief 01/2022: HyperBro, 2022; HvS-Consulting, HyperBro and TwoFace (as cited by BfV), 2022"
		score = 60
		family = "HyperBro"
		actor = "APT27"
		attack = "T1574.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "97cae33a7076f41c87d02b1e9ba0f9538cc9a22efb941953b19964d250c5089e"

	strings:
		$s1 = "https://%s:%d/api/v2/ajax" wide
		$a1 = "\\\\.\\pipe\\testpipe" wide
		$a2 = "vftrace.dll" wide
		$a3 = "thumb.dat" wide

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			$s1 and 2 of ($a*)
		) or (
			not defined filesize and $s1 and 2 of ($a*)
		)
}
