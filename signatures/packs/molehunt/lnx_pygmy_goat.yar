/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Pygmy_Goat_Nov26_1 : FILE
{
	meta:
		id = "01665f48-aada-5bce-927b-43293f62e08e"
		description = "Detects the Pygmy Goat backdoor, a library inside the SSH server of firewalls, by its false version banner, or by its knock bytes with half of its key"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "NCSC-UK, Malware analysis report: Pygmy Goat, 2024; Sophos, Pacific Rim, 2024"
		score = 60
		family = "Pygmy Goat"
		actor = "PRC-linked (Sophos XG)"
		attack = "T1205"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "c52af544d7f281f6b14356a0d639b29ac58d4b6d50aa62fff04a117335cd5b29"

	strings:
		$x1 = "SSH-2.0-D8pjE" ascii
		$s1 = ",bEB3?=o" ascii
		$k1 = "YKnw" ascii
		$k2 = "QjmA" ascii
		$k3 = "TbAn" ascii
		$k4 = "RoZm" ascii
		$k5 = "0fG7" ascii
		$k6 = "UZWb" ascii
		$k7 = "2YUx" ascii
		$k8 = "UQPw" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		($x1 or ($s1 and 4 of ($k*)))
}
