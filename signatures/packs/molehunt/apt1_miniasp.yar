/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_APT1_MINIASP_Nov26_1 : FILE MEMORY
{
	meta:
		id = "cf98dc2f-00a8-531d-8266-71e389d4f0fc"
		description = "Detects the MINIASP backdoor of APT1 by its shuffled alphabet, or by two of its request formats, build path and log name"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "MINIASP"
		actor = "APT1 (Comment Crew)"
		attack = "T1071.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "2d1776480d0ce71bcccc8eb196f2f4e18d44cc59ae55dd1de350feb9cd50e7ec"

	strings:
		$x1 = "q0nc9w8edaoiuk2mzrfy3xt1p5ls67g4bvhj" ascii
		$s1 = "/record.asp?device_t=%s&key=%s&device_id=%s&cv=%s&result=%s" ascii
		$s2 = "connect_num=10&tcp_port=65012&device_result=" ascii
		$s3 = "\\Release\\MiniAsp.pdb" ascii
		$s4 = "wininet.lll" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			($x1 or 2 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
