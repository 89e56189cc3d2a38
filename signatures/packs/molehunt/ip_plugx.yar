/* SPDX-License-Identifier: BSD-2-Clause */

rule MAL_PlugX_Nov26_1 : FILE MEMORY
{
	meta:
		id = "68dd0319-c66e-5b74-99a8-258c6f92a906"
		description = "Detects the PlugX backdoor (Korplug), used by many groups, by two of its pipe name, connection report, source file names, folder, error format and request"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "CIRCL, TR-12: analysis of a PlugX malware variant used for targeted attacks, 2013; SecureWorks, Threat Group 3390 cyberespionage, 2015"
		score = 60
		family = "PlugX"
		actor = "unknown"
		attack = "T1574.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "b97dcff2ffadd73866a0e84e9b9b59ed4c0e21c7232730ed45b2ff9b4a980715"

	strings:
		$s1 = "\\\\.\\PIPE\\RUN_AS_USER(%d)" wide
		$s2 = "Protocol:[%4s], Host: [%s:%d], Proxy: [%d:%s:%d:%s:%s]" ascii
		$s3 = "XPlugKeyLogger.cpp" ascii
		$s4 = "XPlugProcess.cpp" ascii
		$s5 = "XPlugPortMap.cpp" ascii
		$s6 = "%ALLUSERSPROFILE%\\SxS" wide
		$s7 = "EName:%s,EAddr:0x%p,ECode:0x%p" ascii
		$s8 = "/update?id=%8.8x" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
