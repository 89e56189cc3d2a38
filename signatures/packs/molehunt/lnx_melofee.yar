/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Melofee_Nov26_1 : FILE MEMORY
{
	meta:
		id = "0a024e59-0b4a-5001-8abe-650d88840742"
		description = "Detects the Melofee implant for Linux by the misspelled message of its installer or its kernel module's path, or by three of its class names"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "ExaTrack, Melofee: a new alien malware in the Panda's toolset targeting Linux hosts, 2023"
		score = 85
		family = "Melofee"
		actor = "unattributed, linked to Winnti"
		attack = "T1095"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "cfc7bc2db6abbc66c8b9fd181e082128c8ab170362e10258f96c49cf8095db86"

	strings:
		$x1 = "cteate home folder failed" ascii
		$x2 = "/etc/intel_audio/intel_audio.ko" ascii
		$s1 = "10PipeSocket" ascii
		$s2 = "9TLSSocket" ascii
		$s3 = "SelfForwardServer" ascii
		$s4 = "KcpUpdater" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 8MB and
			(any of ($x*) or 3 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
