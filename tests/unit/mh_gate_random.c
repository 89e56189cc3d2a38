/* SPDX-License-Identifier: BSD-2-Clause */
/* Random rules, and data in which they find something. */
#include "base/attributes.h"
#include "base/buf.h"
#include "tests/unit/mh_gate.h"

enum {
	STRINGS_MAX = 6,
	SNIPPET_MAX = 64,
	DEPTH_MAX = 3, /* of groups in regular expressions */
};

static uint64_t random_state;

void
gate_random_seed(uint64_t seed)
{
	random_state = seed * 0x9e3779b97f4a7c15;
}

static unsigned
draw(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 33) % n;
}

static bool
one_in(unsigned n)
{
	return draw(n) == 0;
}

/* Few bytes, so that matches are many; word and other characters, zeros. */
static const uint8_t letters[] = "aabbABc0_ .\0\0\n\xff/";
enum { N_LETTERS = sizeof(letters) - 1 };

static uint8_t
letter(void)
{
	return letters[draw(N_LETTERS)];
}

/* What the strings of the rules look like, for the data. */
static struct snippet {
	uint8_t bytes[SNIPPET_MAX];
	unsigned len;
} snippets[STRINGS_MAX];
static struct snippet *snippet; /* of the string that is made */

/* A letter that goes into a string. */
static uint8_t
string_letter(void)
{
	uint8_t c = letter();

	if (snippet->len < SNIPPET_MAX)
		snippet->bytes[snippet->len++] = c;
	return c;
}

static void
add_byte(struct buf *b, uint8_t c)
{
	if (c == '"' || c == '\\' || c == '/' || c < ' ' || c > '~')
		buf_addf(b, "\\x%02x", c);
	else
		buf_addf(b, "%c", c);
}

/* A string in quotes of the letters, with its modifiers. */
static void
add_text(struct buf *b)
{
	unsigned len = one_in(3) ? 1 + draw(4) : 1 + draw(40);
	unsigned kind = draw(8);
	bool is_wide = one_in(2);

	/* base64 asks for three bytes, and takes none of the others along. */
	if (kind == 0 && len < 3)
		len = 3;
	buf_add(b, "\"");
	for (unsigned i = 0; i < len; i++)
		add_byte(b, string_letter());
	buf_add(b, "\"");
	buf_add(b, is_wide ? " wide" : "");
	buf_add(b, !is_wide || one_in(2) ? " ascii" : "");
	if (kind == 0)
		buf_add(b, one_in(2) ? " base64" : " base64wide");
	else if (kind == 1)
		buf_add(b, one_in(2) ? " xor" : " xor(1-3)");
	else if (kind <= 3)
		buf_add(b, " nocase");
	buf_add(b, kind != 0 && one_in(3) ? " fullword" : "");
}

static void
add_hex_bytes(struct buf *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t c = string_letter();

		if (one_in(8))
			buf_add(b, "?? ");
		else if (one_in(10))
			buf_addf(b, "%X? ", c >> 4);
		else if (one_in(10))
			buf_addf(b, "?%X ", c & 15);
		else
			buf_addf(b, "%02X ", c);
	}
}

static void
add_hex(struct buf *b)
{
	buf_add(b, "{ ");
	for (unsigned n = 1 + draw(4); n > 0; n--) {
		buf_addf(b, "%02X ", string_letter());
		add_hex_bytes(b, draw(6));
		if (one_in(5)) {
			buf_add(b, "( ");
			add_hex_bytes(b, 1 + draw(3));
			buf_add(b, "| ");
			add_hex_bytes(b, 1 + draw(3));
			buf_add(b, ") ");
		}
		if (n > 1 && one_in(2)) {
			unsigned least = draw(6);

			for (unsigned i = 0; i < least; i++)
				(void)string_letter();
			buf_addf(b, one_in(3) ? "[%u] " : "[%u-%u] ", least,
			    least + draw(one_in(4) ? 190 : 20));
		}
	}
	buf_addf(b, "%02X }", string_letter());
}

static void
add_quantifier(struct buf *b, const char *lazy)
{
	unsigned least = draw(4);

	switch (draw(9)) {
	case 0:
		buf_addf(b, "*%s", lazy);
		break;
	case 1:
		buf_addf(b, "+%s", lazy);
		break;
	case 2:
		buf_addf(b, "?%s", lazy);
		break;
	case 3:
		buf_addf(b, "{%u,%u}%s", least, least + 1 + draw(5), lazy);
		break;
	case 4:
		buf_addf(b, "{%u}", 1 + draw(5));
		break;
	case 5:
		buf_addf(b, one_in(8) ? ".{0,%u}%s" : "", 1 + draw(900), lazy);
		break;
	default:
		break;
	}
}

