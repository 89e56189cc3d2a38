/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_RedLeaves_Nov26_1 : FILE
{
	meta:
		id = "dcc65a86-1c18-59f5-aff2-a2b576420e0b"
		description = "Detects loaders of the RedLeaves and ChChes backdoors of Operation Cloud Hopper by a long transformed name, or by both of two repeated fillers"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "PwC and BAE Systems, Operation Cloud Hopper, 2017"
		score = 60
		family = "RedLeaves"
		actor = "APT10"
		attack = "T1574.001"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "457f8005905bcecaca9c3622a5a36643b41f3ba5d2fbeaf02adaca7960da8d9b"

	strings:
		$x1 = "YJ_D_KROPOX_M_NUJI_OLY_S_JU_MOOK" ascii
		$s1 = "jepsjepsjepsjeps" ascii
		$s2 = "extOextOextO" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 4MB and
		($x1 or all of ($s*))
}
