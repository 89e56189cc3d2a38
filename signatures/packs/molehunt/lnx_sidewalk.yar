/* SPDX-License-Identifier: BSD-2-Clause */

rule APT_MAL_LNX_SideWalk_Nov26_1 : FILE MEMORY
{
	meta:
		id = "4566765a-5227-5c36-a1bb-154509b2a5dc"
		description = "Detects the SideWalk backdoor for Linux, also called StageClient, by two of its thread functions and its task module"
		author = "Molehunt"
		date = "2026-11-23"
		modified = "2026-11-26"
		version = 2
		reference = "ESET, You never walk alone: the SideWalk backdoor gets a Linux variant, 2022"
		score = 85
		family = "SideWalk"
		actor = "SparklingGoblin (APT41)"
		attack = "T1071.001"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"
		fingerprint = "ba2e9c7ef77870a45298872f0430f617f8df48d590af56e319a5286d6d06db51"

	strings:
		$s1 = "StageClient::ThreadNetworkReverse" ascii
		$s2 = "StageClient::ThreadHeartDetect" ascii
		$s3 = "StageClient::ThreadPollingDriven" ascii
		$s4 = "StageClient::ThreadBizMsgSend" ascii
		$s5 = "TaskSchedulerMod" ascii

	condition:
		(
			uint32(0) == 0x464c457f and uint16(0x10) != 4 and
			filesize < 8MB and
			2 of them
		) or (
			not defined filesize and 3 of them
		)
}
