/* SPDX-License-Identifier: BSD-2-Clause */
/* ModStart stands in the libraries of the JDK, too. */

rule APT_MAL_Carbon_Nov26_1 : FILE MEMORY
{
	meta:
		id = "6fdf04fd-7fa6-50fe-bdfd-0789b3a887a3"
		description = "Detects the Carbon framework of Turla by its sniffer or command error, or by both of its stop results together with both of its module functions"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "GovCERT.ch, APT case RUAG, 2016; ESET, Carbon paper: peering into Turla's second stage backdoor, 2017"
		score = 60
		family = "Carbon"
		actor = "Turla"
		attack = "T1055"
		scope = "both"
		os = "windows"
		container = "pe"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "62fe06b102f54ba56c19b0f5f3411006f22924de131f32224081f194904a309a"

	strings:
		$x1 = "OPER|Sniffer '%s' running... ooopppsss...|" ascii
		$x2 = "Internal command not support =((" ascii
		$s1 = "STOP|OK" ascii
		$s2 = "STOP|KILL" ascii
		$a1 = "ModStart" ascii
		$a2 = "ModStop" ascii

	condition:
		(
			uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and
			filesize < 4MB and
			(any of ($x*) or (all of ($s*) and all of ($a*)))
		) or (
			not defined filesize and any of ($x*) and all of ($s*)
		)
}
