/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_Tick_Nov26_1 : FILE
{
	meta:
		id = "c8f455f4-5e0a-5880-9f54-97b4ab347112"
		description = "Detects tools of Tick against Japan's industry by the build path of xxmm or of a downloader, the name of another or the signature of a third"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "SecureWorks, BRONZE BUTLER targets Japanese enterprises, 2017; JPCERT/CC, Rules for Tick's tools (as cited), 2019"
		score = 60
		family = "Tick tools"
		actor = "Tick (Bronze Butler)"
		attack = "T1071.001"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "2933346a59bf1787fe66f9141388cf9ef875e1b675e711dec9809d8122fdf1bd"

	strings:
		$x1 = "\\Projects\\xxmm2\\Release\\" ascii
		$x2 = "Frank\\Desktop\\ABK\\Release\\" ascii
		$x3 = "ms1ng2d3d2.exe" ascii
		$x4 = "DGet Tool Made by XZ" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 4MB and
		any of them
}
