/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_pakdoor_Nov26_1 : FILE
{
	meta:
		id = "1260ab2d-78ff-5a8a-b3e0-cb979b841cb2"
		description = "Detects the pakdoor backdoor of APT31 for routers, also called SoWaT, by two of its two command errors and the command that moves its update into place"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Sekoia, A walk on APT31 infrastructure footprints, its rules, 2021; imp0rtp3, APT31 router implant (SoWaT), its rules, 2021"
		score = 85
		family = "pakdoor"
		actor = "APT31"
		attack = "T1090.003"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "e549eb26f0ba51595313ab6382d0534c805967fdacf38e818a6e9a61f37ae7d9"

	strings:
		$s1 = "exc_cmd time out" ascii
		$s2 = "exc_cmd pipe err" ascii
		$s3 = "mv -f %s %s ;chmod 777 %s" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		2 of them
}
