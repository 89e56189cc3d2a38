/* SPDX-License-Identifier: BSD-2-Clause */

rule HKTL_HTRAN_Nov26_1 : FILE MEMORY
{
	meta:
		id = "013ab780-43a9-5bdf-96a1-a98cfcba1f55"
		description = "Detects the HTRAN relay, used by many groups to hide where they come from, by two of its banner, closing message, usage line and connection error"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "lion and bkbll, HTran, source code, 2003; Nextron Systems, Public rules for HTran, 2016"
		score = 75
		family = "HTRAN"
		actor = "unknown"
		attack = "T1090.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "HKTL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "c097cfd2bd54884c6bf66fe9f5ffa4da081926d1f1dd870c71e14b77014d147f"

	strings:
		$s1 = "======================== htran V%s =======================" ascii
		$s2 = "[+] OK! I Closed The Two Socket." ascii
		$s3 = "<ConnectHost> <ConnectPort> <TransmitHost> <TransmitPort>" ascii
		$s4 = "[SERVER]connection to %s:%d error" ascii

	condition:
		(
			((uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550) or
			(uint32(0) == 0x464c457f and uint16(0x10) != 4)) and
			filesize < 8MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
