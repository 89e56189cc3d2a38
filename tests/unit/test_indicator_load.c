/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/text.h"
#include "signatures/indicator_limits.h"
#include "signatures/indicator_load.h"

enum { NOW = 1700000000 }; /* 2023-11-14 */

/* A set, and all that was said of what was read into it. */
struct made {
	int fd, reader;
	struct indicator_set *s;
	struct indicator_file_result result;
	struct buf *problems; /* "LINE: WHY" in lines */
	struct buf *hits;     /* "TYPE VALUE SCORE LINE" in lines */
	size_t comment_len;   /* of the last hit */
};

static int
setup(void **state)
{
	struct made *m = xcalloc(1, sizeof(*m));
	char path[64];

	m->fd = memfd_create("test", MFD_CLOEXEC);
	assert_int_equal(ftruncate(m->fd, (off_t)indicator_table_bytes(1 << 20)), 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", m->fd);
	m->reader = open(path, O_RDONLY | O_CLOEXEC);
	assert_ok(indicator_set_new(m->fd, m->reader, &m->s));
	m->problems = buf_new(1 << 20);
	m->hits = buf_new(1 << 20);
	*state = m;
	return 0;
}

static int
teardown(void **state)
{
	struct made *m = *state;

	indicator_set_free(m->s);
	indicator_file_result_clear(&m->result);
	buf_free(m->problems);
	buf_free(m->hits);
	(void)close(m->fd);
	(void)close(m->reader);
	free(m);
	return 0;
}

static void
on_problem(void *ctx, uint32_t line, const char *why)
{
	struct made *m = ctx;

	buf_addf(m->problems, "%u: %s\n", line, why);
}

static void
load(struct made *m, const char *name, enum indicator_format format, const char *text)
{
	struct load_request request = { "pack/indicators/x", name, format, NOW };

	indicator_file_result_clear(&m->result);
	assert_ok(indicator_load_text(m->s, &request, text, strlen(text), on_problem, m,
	    &m->result));
}

static void
on_hit(void *ctx, const struct indicator_hit *hit)
{
	struct made *m = ctx;
	char *comment = indicator_detail(hit, 'c');

	m->comment_len = comment != NULL ? strlen(comment) : 0;
	free(comment);
	buf_addf(m->hits, "%s %s %u %u\n", indicator_type_name(hit->type), hit->value,
	    hit->score, hit->line);
}

/* The hits of a path, with the hash in hexadecimal or NULL, and a size. */
static const char *
match(struct made *m, const char *path, const char *hex, uint64_t size)
{
	struct indicator_subject subject = { .path = path,
		.has_size = true,
		.size = size };
	uint8_t digest[32];

	buf_reset(m->hits);
	for (unsigned t = INDICATOR_MD5; hex != NULL && t <= INDICATOR_SHA256; t++) {
		size_t bytes = t == INDICATOR_MD5 ? 16 : t == INDICATOR_SHA1 ? 20 : 32;

		if (strlen(hex) == 2 * bytes) {
			assert_ok(text_unhex(hex, digest, bytes));
			subject.digests[t] = digest;
		}
	}
	assert_true(indicator_set_match(m->s, &subject, on_hit, m));
	return buf_string(m->hits);
}

static const char *
match_socket(struct made *m, const char *address, uint16_t port)
{
	uint8_t bytes[16] = { 0 };
	bool is_4 = strchr(address, ':') == NULL;

	buf_reset(m->hits);
	assert_int_equal(inet_pton(is_4 ? AF_INET : AF_INET6, address, bytes), 1);
	indicator_set_match_socket(m->s, is_4 ? AF_INET : AF_INET6, bytes, port, on_hit,
	    m);
	return buf_string(m->hits);
}

#define MD5_A "0123456789abcdef0123456789abcdef"
#define MD5_B "00112233445566778899aabbccddeeff"
#define SHA1_A "0123456789abcdef0123456789abcdef01234567"
#define SHA256_A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
lokis_hashes_are_read(void **state)
{
	struct made *m = *state;

	load(m, "hash-iocs.txt", FORMAT_UNKNOWN,
	    "# comment\n" MD5_A ";APT1; GREENCAT\n\n" SHA1_A ";70;with a score\n"
	    "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF\r\n"
	    "xyz;bad\n"
	    "0123;short\n");
	assert_int_equal(m->result.format, FORMAT_LOKI_HASH);
	assert_int_equal(m->result.n[INDICATOR_MD5], 1);
	assert_int_equal(m->result.n[INDICATOR_SHA1], 1);
	assert_int_equal(m->result.n[INDICATOR_SHA256], 1);
	assert_int_equal(m->result.n_left_out, 2);
	assert_non_null(strstr(buf_string(m->problems), "6: \"xyz\": no hash"));
	assert_non_null(strstr(buf_string(m->problems), "7: \"0123\": no hash"));
	assert_ok(indicator_set_seal(m->s));
	assert_string_equal(match(m, "/x", MD5_A, 1), "md5 " MD5_A " 100 2\n");
	assert_string_equal(match(m, "/x", SHA1_A, 1), "sha1 " SHA1_A " 70 4\n");
	assert_string_equal(match(m, "/x", SHA256_A, 1), "sha256 " SHA256_A " 100 5\n");
	assert_string_equal(match(m, "/x", MD5_B, 1), "");
}

static void
hashes_of_empty_files_and_single_bytes_are_refused(void **state)
{
	struct made *m = *state;

	load(m, "x", FORMAT_LOKI_HASH,
	    "d41d8cd98f00b204e9800998ecf8427e;empty\n"
	    "da39a3ee5e6b4b0d3255bfef95601890afd80709;empty\n"
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;empty\n"
	    "68b329da9893e34099c7d8ad5cb9c940;a newline\n"
	    "93b885adfe0da089cdf634904fd59f71;a NUL\n");
	assert_int_equal(m->result.n_left_out, 5);
	assert_int_equal(m->result.n[INDICATOR_MD5], 0);
	assert_non_null(strstr(buf_string(m->problems), "1: \"d41d8"));
	assert_non_null(strstr(buf_string(m->problems), "the hash of an empty file"));
	assert_non_null(
	    strstr(buf_string(m->problems), "the hash of a file of one byte"));
}

static void
lokis_names_are_read_each_with_its_own_exception(void **state)
{
	struct made *m = *state;

	load(m, "filename-iocs.txt", FORMAT_UNKNOWN,
	    "# BPFDoor\n"
	    "/haldrund\\.pid$;75\n"
	    "/psexec;60;/Tools/\n"
	    "/mimik[ai]tz;85\n"
	    "/unclosed(;50\n"
	    "/no\\.score$;many\n"
	    "^/etc/only_a_name$\n");
	assert_int_equal(m->result.format, FORMAT_LOKI_NAME);
	assert_int_equal(m->result.n[INDICATOR_FILE_NAME], 4);
	assert_int_equal(m->result.n_left_out, 2);
	assert_non_null(strstr(buf_string(m->problems), "5: "));
	assert_non_null(strstr(buf_string(m->problems), "6: the score \"many\""));
	assert_ok(indicator_set_seal(m->s));
	assert_string_equal(match(m, "/run/haldrund.pid", NULL, 0),
	    "file-name /haldrund\\.pid$ 75 2\n");
	assert_string_equal(match(m, "/x/psexec", NULL, 0), "file-name /psexec 60 3\n");
	assert_string_equal(match(m, "/Tools/psexec", NULL, 0), "");
	/* In Loki the exception of the line before would hold here, too. */
	assert_string_equal(match(m, "/Tools/mimikatz", NULL, 0),
	    "file-name /mimik[ai]tz 85 4\n");
	assert_string_equal(match(m, "/etc/only_a_name", NULL, 0),
	    "file-name ^/etc/only_a_name$ 60 7\n");
}

static void
the_description_is_the_last_comment(void **state)
{
	struct made *m = *state;

	(void)m;
	load(m, "filename-iocs.txt", FORMAT_UNKNOWN, "# One\n#  Two \n/evil_file;75\n");
	char *rules = NULL;

	assert_ok(indicator_set_seal(m->s));
	rules = indicator_set_rules(m->s, 0);
	assert_null(rules);
	assert_string_equal(match(m, "/evil_file", NULL, 0),
	    "file-name /evil_file 75 3\n");
}

static void
addresses_are_read_and_met(void **state)
{
	struct made *m = *state;

	load(m, "c2-iocs.txt", FORMAT_UNKNOWN,
	    "# C2\n192.0.2.1\n198.51.100.0/24;80\n203.0.113.9:443\n2001:db8::1\n"
	    "[2001:db8::2]:8443;90;with a port\nevil[.]example.info;APT1\n"
	    "a.b\n0.0.0.0\n224.0.0.1\n1.0.0.0/2\nlocalhost\n"
	    "192.0.2.1:0\n192.0.2.1:65536\n203.0.113.10:65535\n");
	assert_int_equal(m->result.format, FORMAT_LOKI_C2);
	assert_int_equal(m->result.n[INDICATOR_ADDRESS], 6);
	assert_int_equal(m->result.n[INDICATOR_DOMAIN], 1);
	assert_int_equal(m->result.n_left_out, 7);
	assert_ok(indicator_set_seal(m->s));
	assert_string_equal(match_socket(m, "192.0.2.1", 1), "address 192.0.2.1 75 2\n");
	assert_string_equal(match_socket(m, "192.0.2.2", 1), "");
	assert_string_equal(match_socket(m, "198.51.100.77", 1),
	    "address 198.51.100.0/24 80 3\n");
	assert_string_equal(match_socket(m, "::ffff:192.0.2.1", 1),
	    "address 192.0.2.1 75 2\n");
	assert_string_equal(match_socket(m, "203.0.113.9", 80), "");
	assert_string_equal(match_socket(m, "203.0.113.9", 443),
	    "address 203.0.113.9:443 75 4\n");
	assert_string_equal(match_socket(m, "2001:db8::1", 80),
	    "address 2001:db8::1 75 5\n");
	assert_string_equal(match_socket(m, "2001:db8::2", 8443),
	    "address [2001:db8::2]:8443 90 6\n");
}

static void
names_of_hosts_become_rules_for_memory_of_a_bounded_score(void **state)
{
	struct made *m = *state;

	load(m, "c2-iocs.txt", FORMAT_UNKNOWN,
	    "Evil.Example.info;95\nhttp://bad.example.info/gate.php?x=\"1\n");
	assert_int_equal(m->result.n[INDICATOR_DOMAIN], 2);
	char *rules = indicator_set_rules(m->s, 0);

	assert_non_null(rules);
	assert_non_null(strstr(rules, "\"evil.example.info\" ascii wide fullword"));
	assert_non_null(strstr(rules, "score = 60"));
	assert_null(strstr(rules, "score = 95"));
	assert_non_null(strstr(rules, "\"bad.example.info/gate.php?x=\\\"1\""));
	free(rules);
}

static void
exceptions_are_never_told(void **state)
{
	struct made *m = *state;

	load(m, "hash-iocs.txt", FORMAT_UNKNOWN, MD5_A ";x\n" MD5_B ";y\n");
	load(m, "falsepositive-hashes.txt", FORMAT_UNKNOWN, MD5_A ";known good\n");
	assert_int_equal(m->result.format, FORMAT_EXCEPT_HASH);
	assert_int_equal(m->result.n_exceptions, 1);
	load(m, "excludes.cfg", FORMAT_UNKNOWN, "# paths\n^/opt/scanner/\n");
	assert_int_equal(m->result.format, FORMAT_EXCEPT_PATH);
	assert_ok(indicator_set_seal(m->s));
	assert_string_equal(match(m, "/x", MD5_A, 1), "");
	assert_string_equal(match(m, "/x", MD5_B, 1), "md5 " MD5_B " 100 2\n");
	assert_string_equal(match(m, "/opt/scanner/x", MD5_B, 1), "");
}

static void
plain_lists_and_tables_are_recognised(void **state)
{
	struct made *m = *state;

	load(m, "feed.txt", FORMAT_UNKNOWN,
	    MD5_A "\n192.0.2.7\nevil.example.info\n/tmp/.evil_dir/x # seen in May\n"
		  "update.exe\nnothing at all\n");
	assert_int_equal(m->result.format, FORMAT_LIST);
	assert_int_equal(m->result.n[INDICATOR_MD5], 1);
	assert_int_equal(m->result.n[INDICATOR_ADDRESS], 1);
	assert_int_equal(m->result.n[INDICATOR_DOMAIN], 1);
	assert_int_equal(m->result.n[INDICATOR_FILE_NAME], 1);
	assert_int_equal(m->result.n_left_out, 2);
	load(m, "feed.csv", FORMAT_UNKNOWN,
	    "first_seen,md5,sha256,comment,score\n"
	    "2020,\"" MD5_B "\"," SHA256_A ",\"a, \"\"quoted\"\" one\",55\n"
	    "2021,,,none,1\n");
	assert_int_equal(m->result.format, FORMAT_CSV);
	assert_int_equal(m->result.n[INDICATOR_MD5], 1);
	assert_int_equal(m->result.n[INDICATOR_SHA256], 1);
	assert_int_equal(m->result.n_left_out, 1);
	load(m, "plain.csv", FORMAT_UNKNOWN, SHA1_A ",some family\n");
	assert_int_equal(m->result.format, FORMAT_CSV);
	assert_int_equal(m->result.n[INDICATOR_SHA1], 1);
	load(m, "hashes.md5", FORMAT_UNKNOWN, MD5_A "  file one\n" MD5_B " *file\n");
	assert_int_equal(m->result.format, FORMAT_LIST);
	assert_int_equal(m->result.n[INDICATOR_MD5], 2);
	load(m, "hashes.csv", FORMAT_UNKNOWN, "sha1,comment\n" SHA1_A ",x\n");
	assert_int_equal(m->result.format, FORMAT_CSV);
	assert_int_equal(m->result.n[INDICATOR_SHA1], 1);
	assert_ok(indicator_set_seal(m->s));
	assert_string_equal(match(m, "/a", SHA256_A, 1), "sha256 " SHA256_A " 55 2\n");
	assert_string_equal(match(m, "/tmp/.evil_dir/x", NULL, 1),
	    "file-name /tmp/.evil_dir/x 60 4\n");
}

static void
a_quote_inside_of_a_field_does_not_take_lines_behind_it_along(void **state)
{
	struct made *m = *state;

	load(m, "feed.csv", FORMAT_UNKNOWN,
	    "md5,score,comment\n" MD5_A ",80,a 3.5\" floppy\n" MD5_B ",80,between\n"
	    "# 5\" disks\n" SHA1_A ",1,no MD5 of 5\" disks\n");
	assert_int_equal(m->result.n[INDICATOR_MD5], 2);
	assert_int_equal(m->result.n[INDICATOR_SHA1], 1);
	assert_string_equal(buf_string(m->problems), "");
}

static void
lines_behind_a_quote_that_is_not_closed_are_used(void **state)
{
	struct made *m = *state;
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(1 << 20);

	load(m, "feed.csv", FORMAT_UNKNOWN,
	    "md5,comment\n" MD5_A ",\"never closed\n" MD5_B ",x\n");
	assert_int_equal(m->result.n[INDICATOR_MD5], 1);
	assert_string_equal(buf_string(m->problems), "2: a quote is not closed\n");
	buf_add(b, "md5,comment\n" MD5_A ",\"never closed\n");
	for (size_t i = 0; i < INDICATOR_LINE_MAX / 32; i++)
		buf_add(b, MD5_B ",x\n");
	buf_add(b, "bad,x\n");
	buf_reset(m->problems);
	load(m, "feed.csv", FORMAT_UNKNOWN, buf_string(b));
	assert_int_equal(m->result.n[INDICATOR_MD5], INDICATOR_LINE_MAX / 32);
	assert_non_null(strstr(buf_string(m->problems), "2: a quote is not closed\n"));
	assert_non_null(strstr(buf_string(m->problems), "515: \"bad\": no hash"));
	assert_int_equal(m->result.n_left_out, 2);
}

static void
misps_tables_are_read_by_to_ids(void **state)
{
	struct made *m = *state;

	load(m, "export.csv", FORMAT_UNKNOWN,
	    "uuid,event_id,category,type,value,comment,to_ids,date\n"
	    "\"u-1\",1,\"Payload delivery\",\"md5\",\"" MD5_A "\",\"first\nsecond\",1,1\n"
	    "\"u-2\",1,\"Payload delivery\",\"sha1\",\"" SHA1_A "\",\"\",0,1\n"
	    "\"u-3\",1,\"Payload delivery\",\"filename|sha256\",\"a.exe|" SHA256_A
	    "\",\"\",1,1\n"
	    "\"u-4\",1,\"Network activity\",\"ip-dst|port\",\"192.0.2.3|443\",\"\",1,1\n"
	    "\"u-5\",1,\"Artifacts\",\"mutex\",\"x\",\"\",1,1\n"
	    "\"u-6\",1,\"Network activity\",\"ip-dst\",\"300.1.1.1\",\"\",1,1\n");
	assert_int_equal(m->result.format, FORMAT_MISP_CSV);
	assert_int_equal(m->result.n[INDICATOR_MD5], 1);
	assert_int_equal(m->result.n[INDICATOR_SHA256], 1);
	assert_int_equal(m->result.n[INDICATOR_SHA1], 0);
	assert_int_equal(m->result.n[INDICATOR_ADDRESS], 1);
	assert_int_equal(m->result.n_not_for_detection, 1);
	assert_int_equal(m->result.n_other, 1);
	assert_int_equal(m->result.n_left_out, 1);
	assert_non_null(strstr(buf_string(m->problems), "8: u-6: \"300.1.1.1\""));
	assert_ok(indicator_set_seal(m->s));
	assert_string_equal(match_socket(m, "192.0.2.3", 443),
	    "address 192.0.2.3:443 75 6\n");
}

static void
misps_events_are_read_by_to_ids(void **state)
{
	struct made *m = *state;

	load(m, "event.json", FORMAT_UNKNOWN,
	    "{\"Event\":{\"uuid\":\"e-1\",\"info\":\"Campaign\",\"Attribute\":["
	    "{\"type\":\"md5\",\"value\":\"" MD5_A "\",\"to_ids\":true,\"uuid\":\"a-1\"},"
	    "{\"type\":\"sha1\",\"value\":\"" SHA1_A "\",\"to_ids\":false},"
	    "{\"type\":\"md5\",\"value\":\"" MD5_B "\",\"to_ids\":true,\"deleted\":true},"
	    "{\"type\":\"md5\",\"to_ids\":true,\"uuid\":\"a-9\"},"
	    "{\"type\":\"domain|ip\",\"value\":\"evil.example.info|192.0.2.4\",\"to_"
	    "ids\":\"1\"}],"
	    "\"Object\":[{\"name\":\"file\",\"Attribute\":["
	    "{\"type\":\"sha256\",\"value\":\"" SHA256_A "\",\"to_ids\":true}]}]}}");
	assert_int_equal(m->result.format, FORMAT_MISP_JSON);
	assert_int_equal(m->result.n[INDICATOR_MD5], 1);
	assert_int_equal(m->result.n[INDICATOR_SHA1], 0);
	assert_int_equal(m->result.n[INDICATOR_SHA256], 1);
	assert_int_equal(m->result.n[INDICATOR_ADDRESS], 1);
	assert_int_equal(m->result.n[INDICATOR_DOMAIN], 1);
	assert_int_equal(m->result.n_not_for_detection, 1);
	assert_int_equal(m->result.n_revoked, 1);
	assert_int_equal(m->result.n_left_out, 1);
	assert_non_null(strstr(buf_string(m->problems), "attribute a-9"));
}

static void
bundles_of_stix_are_read(void **state)
{
	struct made *m = *state;

	load(m, "bundle.json", FORMAT_UNKNOWN,
	    "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":["
	    "{\"type\":\"indicator\",\"id\":\"indicator--1\",\"name\":\"N\",\"pattern_"
	    "type\":\"stix\","
	    "\"pattern\":\"[file:hashes.'SHA-256' = '" SHA256_A
	    "' OR file:hashes.MD5 = '" MD5_A
	    "']\",\"valid_until\":\"2030-01-01T00:00:00Z\"},"
	    "{\"type\":\"indicator\",\"id\":\"indicator--2\",\"pattern_type\":\"stix\","
	    "\"pattern\":\"[file:name = 'evil.dat' AND file:size = 10]\"},"
	    "{\"type\":\"indicator\",\"id\":\"indicator--3\",\"pattern_type\":\"stix\","
	    "\"pattern\":\"[ipv4-addr:value = '192.0.2.5'] OR [domain-name:value = "
	    "'evil.example.info'] OR [url:value = 'https://evil.example.info/']\"},"
	    "{\"type\":\"indicator\",\"id\":\"indicator--4\",\"pattern_type\":\"stix\","
	    "\"pattern\":\"[file:hashes.MD5 = '" MD5_B
	    "']\",\"valid_until\":\"2020-01-01T00:00:00Z\"},"
	    "{\"type\":\"indicator\",\"id\":\"indicator--5\",\"pattern_type\":\"stix\","
	    "\"pattern\":\"[file:hashes.MD5 = '" MD5_B "']\",\"revoked\":true},"
	    "{\"type\":\"indicator\",\"id\":\"indicator--6\",\"pattern_type\":\"stix\","
	    "\"pattern\":\"[process:command_line = 'x']\"},"
	    "{\"type\":\"indicator\",\"id\":\"indicator--7\",\"pattern_type\":\"stix\","
	    "\"pattern\":\"[file:name = 'a'\"},"
	    "{\"type\":\"indicator\",\"id\":\"indicator--8\",\"pattern_type\":\"yara\","
	    "\"pattern\":\"rule x {}\"},"
	    "{\"type\":\"malware\",\"id\":\"malware--1\"}]}");
	assert_int_equal(m->result.format, FORMAT_STIX);
	assert_int_equal(m->result.n[INDICATOR_SHA256], 1);
	assert_int_equal(m->result.n[INDICATOR_MD5], 1);
	assert_int_equal(m->result.n[INDICATOR_FILE_NAME], 1);
	assert_int_equal(m->result.n[INDICATOR_ADDRESS], 1);
	assert_int_equal(m->result.n[INDICATOR_DOMAIN], 2);
	assert_int_equal(m->result.n_combined, 1);
	assert_int_equal(m->result.n_expired, 1);
	assert_int_equal(m->result.n_revoked, 1);
	assert_int_equal(m->result.n_other, 1);
	assert_int_equal(m->result.n_left_out, 2);
	assert_non_null(strstr(buf_string(m->problems),
	    "indicator--6: not used: 1 term, the first process:command_line, cannot"));
	assert_non_null(strstr(buf_string(m->problems), "indicator--7: pattern, byte"));
	assert_ok(indicator_set_seal(m->s));
	assert_string_equal(match(m, "/a", MD5_A, 1), "md5 " MD5_A " 100 0\n");
	assert_string_equal(match(m, "/a", MD5_B, 1), "");
	assert_string_equal(match(m, "/a/evil.dat", NULL, 10),
	    "file-name evil.dat 60 0\n");
	assert_string_equal(match(m, "/a/evil.dat", NULL, 11), "");
}

#define IOC_HEAD                                                              \
	"<?xml version=\"1.0\"?>\n"                                           \
	"<ioc xmlns=\"http://schemas.mandiant.com/2010/ioc\" id=\"ioc-1\">\n" \
	"<short_description>GREENCAT</short_description>\n<definition>\n"
#define ITEM(condition, search, content)                     \
	"<IndicatorItem condition=\"" condition              \
	"\"><Context document=\"x\" search=\"" search        \
	"\" type=\"mir\"/><Content type=\"string\">" content \
	"</Content></IndicatorItem>\n"

static void
trees_of_openioc_are_taken_apart(void **state)
{
	struct made *m = *state;

	load(m, "x.ioc", FORMAT_UNKNOWN,
	    IOC_HEAD "<Indicator operator=\"OR\">\n" ITEM("is", "FileItem/Md5sum",
		MD5_A) ITEM("is", "FileItem/PEInfo/PETimeStamp",
		"2010-01-01T00:00:00Z") "<Indicator operator=\"AND\">\n" ITEM("is",
		"FileItem/FileName", "Evil.exe") ITEM("is", "FileItem/SizeInBytes",
		"[100 TO 200]") "</Indicator>\n"
				"<Indicator operator=\"AND\">\n" ITEM("contains",
				    "FileItem/FullPath",
				    "\\system32\\mspoiscon") ITEM("isnot",
				    "FileItem/Md5sum",
				    MD5_B) "</Indicator>\n"
					   "<Indicator operator=\"AND\">\n" ITEM("is",
					       "FileItem/FileName",
					       "other.exe") ITEM("is",
					       "RegistryItem/Path",
					       "x") "</Indicator>\n"
						    "<Indicator operator=\"AND\">\n" ITEM(
							"is", "PortItem/remoteIP",
							"192.0.2.8") ITEM("is",
							"PortItem/remotePort",
							"8080") "</Indicator>\n" ITEM("i"
										      "s",
							"FileItem/SizeInBytes",
							"5") "</Indicator></definition></"
							     "ioc>\n");
	assert_null(m->result.why);
	assert_int_equal(m->result.format, FORMAT_OPENIOC);
	assert_int_equal(m->result.n[INDICATOR_MD5], 1);
	assert_int_equal(m->result.n[INDICATOR_FILE_NAME], 2);
	assert_int_equal(m->result.n[INDICATOR_ADDRESS], 1);
	assert_int_equal(m->result.n_combined, 3);
	/* The size alone, and the terms that cannot be decided. */
	assert_int_equal(m->result.n_left_out, 2);
	assert_non_null(strstr(buf_string(m->problems),
	    "ioc-1: 2 terms, the first FileItem/PEInfo/PETimeStamp, cannot be decided "
	    "here: used without"));
	assert_ok(indicator_set_seal(m->s));
	assert_string_equal(match(m, "/x", MD5_A, 1), "md5 " MD5_A " 100 6\n");
	assert_string_equal(match(m, "/x/evil.EXE", NULL, 150),
	    "file-name Evil.exe 60 9\n");
	assert_string_equal(match(m, "/x/evil.exe", NULL, 201), "");
	assert_string_equal(match(m, "/w/System32/mspoiscon.dll", MD5_A, 1),
	    "md5 " MD5_A " 100 6\nfile-name \\system32\\mspoiscon 60 13\n");
	assert_string_equal(match(m, "/w/system32/mspoiscon.dll", MD5_B, 1), "");
	assert_string_equal(match(m, "/x/other.exe", NULL, 1), "");
	assert_string_equal(match_socket(m, "192.0.2.8", 8080),
	    "address 192.0.2.8 port 8080 75 21\n");
}

static void
openioc_1_1_is_read(void **state)
{
	struct made *m = *state;

	load(m, "x.ioc", FORMAT_UNKNOWN,
	    "<OpenIOC xmlns=\"http://openioc.org/schemas/OpenIOC_1.1\" id=\"ioc-2\">"
	    "<metadata><short_description>X</short_description></metadata><criteria>"
	    "<Indicator operator=\"AND\"><IndicatorItem condition=\"is\" "
	    "preserve-case=\"true\" negate=\"false\"><Context "
	    "search=\"FileItem/FileName\"/>"
	    "<Content>Evil.dat</Content></IndicatorItem>"
	    "<IndicatorItem condition=\"greater-than\" negate=\"true\"><Context "
	    "search=\"FileItem/SizeInBytes\"/><Content>100</Content></IndicatorItem>"
	    "</Indicator></criteria></OpenIOC>");
	assert_null(m->result.why);
	assert_int_equal(m->result.n_combined, 1);
	assert_ok(indicator_set_seal(m->s));
	assert_string_equal(match(m, "/Evil.dat", NULL, 100),
	    "file-name Evil.dat 60 1\n");
	assert_string_equal(match(m, "/Evil.dat", NULL, 101), "");
	assert_string_equal(match(m, "/evil.dat", NULL, 100), "");
}

static void
entities_and_broken_trees_are_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} table[] = {
		{ "<!DOCTYPE ioc [<!ENTITY a \"b\">]><ioc>&a;</ioc>", "a document type" },
		{ "<ioc><Indicator></ioc>", "line 1: mismatched tag" },
		{ "<html></html>", "XML, but not OpenIOC" },
		{ "{\"a\":1}", "JSON, but neither" },
		{ "{\"type\":\"bundle\",\"objects\":", "no JSON" },
		{ "", "it is empty" },
		{ "word\nand more words\n", "its format is not recognised" },
	};
	struct made *m = *state;

	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		load(m, "x", FORMAT_UNKNOWN, table[i].text);
		assert_non_null(m->result.why);
		if (strstr(m->result.why, table[i].why) == NULL)
			fail_msg("%s: %s", table[i].text, m->result.why);
	}
	load(m, "keywords.txt", FORMAT_UNKNOWN, "mimikatz\n");
	assert_non_null(strstr(m->result.why, "keywords"));
}

