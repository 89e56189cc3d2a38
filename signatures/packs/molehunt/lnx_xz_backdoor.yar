/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_XZ_Backdoor_Nov26_1 : FILE
{
	meta:
		id = "363f0d58-7abb-5071-8c41-c0813b83bb41"
		description = "Detects the library liblzma with the backdoor of xz 5.6.0 and 5.6.1 by the first bytes of its inserted function or by the variable that switches it off"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Openwall oss-security (Andres Freund), backdoor in upstream xz/liblzma leading to ssh server compromise, 2024; Elastic, Public rules for Linux, XZBackdoor, 2024"
		score = 85
		family = "XZ backdoor"
		actor = "unattributed"
		attack = "T1195.002"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "bb91fcd2f08bc085b70d070ba35ca5545d4997daafb96babe8140c969272abd1"

	strings:
		$x1 = { F3 0F 1E FA 55 48 89 F5 4C 89 CE 53 89 FB 81 E7 00 00 00 80 48 83 EC 28 48 89 54 24 18 48 89 4C 24 10 }
		$x2 = "yolAbejyiejuvnup=Evjtgvsh5okmkAvj" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 4MB and
		any of them
}
