/* SPDX-License-Identifier: BSD-2-Clause */

rule MAL_LNX_TinyShell_Nov26_1 : FILE
{
	meta:
		id = "9f05f4da-6b64-5537-b34c-dfe2ad66a311"
		description = "Detects the public TinyShell backdoor and its forks, used by many groups, by the usage line of the server or that of the client's file transfer"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Christophe Devine, Tiny SHell, source code, 2003; Elastic, Public rules for Linux, Tinyshell, 2025"
		score = 75
		family = "TinyShell"
		actor = "unknown"
		attack = "T1059.004"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "9d1bd65c502f5c8740fd758e2ac2c211ab689c389d18b4bf4f2048796b9d08f0"

	strings:
		$x1 = "Usage: %s [ -c [ connect_back_host ] ] [ -s secret ] [ -p port ]" ascii
		$x2 = "<hostname|cb> get <source-file> <dest-dir>" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 4MB and
		any of them
}
