/* SPDX-License-Identifier: BSD-2-Clause */

rule MAL_LNX_brokepkg_Nov26_1 : FILE
{
	meta:
		id = "e1238ae1-e30c-5f14-b8fd-57bb7c41efc2"
		description = "Detects the public brokepkg kernel rootkit for Linux by the password with which a caller makes it hide or show things"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "R3tr074, brokepkg, source code, 2021; Elastic, Public rules for Linux, brokepkg, 2025"
		score = 70
		family = "brokepkg"
		actor = "unknown"
		attack = "T1014"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "5c4a66228253e6cc1e00329bb19f7484ad93caf30c9b0da532c7503c72a823fa"

	strings:
		$x1 = "br0k3_n0w_h1dd3n" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 4MB and
		$x1
}
