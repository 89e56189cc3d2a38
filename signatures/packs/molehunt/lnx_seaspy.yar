/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_SEASPY_Nov26_1 : FILE MEMORY
{
	meta:
		id = "f589cdca-47f5-5501-8ee7-6f6f9a5b1f58"
		description = "Detects the SEASPY backdoor of mail gateways by the usage line under its false service name, or by both of its shell message and its port message"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Nextron Systems, Public rule for SEASPY, 2023; Microsoft, Defender signature TrojanSpy:Linux/SeaSpy, in a public extract, 2025"
		score = 85
		family = "SEASPY"
		actor = "UNC4841"
		attack = "T1205.002"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "8e9d37268754a5f43e5e6b49718a154470e3a282ec08521aa99a2eb17bed6784"

	strings:
		$x1 = "BarracudaMailService <Network-Interface>" ascii
		$s1 = "enter open tty shell" ascii
		$s2 = "NO port code" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 8MB and
			($x1 or all of ($s*))
		) or (
			not defined filesize and all of them
		)
}
