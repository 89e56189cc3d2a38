/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_KNUCKLEBALL_Nov26_1 : FILE
{
	meta:
		id = "3440e562-7042-5276-a5d9-672465dbd09d"
		description = "Detects the KNUCKLEBALL script of UTA0533, which puts code into a running Java server, by its waiting error together with the template of the attach socket"
		author = "Molehunt"
		date = "2026-11-26"
		modified = "2026-11-26"
		version = 2
		reference = "Volexity, UTA0533 (as cited by its public rules), 2026"
		score = 50
		family = "KNUCKLEBALL"
		actor = "UTA0533"
		attack = "T1055"
		scope = "file"
		os = "linux"
		container = "script"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "41f4a6dc3ba3f2ddc64ff5a619c6a713ac5b08dfb9833c541b7d30a36f84d03f"

	strings:
		$s1 = "timeout waiting for JVMTI attach socket" ascii
		$s2 = "/tmp/.java_pid{pid}" ascii

	condition:
		(uint16(0) == 0x2123 or (uint32(0) == 0x6f706d69 and uint32(3) == 0x2074726f and uint8(7) != 0x22) or uint32(0) == 0x6d6f7266) and
		filesize < 1MB and
		all of them
}
