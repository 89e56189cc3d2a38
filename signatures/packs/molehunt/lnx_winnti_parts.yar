/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Winnti_Parts_Nov26_1 : FILE MEMORY
{
	meta:
		id = "519f57ab-c11f-5069-a0d8-07bddaeda853"
		description = "Detects parts of the Winnti backdoor for Linux by two of its machine identity command and class names, or its rootkit by both of its lists of what to hide"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Chronicle, Winnti: more than just Windows and gates, 2019"
		score = 60
		family = "Winnti (Linux)"
		actor = "Winnti (APT41)"
		attack = "T1014"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "b1f9363290ffda8033dc04359f6ffbecf22d573343976e94b410310404a9543a"

	strings:
		$s1 = "/usr/sbin/dmidecode  | grep -i 'UUID' |cut -d' ' -f2 2>/dev/null" ascii
		$s2 = "CMyEngineNetEvent" ascii
		$s3 = "CSocks5Mgr" ascii
		$a1 = "get_our_pids" ascii
		$a2 = "our_sockets" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 8MB and
			(2 of ($s*) or all of ($a*))
		) or (
			not defined filesize and (all of ($s*) or (2 of ($s*) and all of ($a*)))
		)
}
