/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Derusbi_Nov26_1 : FILE MEMORY
{
	meta:
		id = "812d1bce-28df-5743-a59a-a8bd0b1e3f65"
		description = "Detects the Derusbi backdoor for Linux by two of its shell prompt, shell start, identity file, program name and file of its kernel part"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Fidelis, The Turbo campaign, featuring Derusbi for 64-bit Linux, 2016"
		score = 60
		family = "Derusbi (Linux)"
		actor = "Deep Panda, APT41"
		attack = "T1014"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "82ddd927fe110794aa2e4e85bae1883c14d7b38eef5578b4adc519c69a964004"

	strings:
		$s1 = "PS1=RK# \\u@\\h:\\w \\$" ascii
		$s2 = "unset LS_OPTIONS;uname -a" ascii
		$s3 = "/dev/shm/.x11.id" ascii
		$s4 = "LxMain64" ascii
		$s5 = "/tmp/.secure" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 8MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