static void
a_file_of_utf_16_is_named_as_such(void **state)
{
	static const char little[] = "\xff\xfe"
				     "0\0001\000";
	static const char big[] = "\0000\0001";
	struct made *m = *state;
	struct load_request request = { "a", "hash.txt", FORMAT_UNKNOWN, NOW };

	assert_ok(indicator_load_text(m->s, &request, little, sizeof(little) - 1,
	    on_problem, m, &m->result));
	assert_non_null(strstr(m->result.why, "UTF-16"));
	indicator_file_result_clear(&m->result);
	assert_ok(indicator_load_text(m->s, &request, big, sizeof(big) - 1, on_problem, m,
	    &m->result));
	assert_non_null(strstr(m->result.why, "UTF-16"));
}

static void
expressions_that_fit_every_path_are_refused(void **state)
{
	static const char *const wide[] = { ".*", "^/.*", "/", "evil|", "^", "[^a]" };
	struct made *m = *state;

	for (size_t i = 0; i < MH_ARRAY_LEN(wide); i++) {
		load(m, "exclude.cfg", FORMAT_UNKNOWN, wide[i]);
		assert_int_equal(m->result.n_exceptions, 0);
		assert_int_equal(m->result.n_left_out, 1);
		load(m, "filename.txt", FORMAT_UNKNOWN, wide[i]);
		assert_int_equal(m->result.n_left_out, 1);
	}
	load(m, "filename.txt", FORMAT_UNKNOWN, "/evil;80;.*\n");
	assert_int_equal(m->result.n_left_out, 1);
	assert_non_null(strstr(buf_string(m->problems), "it fits every path"));
	load(m, "exclude.cfg", FORMAT_UNKNOWN, "^/opt/.*\n");
	assert_int_equal(m->result.n_exceptions, 1);
}

