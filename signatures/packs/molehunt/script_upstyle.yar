/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_UPSTYLE_Nov26_1 : FILE
{
	meta:
		id = "720c0bed-bdd6-5358-b880-a88478ae7d2f"
		description = "Detects the UPSTYLE backdoor of firewalls, a start file of Python, by the licence folder in which its first stage hides, or by the signal handler and pattern name of its second"
		author = "Molehunt"
		date = "2026-11-26"
		modified = "2026-11-26"
		version = 2
		reference = "Volexity, Zero-day exploitation of unauthenticated remote code execution vulnerability in GlobalProtect (CVE-2024-3400), 2024"
		score = 50
		family = "UPSTYLE"
		actor = "UTA0218"
		attack = "T1059.006"
		scope = "file"
		os = "linux"
		container = "script"
		category = "MAL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "a9188a194019a347822878c529a90c6558a5ee8f04f01f791327e117949d3f83"

	strings:
		$x1 = "/opt/pancfg/mgmt/licenses/PA_VM" ascii
		$s1 = "signal.signal(signal.SIGTERM,stop)" ascii
		$s2 = "SHELL_PATTERN" ascii

	condition:
		(uint16(0) == 0x2123 or (uint32(0) == 0x6f706d69 and uint32(3) == 0x2074726f and uint8(7) != 0x22) or uint32(0) == 0x6d6f7266) and
		filesize < 1MB and
		($x1 or all of ($s*))
}
