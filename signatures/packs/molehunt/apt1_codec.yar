/* SPDX-License-Identifier: BSD-2-Clause */
/* One rule for the four families: the key does not tell them apart. */

rule APT_MAL_APT1_Codec_Nov26_1 : FILE
{
	meta:
		id = "93498b95-0d1e-531a-ae92-92dc9053f478"
		description = "Detects programs of APT1 that share one encoder for names and addresses (GOGGLES, LONGRUN, NEWSREELS, SWORD) by its alphabet key, or by configuration encoded with it"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Mandiant, APT1: Exposing One of China's Cyber Espionage Units, appendix C (malware arsenal) and appendix G (OpenIOC), 2013"
		score = 85
		family = "APT1 codec"
		actor = "APT1 (Comment Crew)"
		attack = "T1132.002"
		scope = "file"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "b39b6529c9c8405d3130f3e00982dea311d4e933c354d20680dbb7c2b91e05a3"

	strings:
		$x1 = "thequickbrownfxjmpsvalzydg" ascii
		$x2 = "8GovdJlDSmeIeAFFWBf=cyaveoVRN2=KG4VXN=FfDL5rbI1vWOjVJIn6p" ascii
		$x3 = "8GovdJlDSmhEmDQpU##xa1sXk42RM38mE3ZOZ7V8VMXvNEEKX@XiSIo@p<" ascii

	condition:
		uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
		filesize < 2MB and
		any of them
}
