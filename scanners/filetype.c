/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile. */
#include "scanners/filetype.h"

#include <string.h>

#include "base/attributes.h"

/* Magic numbers as the formats' own documents and file(1) give them. */
static const struct {
	size_t offset;
	size_t len;
	const char *bytes;
	const char *name;
} magics[] = {
	{ 0, 4,
	    "\x7f"
	    "ELF",
	    "ELF" },
	{ 0, 2, "MZ", "EXE" },
	{ 0, 4, "\xcf\xfa\xed\xfe", "MACHO" },
	{ 0, 4, "\xce\xfa\xed\xfe", "MACHO" },
	{ 0, 4, "\xca\xfe\xba\xbe", "JAVACLASS" },
	{ 0, 4, "%PDF", "PDF" },
	{ 0, 4, "PK\x03\x04", "ZIP" },
	{ 0, 4, "Rar!", "RAR" },
	{ 0, 6, "7z\xbc\xaf\x27\x1c", "7Z" },
	{ 0, 2, "\x1f\x8b", "GZIP" },
	{ 0, 3, "BZh", "BZIP2" },
	{ 0, 6,
	    "\xfd"
	    "7zXZ\x00",
	    "XZ" },
	{ 0, 4, "\x28\xb5\x2f\xfd", "ZSTD" },
	{ 0, 4, "MSCF", "CAB" },
	{ 257, 5, "ustar", "TAR" },
	{ 0, 8, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE" },
	{ 0, 5, "{\\rtf", "RTF" },
	{ 0, 4, "\x89PNG", "PNG" },
	{ 0, 3, "\xff\xd8\xff", "JPG" },
	{ 0, 4, "GIF8", "GIF" },
	{ 0, 2, "BM", "BMP" },
	{ 0, 4, "RIFF", "RIFF" },
	{ 0, 4, "\x4c\x00\x00\x00", "LNK" },
	{ 0, 4, "regf", "REGISTRYHIVE" },
	{ 0, 6, "SQLite", "SQLITE" },
	{ 0, 8, "!<arch>\n", "AR" },
	{ 0, 4, "dex\n", "DEX" },
	{ 0, 6, "070701", "CPIO" },
	{ 0, 2, "#!", "SCRIPT" },
	{ 0, 5, "<?xml", "XML" },
	{ 0, 4, "AC10", "DWG" },
};

const char *
filetype_of(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < MH_ARRAY_LEN(magics); i++) {
		if (len >= magics[i].offset + magics[i].len &&
		    memcmp(data + magics[i].offset, magics[i].bytes, magics[i].len) == 0)
			return magics[i].name;
	}
	return "";
}