static void
a_line_that_is_too_long_or_no_text_is_left_out(void **state)
{
	struct made *m = *state;
	struct load_request request = { "a", "hash.txt", FORMAT_UNKNOWN, NOW };
	struct buf *b = buf_new(1 << 20);
	char *long_line = xcalloc(1, INDICATOR_LINE_MAX + 2);

	memset(long_line, '#', INDICATOR_LINE_MAX);
	buf_addf(b, "%s\n%s#\n", long_line, long_line);
	buf_put(b, "a\0b\n", 4);
	/* The last line ends as on Windows, the one before as on an old Macintosh. */
	buf_add(b, MD5_A ";one\r" MD5_A ";two\n" MD5_A "\r\n");
	assert_ok(indicator_load_text(m->s, &request, buf_string(b), buf_len(b),
	    on_problem, m, &m->result));
	assert_int_equal(m->result.n_left_out, 3);
	assert_int_equal(m->result.n[INDICATOR_MD5], 1);
	assert_string_equal(buf_string(m->problems),
	    "2: the line is longer than 16384 bytes\n"
	    "3: the line has a NUL byte: it is no text\n"
	    "4: a carriage return stands in the line: save the file with the line ends "
	    "of Unix or Windows\n");
	free(long_line);
	buf_free(b);
}

