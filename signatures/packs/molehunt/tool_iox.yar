/* SPDX-License-Identifier: BSD-2-Clause */

rule HKTL_iox_Nov26_1 : FILE
{
	meta:
		id = "2e9439be-5c39-503a-bf70-ab061668d709"
		description = "Detects the iox port forwarder and proxy, written in Go, by the name of the function that joins two remote connections"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "EddieIvan01, iox, source code, 2020; Sekoia, Public rule for iox, 2022"
		score = 70
		family = "iox"
		actor = "unknown"
		attack = "T1090"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "HKTL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "151e8b22db692ddbf6fc308f81db6e76a50e48bf9f32e67723b21c84d9616fc3"

	strings:
		$x1 = "iox/operate.ProxyRemoteL2L" ascii

	condition:
		((uint32(0) == 0x464c457f and uint16(0x10) != 4) or
		(uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550)) and
		filesize < 32MB and
		$x1
}
