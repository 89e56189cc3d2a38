/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_HKTL_LNX_BPFDoor_Controller_Nov26_1 : FILE MEMORY
{
	meta:
		id = "69173b88-04f9-5de5-8cf4-bd2e4975cea2"
		description = "Detects the controller that wakes BPFDoor implants by the packet filter on which both agree, or by two of its operator messages"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "ExaTrack, Tricephalic Hellkeeper: a tale of a passive backdoor, 2022"
		score = 75
		family = "BPFDoor"
		actor = "Red Menshen (Earth Bluecrow)"
		attack = "T1205.002"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "HKTL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "62e005472ca6972f2fec08a5c23145f866313d7aeeac71c1faca8a96f648dfe0"

	strings:
		$x1 = "(udp[8:2]=0x7255) or (icmp[8:2]=0x7255) or (tcp[((tcp[12]&0xf0)>>2):2]=0x5293)" ascii
		$s1 = "[+] Packet Successfuly Sending %d Size." ascii
		$s2 = "[-] Can't write auth challenge" ascii
		$s3 = "[+] Monitor packet send." ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 4MB and
			($x1 or 2 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