static void
problems_are_told_up_to_a_bound_and_counted_beyond(void **state)
{
	struct made *m = *state;
	struct buf *b = buf_new(1 << 20);

	for (unsigned i = 0; i < INDICATOR_PROBLEMS_MAX + 5; i++)
		buf_add(b, "bad\n");
	load(m, "x", FORMAT_LOKI_HASH, buf_string(b));
	assert_int_equal(m->result.n_left_out, INDICATOR_PROBLEMS_MAX + 5);
	unsigned n = 0;

	for (const char *p = buf_string(m->problems); (p = strchr(p, '\n')) != NULL; p++)
		n++;
	assert_int_equal(n, INDICATOR_PROBLEMS_MAX);
	buf_free(b);
}

/* ways_of(): n ORs of two below one AND make two to the power of n ways. */
static void
ways_are_bounded(void **state)
{
	struct made *m = *state;
	struct buf *b = buf_new(1 << 20);

	for (unsigned n = 10; n <= 11; n++) {
		buf_reset(b);
		buf_add(b, IOC_HEAD "<Indicator operator=\"AND\">");
		for (unsigned i = 0; i < n; i++) {
			buf_addf(b,
			    "<Indicator operator=\"OR\">"
			    "<IndicatorItem condition=\"is\"><Context "
			    "search=\"FileItem/FileName\"/><Content>evil%u.a</Content>"
			    "</IndicatorItem>"
			    "<IndicatorItem condition=\"is\"><Context "
			    "search=\"FileItem/FileName\"/><Content>evil%u.b</Content>"
			    "</IndicatorItem></Indicator>",
			    i, i);
		}
		buf_add(b, "</Indicator></definition></ioc>");
		load(m, "x.ioc", FORMAT_UNKNOWN, buf_string(b));
		assert_int_equal(m->result.n[INDICATOR_FILE_NAME],
		    n == 10 ? INDICATOR_WAYS_MAX : 0);
		assert_int_equal(m->result.n_left_out, n == 10 ? 0 : 1);
	}
	buf_free(b);
}