static void
add_regex(struct buf *b, unsigned depth, const char *lazy)
{
	static const char *const classes[] = { "[ab]", "[^a]", "[a-c0]", "\\w", "\\W",
		"\\s", "\\d", ".", "[^\\x00]" };

	for (unsigned n = 1 + draw(6); n > 0; n--) {
		if (one_in(12))
			buf_add(b, one_in(3) ? "\\B" : "\\b");
		if (depth < DEPTH_MAX && one_in(6)) {
			buf_add(b, "(");
			add_regex(b, depth + 1, lazy);
			if (one_in(2)) {
				buf_add(b, "|");
				add_regex(b, depth + 1, lazy);
			}
			buf_add(b, ")");
		} else if (one_in(4)) {
			buf_add(b, classes[draw(MH_ARRAY_LEN(classes))]);
		} else {
			uint8_t c = string_letter();

			buf_addf(b, c == '.' ? "\\." : "\\x%02x", c);
		}
		add_quantifier(b, lazy);
	}
}

static void
add_string(struct buf *b, unsigned i)
{
	snippet = &snippets[i];
	snippet->len = 0;
	buf_addf(b, " $_%u = ", i);
	switch (draw(3)) {
	case 0:
		add_text(b);
		break;
	case 1:
		add_hex(b);
		break;
	default:
		buf_add(b, "/");
		/* Something to find it by. */
		for (unsigned n = draw(4); n > 0; n--)
			buf_addf(b, "\\x%02x", string_letter());
		add_regex(b, 0, one_in(2) ? "?" : "");
		buf_add(b, one_in(4) ? "/i" : "/");
		buf_add(b, one_in(4) ? " wide ascii" : one_in(4) ? " wide" : "");
		buf_add(b, one_in(4) ? " fullword" : "");
	}
	buf_add(b, "\n");
}

/*
 * Whether the gate is for its strings.  A chain is not: its parts would meet
 * across windows, so its rule is not run in memory (signatures/scope.h).
 */
static bool
is_fit(const struct gate_check *check)
{
	if (check->gate == NULL)
		return false;
	for (unsigned i = 0; i < check->rules->num_strings; i++) {
		if (STRING_IS_CHAIN_PART(&check->rules->strings_table[i]))
			return false;
	}
	return true;
}

/* One rule for each string, so that what libyara does not take goes alone. */
void
gate_random_rules(struct buf *b)
{
	unsigned n = 1 + draw(STRINGS_MAX);

	for (unsigned i = 0; i < n; i++) {
		struct gate_check alone;
		size_t before = buf_len(b);

		buf_addf(b, "rule r%u { strings:", i);
		add_string(b, i);
		buf_add(b, "condition: any of them }\n");
		bool is_good = gate_check_init(&alone, buf_string(b) + before);
		if (!is_good || !is_fit(&alone))
			buf_truncate(b, before);
		gate_check_clear(&alone);
	}
}

/* What may match one of the strings, as it is, wide, or a little different. */
static size_t
fill_snippet(uint8_t *to, size_t room)
{
	const struct snippet *from = &snippets[draw(STRINGS_MAX)];
	unsigned step = one_in(3) ? 2 : 1;
	uint8_t key = one_in(8) ? (uint8_t)(1 + draw(3)) : 0;
	size_t n = 0;

	for (unsigned i = 0; i < from->len && n + step <= room; i++) {
		to[n] = from->bytes[i] ^ key;
		if (one_in(60))
			to[n] ^= one_in(2) ? 0x20 : 1;
		n += step;
		if (step == 2)
			to[n - 1] = key;
	}
	return n;
}

/* Zones with letters, between what no string has, or only words. */
size_t
gate_random_data(uint8_t *data)
{
	size_t len = 1 + draw(one_in(2) ? 600 : GATE_DATA_MAX);

	for (size_t i = 0; i < len;) {
		unsigned kind = draw(5);
		size_t end = i + 1 + draw(kind < 3 ? 400 : 9000);

		while (i < end && i < len) {
			if (kind == 3)
				data[i++] = (uint8_t)(0x80 + draw(0x60));
			else if (kind == 4)
				data[i++] = (uint8_t)('d' + draw(20));
			else if (one_in(8))
				i += fill_snippet(data + i, len - i);
			else
				data[i++] = letter();
		}
	}
	return len;
}
