/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_SNOWLIGHT_Nov26_1 : FILE
{
	meta:
		id = "1e9fb62b-5220-52a8-9ce3-cb659ff1e1d0"
		description = "Detects the SNOWLIGHT dropper for Linux, also the stager of VShell, which runs its payload from memory, by its lock file together with its kernel thread title"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "several analysts, Solutions of a public exercise with a sample: its strings, 2025; several analysts, VShell stager for Linux, decompiled, 2025"
		score = 80
		family = "SNOWLIGHT"
		actor = "UNC5174 and others"
		attack = "T1620"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "460c81ebfa74db72af9792a52bb2f997be915a557e1060ab1968925822b201c5"

	strings:
		$s1 = "/tmp/log_de.log" ascii
		$s2 = "[kworker/0:2]" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 4MB and
		all of them
}