static void
the_number_of_names_of_hosts_is_bounded(void **state)
{
	struct made *m = *state;
	struct indicator_facts facts = { .score = -1 };
	char *why = NULL;
	unsigned n = 0;
	uint16_t file = 0;

	assert_ok(indicator_set_add_file(m->s, "a", &file));
	for (; n <= INDICATOR_DOMAINS_MAX; n++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "h%u.example.info", n);
		if (indicator_set_add_domain(m->s, name, &facts, &why) != MH_OK)
			break;
	}
	assert_int_equal(n, INDICATOR_DOMAINS_MAX);
	assert_non_null(strstr(why, "20000"));
	free(why);
}

/* n groups of the same kind inside of each other, around one term. */
static void
nest(struct buf *b, unsigned n, const char *open, const char *middle, const char *close)
{
	buf_reset(b);
	for (unsigned i = 0; i < n; i++)
		buf_add(b, open);
	buf_add(b, middle);
	for (unsigned i = 0; i < n; i++)
		buf_add(b, close);
}

static void
nesting_is_bounded(void **state)
{
	/* <ioc><definition>, then the nodes, then the term and its content. */
	enum { AROUND = 4 };
	struct made *m = *state;
	struct buf *nodes = buf_new(1 << 20);
	struct buf *b = buf_new(1 << 20);

	for (unsigned extra = 0; extra < 2; extra++) {
		nest(nodes, INDICATOR_DEPTH_MAX - AROUND + extra,
		    "<Indicator operator=\"OR\">", ITEM("is", "FileItem/Md5sum", MD5_A),
		    "</Indicator>");
		buf_reset(b);
		buf_addf(b, "<ioc><definition>%s</definition></ioc>", buf_string(nodes));
		load(m, "x", FORMAT_OPENIOC, buf_string(b));
		assert_int_equal(m->result.n[INDICATOR_MD5], extra == 0 ? 1 : 0);
		assert_true((m->result.why != NULL) == (extra == 1));

		nest(nodes, INDICATOR_DEPTH_MAX + extra, "(", "file:name = 'evil'", ")");
		buf_reset(b);
		buf_addf(b, "{\"type\":\"indicator\",\"id\":\"i\",\"pattern\":\"[%s]\"}",
		    buf_string(nodes));
		load(m, "x", FORMAT_STIX, buf_string(b));
		assert_int_equal(m->result.n[INDICATOR_FILE_NAME], extra == 0 ? 1 : 0);
		assert_int_equal(m->result.n_left_out, extra);
	}
	buf_free(nodes);
	buf_free(b);
}

