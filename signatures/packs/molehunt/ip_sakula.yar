/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Sakula_Nov26_1 : FILE MEMORY
{
	meta:
		id = "aaa8a280-3472-56cb-8d09-668c3a9f79c9"
		description = "Detects the Sakula backdoor by its command that starts a library, by its file part and program names, or by one of those with its request or clean-up command"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "SecureWorks, Sakula malware family, 2015; NCC Group, Technical note: Sakula, 2015"
		score = 60
		family = "Sakula"
		actor = "Deep Panda"
		attack = "T1071.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "6238c15d0919ed5251641e5d03506cb644985dbfa659389847f291c67418dc8d"

	strings:
		$x1 = "cmd.exe /c rundll32 \"%s\" ActiveQvaw \"%s\"" ascii
		$s1 = "%d_of_%d_for_%s_on_%s" ascii
		$s2 = "MicroPlayerUpdate.exe" ascii
		$a1 = "?photoid=" ascii
		$a2 = "/c ping 127.0.0.1 & del /q \"%s\"" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			($x1 or all of ($s*) or (any of ($s*) and any of ($a*)))
		) or (
			not defined filesize and (all of ($x*, $s*) or (2 of ($x*, $s*) and any of ($a*)))
		)
}
