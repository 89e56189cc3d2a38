/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_HIGHNOON_Nov26_1 : FILE
{
	meta:
		id = "bb91a616-fe5b-5675-9c00-5a729c95bdb0"
		description = "Detects the HIGHNOON backdoor of APT41, also called RbDoor, by the build path of its program or project, or by the device name of its driver"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Nextron Systems, Public rules for HIGHNOON of APT41, 2019; several analysts, List of build paths of malware; analysis of the driver of HIGHNOON, 2020"
		score = 80
		family = "HIGHNOON"
		actor = "APT41"
		attack = "T1055"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "ba0234900cff24357fea46ed5ec0b3b6c669ef7f85db325b35c5000dc0ac9f13"

	strings:
		$x1 = "\\RbDoorX64.pdb" ascii
		$x2 = "\\Double\\Door_wh\\" ascii
		$x3 = "\\Device\\PORTLESS_DeviceName" wide

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 4MB and
		any of them
}