/* A pattern of n names, joined by word. */
static void
load_names(struct made *m, struct buf *b, unsigned n, const char *word)
{
	buf_reset(b);
	buf_add(b, "{\"type\":\"indicator\",\"id\":\"i\",\"pattern\":\"[");
	for (unsigned i = 0; i < n; i++)
		buf_addf(b, "%sfile:name = 'evil%u'", i > 0 ? word : "", i);
	buf_add(b, "]\"}");
	load(m, "x", FORMAT_STIX, buf_string(b));
}

static void
terms_are_bounded(void **state)
{
	struct made *m = *state;
	struct buf *b = buf_new(1 << 20);

	for (unsigned extra = 0; extra < 2; extra++) {
		load_names(m, b, INDICATOR_WAY_TERMS_MAX + extra, " AND ");
		assert_int_equal(m->result.n[INDICATOR_FILE_NAME], extra == 0 ? 1 : 0);
		load_names(m, b, INDICATOR_WAYS_MAX + extra, " OR ");
		assert_int_equal(m->result.n[INDICATOR_FILE_NAME],
		    extra == 0 ? INDICATOR_WAYS_MAX : 0);
	}
	/* Up to here the ways are what is too many. */
	load_names(m, b, INDICATOR_TERMS_MAX, " OR ");
	assert_null(strstr(buf_string(m->problems), "4096 terms"));
	load_names(m, b, INDICATOR_TERMS_MAX + 1, " OR ");
	assert_non_null(strstr(buf_string(m->problems), "4096 terms"));
	buf_free(b);
}

