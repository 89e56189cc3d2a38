/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings of the XMPP library gloox, which it contains, are no evidence: others link that library. */

rule APT_MAL_APT1_GLOOXMAIL_Nov26_1 : FILE MEMORY
{
	meta:
		id = "b65e2332-52e4-5913-9322-8c74b06adbed"
		description = "Detects the GLOOXMAIL backdoor of APT1, which poses as a Jabber client, by its build path, or by two of its encoded constants and its odd size message"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "GLOOXMAIL"
		actor = "APT1 (Comment Crew)"
		attack = "T1102.002"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "bfefc1f73b281f3a185a196dc99e52c7b643feea4ff25e14a47fe40d9839bed8"

	strings:
		$x1 = "c:\\code\\glooxtest\\Release\\glooxtest.pdb" ascii
		$s1 = "9oqKinumuT/7paaE8zKWG7SiUX4Beh8KP5joRA==" ascii
		$s2 = "9oqKipes2AH+CPeP3dWK" ascii
		$s3 = "Remote file size is less than the local file size has been!" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			($x1 or 2 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
