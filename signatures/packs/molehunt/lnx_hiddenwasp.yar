/* SPDX-License-Identifier: BSD-2-Clause */
/* HIDE_THIS_SHELL is left out: it is the default of the public Azazel rootkit. */

rule APT_MAL_LNX_HiddenWasp_Nov26_1 : FILE MEMORY
{
	meta:
		id = "ab089cc6-c4aa-57cc-b2fe-257608f00a0d"
		description = "Detects the HiddenWasp trojan and rootkit for Linux by two of its environment mark, hidden start file and renamed hiding functions"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "Intezer, HiddenWasp malware stings targeted Linux systems, 2019"
		score = 85
		family = "HiddenWasp"
		actor = "unattributed"
		attack = "T1574.006"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "77f35c91587295bf8f204f2673fb3cd76c20402e506ea9d1841b7188d3c5eedf"

	strings:
		$s1 = "I_AM_HIDDEN" ascii
		$s2 = "/sbin/.ifup-local" ascii
		$s3 = "hiding_hideproc" ascii
		$s4 = "hiding_makeroot" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 8MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
