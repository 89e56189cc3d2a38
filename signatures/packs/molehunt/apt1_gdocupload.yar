/* SPDX-License-Identifier: BSD-2-Clause */
/* Form boundary and client header are those of the real uploader: not enough without its own messages. */

rule APT_HKTL_APT1_GDOCUPLOAD_Nov26_1 : FILE MEMORY
{
	meta:
		id = "a4d40599-b5d0-5f9a-ad1d-bf00e724c6b5"
		description = "Detects GDOCUPLOAD, the tool with which APT1 carried files off to Google Docs, by its build path, or by its messages with each other or with the traits of the uploader that it imitates"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 75
		family = "GDOCUPLOAD"
		actor = "APT1 (Comment Crew)"
		attack = "T1567.002"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "HKTL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "f3002f98c3bb314c2832fb6f38802155cd6d39186f00bca9bf757b43a4b46111"

	strings:
		$x1 = "e:\\Project\\mm\\Webmail\\Bin\\gdocs.pdb" ascii
		$s1 = "user(%s)send file ok!" ascii
		$s2 = "length=%d,time=%fsec,speed=%fk" ascii
		$a1 = "------------ae0ae0gL6GI3ae0Ij5ae0cH2cH2ei4" ascii
		$a2 = "mechanism=scotty flash; clientVersion=18067216" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			($x1 or all of ($s*) or (any of ($s*) and any of ($a*)))
		) or (
			not defined filesize and (all of ($x*, $s*) or (all of ($s*) and any of ($a*)))
		)
}
