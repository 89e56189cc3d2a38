/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_PeerBlight_Nov26_1 : FILE
{
	meta:
		id = "3faf14a4-f07a-5f60-9629-22c599678105"
		description = "Detects the PeerBlight backdoor for Linux by the path of its service file together with the path of the program under a false system name"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Huntress, PeerBlight Linux backdoor exploits React2Shell, 2025"
		score = 60
		family = "PeerBlight"
		actor = "unattributed"
		attack = "T1543.002"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "f21ebf649940eb7d92e7874ce4bba85f981aea52b6a2f650ed1e2d70ab62c90e"

	strings:
		$s1 = "/lib/systemd/system/systemd-agent.service" ascii
		$s2 = "/bin/systemd-daemon" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		all of them
}
