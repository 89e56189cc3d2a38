/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules that match ordinary files, each by another feature of the language, so that
 * "same findings as yara" says something on a clean machine.  They detect nothing.
 */

rule agree_text
{
	strings:
		$a = "Free Software Foundation" ascii
		$b = "#!/usr/bin/perl" ascii
	condition:
		any of them
}

rule agree_nocase_fullword
{
	strings:
		$a = "permission denied" nocase fullword
	condition:
		$a
}

rule agree_wide
{
	strings:
		$a = "Version" wide
		$b = "Copyright" ascii wide
	condition:
		(#a >= 1 and #a < 50) or @b[2] > 64
}

rule agree_xor
{
	strings:
		$a = "usage" xor(32)
	condition:
		$a
}

rule agree_base64
{
	strings:
		$a = "certificate" base64
	condition:
		$a
}

rule agree_hex_with_jumps
{
	strings:
		$a = { 7F 45 4C 46 02 01 ?? [5-12] 03 00 3E 00 }
	condition:
		$a at 0
}

rule agree_hex_with_choice
{
	strings:
		$a = { 47 4E 55 20 ( 47 65 6E 65 72 61 6C | 43 20 4C 69 62 72 61 72 79 ) }
	condition:
		$a
}

rule agree_regex
{
	strings:
		$a = /https?:\/\/bugs\.[a-z0-9-]{2,20}\.(org|net)\/[a-z]+/
		$b = /\bstruct [a-z]{4,12}_operations\b/
	condition:
		any of them
}

rule agree_header_only
{
	condition:
		uint32be(0) == 0x23212f62 and filesize < 20KB
}

rule agree_offset_and_count
{
	strings:
		$a = "#include <linux/types.h>"
		$b = "_IOWR("
	condition:
		@a[1] < 4096 and #b >= 2
}

rule agree_for_and_percent
{
	strings:
		$a = "getaddrinfo"
		$b = "gethostbyname"
		$c = "setsockopt"
		$d = "recvfrom"
	condition:
		50% of them and for any i in (1..#c) : (@c[i] > 512)
}

rule agree_last_bytes
{
	condition:
		filesize > 64 and uint16(filesize - 2) == 0x0a7d
}
