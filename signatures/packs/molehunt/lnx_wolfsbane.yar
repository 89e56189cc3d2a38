/* SPDX-License-Identifier: BSD-2-Clause */
/* Its rootkit part comes from the public BEURK: those two tables alone are not enough. */

rule APT_MAL_LNX_WolfsBane_Nov26_1 : FILE MEMORY
{
	meta:
		id = "9ff0e0f9-d068-5c75-a681-a1e869e4a7ed"
		description = "Detects the WolfsBane backdoor of Gelsemium for Linux by its clean-up command, or by both tables of its hidden names together with one of its plugin functions"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "ESET, Unveiling WolfsBane: Gelsemium's Linux counterpart to Gelsevirine, 2024"
		score = 60
		family = "WolfsBane"
		actor = "Gelsemium"
		attack = "T1014"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "15655a0b6e24a0eb5d3c489fa2cff0ae9b59cb1ece29715cce5d7661974c8c3d"

	strings:
		$x1 = "rm -f /dev/shm/sem*%s" ascii
		$h1 = "__non_hooked_symbols" ascii
		$h2 = "__hidden_literals" ascii
		$p1 = "plugin_persist" ascii
		$p2 = "session_interface" ascii
		$p3 = "udp_session" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 16MB and
			($x1 or (all of ($h*) and any of ($p*)))
		) or (
			not defined filesize and all of ($h*) and any of ($p*, $x1)
		)
}
