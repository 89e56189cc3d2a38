/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_SysUpdate_Nov26_1 : FILE MEMORY
{
	meta:
		id = "04f286b1-315e-53fb-a014-1ef1caa623c1"
		description = "Detects the SysUpdate and Rshell backdoors for Linux by the message of where its identity file is kept, together with the file or the library path in it"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Trend Micro, Iron Tiger's SysUpdate reappears, adds Linux targeting, 2023"
		score = 60
		family = "SysUpdate (Linux)"
		actor = "APT27"
		attack = "T1071.001"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "020b86aa5af33f96699aa4c8f1635e4aedd6ac1d726174d6a0fea02f5e130046"

	strings:
		$s1 = "generate guid path=%s" ascii
		$a1 = "/tmp/guid" ascii
		$a2 = "3rd/asio/include/asio/detail/posix_event.hpp" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 16MB and
			$s1 and any of ($a*)
		) or (
			not defined filesize and $s1 and all of ($a*)
		)
}
