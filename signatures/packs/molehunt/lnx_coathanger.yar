/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_COATHANGER_Nov26_1 : FILE
{
	meta:
		id = "6485814d-cb70-5975-8379-2cd505ff670b"
		description = "Detects the COATHANGER implant of firewalls by its hidden folder with one of the system files it uses, or by its preloaded library with both of those"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "MIVD and AIVD, TLP:CLEAR report on COATHANGER, stealthy malware in FortiGate appliances, 2024"
		score = 60
		family = "COATHANGER"
		actor = "PRC-linked (FortiGate)"
		attack = "T1574.006"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "07873a2bb1c81f4326c90ce8dc84991846050b2ef0dae28ad887a145ab64baf8"

	strings:
		$s1 = "/data2/.bd.key/" ascii
		$a1 = "/lib/preload.so" ascii
		$a2 = "/bin/smartctl" ascii
		$a3 = "/bin/newcli" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		(($s1 and any of ($a*)) or all of ($a*))
}
