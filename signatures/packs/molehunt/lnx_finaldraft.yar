/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_FinalDraft_Nov26_1 : FILE MEMORY
{
	meta:
		id = "304f2221-4a9c-5b5b-8e08-ebc9f3d6c084"
		description = "Detects the FinalDraft backdoor for Linux, which takes commands from mail drafts, by two of its channel class names, log paths and token request"
		author = "Molehunt"
		date = "2026-11-26"
		version = 1
		reference = "Elastic Security Labs, You've got malware: FINALDRAFT hides in your drafts, and the rules that it links, 2025"
		hash = "83406905710e52f6af35b4b3c27549a12c28a628c492429d3a411fdb2d28cc8c"
		score = 85
		family = "FinalDraft (Linux)"
		actor = "REF7707"
		attack = "T1102.002"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "b309f8e5a55fa2e913dbba2397aed70a462c0b8fb7899205ad39c32ae37632c8"

	strings:
		$s1 = "COutLookTransChannel" ascii
		$s2 = "CReverseUdpTransChannel" ascii
		$s3 = "CIcmpTransChannel" ascii
		$s4 = "/mnt/hgfsdisk.log.%s" ascii
		$s5 = "/var/log/installlog.log.%s" ascii
		$s6 = "client_id=d3590ed6-52b3-4102-aeff-aad2292ab01c&grant_type=refresh_token" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 16MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
