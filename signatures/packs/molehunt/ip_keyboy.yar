/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_KeyBoy_Nov26_1 : FILE MEMORY
{
	meta:
		id = "e061d4d2-42e0-5add-8460-b110d8330286"
		description = "Detects the KeyBoy backdoor by all four of its command words, or by its configuration error or upload answer with two of them"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Rapid7, KeyBoy, targeted attacks against Vietnam and India, 2013; Citizen Lab, It's parliamentary: KeyBoy and the targeting of the Tibetan community, 2016"
		score = 60
		family = "KeyBoy"
		actor = "KeyBoy (Tropic Trooper)"
		attack = "T1059.003"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "d7f74a83b4434fd64505de3f4e1ff471a1935885ff4aa904df37f7a6e047a2c1"

	strings:
		$s1 = "Not Configed, Exiting" ascii
		$s2 = "UploadFileOk" wide
		$c1 = "$login$" ascii
		$c2 = "$sysinfo$" ascii
		$c3 = "$shell$" ascii
		$c4 = "$fileManager$" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			(all of ($c*) or (any of ($s*) and 2 of ($c*)))
		) or (
			not defined filesize and any of ($s*) and 3 of ($c*)
		)
}