static void
values_and_comments_are_bounded(void **state)
{
	struct made *m = *state;
	struct buf *b = buf_new(1 << 20);
	char *path = xcalloc(1, INDICATOR_VALUE_MAX + 2);

	memset(path, 'a', INDICATOR_VALUE_MAX);
	path[0] = '/';
	buf_addf(b, "%s\n%sa\n", path, path);
	load(m, "x", FORMAT_LIST, buf_string(b));
	assert_int_equal(m->result.n[INDICATOR_FILE_NAME], 1);
	assert_string_equal(buf_string(m->problems) + strlen(buf_string(m->problems)) -
				29,
	    "it is longer than 1024 bytes\n");
	buf_reset(b);
	memset(path, 'c', INDICATOR_COMMENT_MAX + 1);
	path[INDICATOR_COMMENT_MAX + 1] = 0;
	buf_addf(b, MD5_A ";%s\n", path);
	load(m, "x", FORMAT_LOKI_HASH, buf_string(b));
	assert_ok(indicator_set_seal(m->s));
	(void)match(m, "/x", MD5_A, 1);
	assert_int_equal(m->comment_len, INDICATOR_COMMENT_MAX);
	free(path);
	buf_free(b);
}

static void
short_names_and_wide_networks_are_refused(void **state)
{
	struct made *m = *state;

	load(m, "x", FORMAT_LIST,
	    "/a/b\n/ab\n10.0.0.0/8\n10.0.0.0/7\n2001::/16\n2000::/15\n");
	assert_int_equal(m->result.n[INDICATOR_FILE_NAME], 1);
	assert_int_equal(m->result.n[INDICATOR_ADDRESS], 2);
	assert_int_equal(m->result.n_left_out, 3);
}

