/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Kessel_Nov26_1 : FILE MEMORY
{
	meta:
		id = "6ae9ae0d-746a-598f-ad7c-17151a326298"
		description = "Detects the Kessel trojan of OpenSSH by its key, or by two of its function names for reports, commands and uploads"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "ESET, The dark side of the ForSSHe: a landscape of OpenSSH backdoors, 2018"
		score = 60
		family = "Kessel"
		actor = "unattributed"
		attack = "T1554"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "53220de6d9a3969fdcf61d68732b58d50a94031d481ea350f6fefa971996bee3"

	strings:
		$x1 = "Xee5chu1Ohshasheed1u" ascii
		$s1 = "spy_report" ascii
		$s2 = "protoShellCMD" ascii
		$s3 = "protoUploadFile" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 8MB and
			($x1 or 2 of ($s*))
		) or (
			not defined filesize and 3 of them
		)
}
