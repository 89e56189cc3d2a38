/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_BPFDoor_Nov26_1 : FILE MEMORY
{
	meta:
		id = "30e0eaf2-7180-51c3-a4dd-0b8918c64933"
		description = "Detects the BPFDoor passive backdoor for Linux by its misspelled lock file, or by two of its assumed process titles, firewall redirection and shell set-up"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "ExaTrack, Tricephalic Hellkeeper: a tale of a passive backdoor, 2022; Deep Instinct, BPFDoor malware evolves: stealthy sniffing backdoor ups its game, 2023"
		score = 85
		family = "BPFDoor"
		actor = "Red Menshen (Earth Bluecrow)"
		attack = "T1205.002"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "5ae3c0901ddcfa33c02f8649f6356483f22ab11a196bfa8084c1dc180d101b97"

	strings:
		$x1 = "/var/run/haldrund.pid" ascii
		$s1 = "hald-addon-acpi: listening on acpi kernel interface /proc/acpi/event" ascii
		$s2 = "pickup -l -t fifo -u" ascii
		$s3 = "/sbin/iptables -t nat -D PREROUTING -p tcp -s %s --dport %d -j REDIRECT --to-ports %d" ascii
		$s4 = "export MYSQL_HISTFILE=" ascii
		$s5 = "/var/run/initd.lock" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 4MB and
			($x1 or 2 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
