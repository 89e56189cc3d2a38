/* SPDX-License-Identifier: BSD-2-Clause */

rule HKTL_Staging_RAR_Nov26_1 : FILE
{
	meta:
		id = "7f2e2f4e-2ef6-53f1-92ff-6ed6c15faf5d"
		description = "Detects scripts that pack what is to be carried off with an archiver command documented for TG-3390: volumes of one size and a fixed password"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "SecureWorks, Threat Group 3390 cyberespionage, 2015"
		score = 50
		family = "archiver staging"
		actor = "APT27 (TG-3390)"
		attack = "T1560.001"
		scope = "file"
		os = "windows"
		container = "script"
		category = "HKTL"
		status = "EXPERIMENTAL"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "b9cf5145d135a22852d6fe2c86db593436ea984b069bb74d1c28a0eecde8de78"

	strings:
		$x1 = "a -k -r -s -m5 -v1024000 -padmin-windows2014" ascii

	condition:
		(uint16(0) == 0x2123 or uint32(0) == 0x68636540) and
		filesize < 1MB and
		$x1
}
