/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Bonadan_Nov26_1 : FILE
{
	meta:
		id = "60dbade9-847b-5f0e-968b-734d60be9263"
		description = "Detects the Bonadan trojan of OpenSSH by the format in which it reports the machine that it mines on to its server"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "ESET, The dark side of the ForSSHe: a landscape of OpenSSH backdoors, 2018"
		score = 50
		family = "Bonadan"
		actor = "unattributed"
		attack = "T1554"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "37cc864d6e98682092f0bf78f2bc8c74e0bce3a6048e5d60905ff12295ada594"

	strings:
		$x1 = "6106#x=%d#%s#%s#speed=%s" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 8MB and
		$x1
}
