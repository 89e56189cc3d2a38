/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_Gomir_Nov26_1 : FILE
{
	meta:
		id = "0598a413-9b55-504f-b8b0-8f89ffa5795e"
		description = "Detects the Gomir backdoor for Linux by three of its request path, installed program, schedule file and service description"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Symantec, Springtail: new Linux backdoor added to toolkit, 2024"
		score = 60
		family = "Gomir"
		actor = "Kimsuky (Springtail)"
		attack = "T1543.002"
		scope = "file"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "2ce5dfdc94317382932f8eb8e6393f59edcf6509b45940cb9cba19bfb0e573b1"

	strings:
		$s1 = "/mir/index.php" ascii
		$s2 = "/var/log/syslogd" ascii
		$s3 = "cron.txt" ascii
		$s4 = "Description=syslogd" ascii

	condition:
		uint32(0) == 0x464c457f and uint16(0x10) != 4 and
		filesize < 16MB and
		3 of them
}
