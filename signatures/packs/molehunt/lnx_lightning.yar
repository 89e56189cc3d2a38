/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Lightning_Framework_Nov26_1 : FILE
{
	meta:
		id = "7677f2d1-7ce7-55d7-b83d-ed67d21516ee"
		description = "Detects the Lightning Framework for Linux by two of its hidden folder, module names, false start file, plugin name and hiding function"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Intezer, Lightning Framework: new undetected Swiss army knife Linux malware, 2022"
		score = 85
		family = "Lightning Framework"
		actor = "unattributed"
		attack = "T1014"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "975969abd9b3ef20e5e75d680587f13e7c13f9cfed2cc422ea8b6104c48f4d03"

	strings:
		$s1 = "/usr/lib64/seahorses/" ascii
		$s2 = "Linux.Plugin.Lightning.Sshd" ascii
		$s3 = "elastisearch.ko" ascii
		$s4 = "/etc/rc.d/init.d/elastisearch" ascii
		$s5 = "InstallKernelHide" ascii
		$s6 = "kkdmflush" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		2 of them
}