static void
the_number_of_addresses_is_bounded(void **state)
{
	struct indicator_addresses *a = indicator_addresses_new();
	struct network n = { .bits = 128 };
	size_t count = 0;

	(void)state;
	while (
	    count <= INDICATOR_ADDRESSES_MAX && indicator_addresses_add(a, &n) == MH_OK)
		count++;
	assert_int_equal(count, INDICATOR_ADDRESSES_MAX);
	indicator_addresses_free(a);
}

static void
the_number_of_combined_ones_is_bounded(void **state)
{
	struct made *m = *state;
	struct indicator_facts facts = { .score = -1 };
	char evil[] = "evil.a";
	char one[] = "1";
	struct term name = { .kind = TERM_NAME, .name_kind = NAME_BASE, .text = evil };
	struct term size = { .kind = TERM_SIZE, .from = 1, .to = 2, .text = one };
	const struct term *terms[] = { &name, &size };
	const struct way way = { terms, 2 };
	enum indicator_type type = INDICATOR_NONE;
	char *why = NULL;
	unsigned n = 0;
	uint16_t file = 0;

	assert_ok(indicator_set_add_file(m->s, "a", &file));
	while (n <= INDICATOR_COMBINED_MAX &&
	       indicator_set_add_way(m->s, &way, &facts, &type, &why) == MH_OK)
		n++;
	assert_int_equal(n, INDICATOR_COMBINED_MAX);
	assert_non_null(strstr(why, "100000 combined"));
	free(why);
}

/* Files that are nothing but their size. */
static void
load_size(struct made *m, const char *name, const char *head, uint64_t size)
{
	struct load_request request = { "a", name, FORMAT_UNKNOWN, NOW };
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_int_equal(write(fd, head, strlen(head)), strlen(head));
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	indicator_file_result_clear(&m->result);
	assert_ok(indicator_load(m->s, &request, fd, on_problem, m, &m->result));
	(void)close(fd);
	assert_non_null(m->result.why);
}

static void
the_size_of_a_file_is_bounded(void **state)
{
	struct made *m = *state;

	load_size(m, "x", "", INDICATOR_LIST_BYTES_MAX);
	assert_non_null(strstr(m->result.why, "not recognised"));
	load_size(m, "x", "", INDICATOR_LIST_BYTES_MAX + 1);
	assert_non_null(strstr(m->result.why, "2 GiB"));
	load_size(m, "x.json", "{", INDICATOR_TREE_BYTES_MAX);
	assert_non_null(strstr(m->result.why, "no JSON"));
	load_size(m, "x.json", "{", (uint64_t)INDICATOR_TREE_BYTES_MAX + 1);
	assert_non_null(strstr(m->result.why, "64 MiB"));
}

#define with_set(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_set(lokis_hashes_are_read),
		with_set(hashes_of_empty_files_and_single_bytes_are_refused),
		with_set(lokis_names_are_read_each_with_its_own_exception),
		with_set(the_description_is_the_last_comment),
		with_set(addresses_are_read_and_met),
		with_set(names_of_hosts_become_rules_for_memory_of_a_bounded_score),
		with_set(exceptions_are_never_told),
		with_set(plain_lists_and_tables_are_recognised),
		with_set(a_quote_inside_of_a_field_does_not_take_lines_behind_it_along),
		with_set(lines_behind_a_quote_that_is_not_closed_are_used),
		with_set(misps_tables_are_read_by_to_ids),
		with_set(misps_events_are_read_by_to_ids),
		with_set(bundles_of_stix_are_read),
		with_set(trees_of_openioc_are_taken_apart),
		with_set(openioc_1_1_is_read),
		with_set(entities_and_broken_trees_are_refused),
		with_set(a_file_of_utf_16_is_named_as_such),
		with_set(expressions_that_fit_every_path_are_refused),
		with_set(a_line_that_is_too_long_or_no_text_is_left_out),
		with_set(problems_are_told_up_to_a_bound_and_counted_beyond),
		with_set(ways_are_bounded),
		with_set(the_number_of_names_of_hosts_is_bounded),
		with_set(nesting_is_bounded),
		with_set(terms_are_bounded),
		with_set(values_and_comments_are_bounded),
		with_set(short_names_and_wide_networks_are_refused),
		cmocka_unit_test(the_number_of_addresses_is_bounded),
		with_set(the_number_of_combined_ones_is_bounded),
		with_set(the_size_of_a_file_is_bounded),
	};

	return cmocka_run_group_tests_name("indicator_load", tests, NULL, NULL);
}
