/* SPDX-License-Identifier: BSD-2-Clause */
/* Folders of later versions differ: the skeleton of files is what stays. */

rule APT_MAL_LNX_OrBit_Nov26_1 : FILE MEMORY
{
	meta:
		id = "787d98b7-1113-54af-b687-34de2d092442"
		description = "Detects the OrBit rootkit for Linux, also called MEDUSA, by two of its volatile library, its first folder, its stolen password list and its login log"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Intezer, OrBit: new undetected Linux threat uses unique hijack of execution flow, 2022"
		score = 85
		family = "OrBit"
		actor = "UNC3886 and others"
		attack = "T1574.006"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "b799f5dc4d29203b7a2462306b2f8b02b06a327c8d33de3a4d01acb9fe8fa034"

	strings:
		$s1 = "/dev/shm/ldx/libdl.so" ascii
		$s2 = "/lib/libntpVnQE6mk/" ascii
		$s3 = "sshpass2.txt" ascii
		$s4 = ".logpam" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 8MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
