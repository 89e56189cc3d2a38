/* SPDX-License-Identifier: BSD-2-Clause */
/* Most of its texts are encrypted in the file and plain in memory. */

rule APT_MAL_LNX_RotaJakiro_Nov26_1 : FILE MEMORY
{
	meta:
		id = "add6a901-5e1a-503b-803f-5137b3632be1"
		description = "Detects the RotaJakiro backdoor for Linux by two of its key, the programs and lock files under false desktop and system names, and the comment of its start file"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "360 Netlab, RotaJakiro: a long live secret backdoor with 0 VT detection, 2021"
		score = 85
		family = "RotaJakiro"
		actor = "APT32 (OceanLotus)"
		attack = "T1036.005"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "3270c37b506cfdebea549c2774816814bc0251eff9d8d092ba44c5f763f3597c"

	strings:
		$s1 = { 14 BA EE 23 8F 72 1A A6 }
		$s2 = ".gvfsd/.profile/gvfsd-helper" ascii
		$s3 = ".dbus/sessions/session-dbus" ascii
		$s4 = "/systemd/systemd-daemon" ascii
		$s5 = ".X11/X0-lock" ascii
		$s6 = "#system-daemon - configure for system daemon" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 8MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
