/* SPDX-License-Identifier: BSD-2-Clause */
/* Its key &54phoenix@#$ is shared with TARSIP-MOON and left to that rule. */

rule APT_MAL_APT1_TARSIP_ECLIPSE_Nov26_1 : FILE MEMORY
{
	meta:
		id = "6845eef5-c604-5531-a159-4db5f92249e6"
		description = "Detects the TARSIP-ECLIPSE backdoor of APT1 by its build name or the path from which it asks for pictures, or by two of its pipe, size message and marks"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "TARSIP-ECLIPSE"
		actor = "APT1 (Comment Crew)"
		attack = "T1573.001"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "196d9859b90b758574d2cd51d86697cdb91d1f88518b02bb601808c3b0e215fe"

	strings:
		$x1 = "Eclipse_Client_B.pdb" ascii
		$x2 = "/blg7_8newtpl/image/7/7_12/images/" ascii
		$s1 = "\\\\.\\pipe\\ssnp" ascii
		$s2 = "Clientfile is not bigger than Serverfile" ascii
		$s3 = "ECLIPSEC" ascii
		$s4 = "WAKPDT" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 2MB and
			(any of ($x*) or 2 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
