/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_VoidLink_Nov26_1 : FILE MEMORY
{
	meta:
		id = "561bef6e-f651-5555-83c0-3922a05aa134"
		description = "Detects the VoidLink implant for Linux and cloud hosts by two of its module, executor and plugin marks, interface name and the description under which it hides"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Check Point, VoidLink: the cloud-native malware framework, 2026; Sysdig, VoidLink threat analysis, 2026"
		score = 60
		family = "VoidLink"
		actor = "unattributed, PRC-nexus"
		attack = "T1014"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "7bff3c602366f660f7b5b124e59739909e42e6dbc786d51076336628055bf586"

	strings:
		$s1 = "vl_stealth.ko" ascii
		$s2 = "[ChainExecutor]" ascii
		$s3 = "[PLUGIN_EXEC]" ascii
		$s4 = "BeaconAPI_v3" ascii
		$s5 = "camouflage executor" ascii
		$s6 = "anti-reverse executor" ascii
		$s7 = "AMD Memory Encryption Driver" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 16MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
