/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Symbiote_Nov26_1 : FILE MEMORY
{
	meta:
		id = "b2c374f8-a2d2-58a2-83ea-5cf418f3b48d"
		description = "Detects the Symbiote preloaded library for Linux by two of its environment mark, credential file and the program and library names that it hides"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Intezer and BlackBerry, Symbiote: a new, nearly-impossible-to-detect Linux threat, 2022"
		score = 85
		family = "Symbiote"
		actor = "unattributed"
		attack = "T1574.006"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "9494bc4cdacad6e4a333ad964cbc90246d79adbe7fe1803e3f313cb973b6e9dc"

	strings:
		$s1 = "HTTP_SETTHIS" ascii
		$s2 = "javaserverx64" ascii
		$s3 = "javaclientex64" ascii
		$s4 = "javanodex86" ascii
		$s5 = "kerneldev.so.bkp" ascii
		$s6 = "/usr/include/certbot.h" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 8MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
