/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Derusbi_Pipes_Nov26_1 : FILE MEMORY
{
	meta:
		id = "815aa0ea-e467-5b91-a3a2-59ad19a7ff50"
		description = "Detects the Derusbi backdoor by two of the names of its packet class and of the two pipes through which its parts talk"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Novetta, Operation SMN: Axiom threat actor group report, 2014; Airbus Defence and Space, Newcomers in the Derusbi family, 2015"
		score = 60
		family = "Derusbi (Windows)"
		actor = "Deep Panda, Axiom"
		attack = "T1095"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "a88043d4d078231fbe19315d5ca2919dbe7c1dab0ebcc1e3f4a436d32b426fb6"

	strings:
		$s1 = "PCC_CMD_PACKET" ascii
		$s2 = "\\\\.\\pipe\\usbpcex%d" wide
		$s3 = "\\\\.\\pipe\\usbpcg%d" wide

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and all of them
		)
}
