/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile. */
#include "transport/report.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

/* The header as jansson hands it out: texts are borrowed from the object. */
struct raw_header {
	const char *type, *agent, *epoch, *previous, *sealed, *rule_set;
	json_int_t version, sequence, findings, coverage;
	const char *hostname, *machine_id, *boot_id, *os, *kernel;
	const char *name, *product_version;
};

/* "!" refuses keys that are not named: a header is exactly what version 1 says. */
static bool
unpack(json_t *json, struct raw_header *raw)
{
	return json_unpack_ex(json, NULL, 0,
		   "{s:s, s:I, s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:s,"
		   " s:{s:s, s:s, s:s, s:s, s:s !}, s:{s:s, s:s !} !}",
		   "type", &raw->type, "version", &raw->version, "agent", &raw->agent,
		   "epoch", &raw->epoch, "sequence", &raw->sequence, "previous",
		   &raw->previous, "sealed", &raw->sealed, "findings", &raw->findings,
		   "coverage", &raw->coverage, "rule_set", &raw->rule_set, "host",
		   "hostname", &raw->hostname, "machine_id", &raw->machine_id, "boot_id",
		   &raw->boot_id, "os", &raw->os, "kernel", &raw->kernel, "product",
		   "name", &raw->name, "version", &raw->product_version) == 0;
}

static bool
copy_text(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);

	if (len >= size)
		return false;
	memcpy(to, from, len + 1);
	return true;
}

static bool
copy_uuid(char to[UUID_TEXT_LEN], const char *from)
{
	return uuid_is_valid(from) && copy_text(to, UUID_TEXT_LEN, from);
}

static bool
copy_hex(char *to, size_t n_digits, const char *from)
{
	return strlen(from) == n_digits && strspn(from, "0123456789abcdef") == n_digits &&
	       copy_text(to, n_digits + 1, from);
}

/* The text of a digest; upper case is refused, so that one has one text. */
static bool
copy_digest(uint8_t to[DIGEST_BYTES], const char *from)
{
	char hex[2 * DIGEST_BYTES + 1];

	return copy_hex(hex, sizeof(hex) - 1, from) &&
	       text_unhex(hex, to, DIGEST_BYTES) == MH_OK;
}

static bool
copy_numbers(struct report_header *h, const struct raw_header *raw)
{
	if (raw->sequence < 1 || raw->findings < 0 || raw->coverage < 0 ||
	    raw->findings > REPORT_LINES_MAX || raw->coverage > REPORT_LINES_MAX ||
	    raw->findings + raw->coverage > REPORT_LINES_MAX)
		return false;
	h->sequence = (uint64_t)raw->sequence;
	h->n_findings = (uint32_t)raw->findings;
	h->n_coverage = (uint32_t)raw->coverage;
	return true;
}

static const char *
copy_all(struct report_header *h, const struct raw_header *raw)
{
	if (!copy_uuid(h->agent, raw->agent))
		return "the header's agent is not an agent id";
	if (!copy_uuid(h->epoch, raw->epoch))
		return "the header's epoch is not a version 4 UUID";
	if (!copy_numbers(h, raw))
		return "a number in the header is out of range";
	if (!copy_digest(h->previous, raw->previous))
		return "the header's previous is not a SHA-256";
	if (clock_parse(raw->sealed, &h->sealed_ms) != MH_OK)
		return "the header's sealed is not a time";
	if (!copy_hex(h->rule_set, sizeof(h->rule_set) - 1, raw->rule_set))
		return "the header's rule_set is not a SHA-256";
	if (!copy_text(h->host.hostname, sizeof(h->host.hostname), raw->hostname) ||
	    /* A machine without /etc/machine-id, or without /proc, has none: "". */
	    (raw->machine_id[0] != 0 &&
		!copy_hex(h->host.machine_id, sizeof(h->host.machine_id) - 1,
		    raw->machine_id)) ||
	    (raw->boot_id[0] != 0 && !copy_uuid(h->host.boot_id, raw->boot_id)) ||
	    !copy_text(h->host.os, sizeof(h->host.os), raw->os) ||
	    !copy_text(h->host.kernel, sizeof(h->host.kernel), raw->kernel))
		return "the header's host is not of the form of version 1";
	if (!copy_text(h->product, sizeof(h->product), raw->name) ||
	    !copy_text(h->product_version, sizeof(h->product_version),
		raw->product_version))
		return "the header's product is not of the form of version 1";
	return NULL;
}

mh_err
report_header_parse(const char *line, size_t len, struct report_header *ret,
    const char **ret_why)
{
	MH_CLEANUP(json_decrefp)
	json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	struct raw_header raw;
	struct report_header header;
	const char *why = NULL;

	memset(&header, 0, sizeof(header));
	if (!json_is_object(json))
		why = "the first line is not a JSON object";
	else if (!unpack(json, &raw) || strcmp(raw.type, "report") != 0)
		why = "the first line is not a report header of version 1";
	else if (raw.version != 1)
		why = "the report is of a version that is not known here";
	else
		why = copy_all(&header, &raw);
	if (why != NULL) {
		*ret_why = why;
		return MH_ERR_FORMAT;
	}
	*ret = header;
	return MH_OK;
}

void
report_header_put(const struct report_header *h, struct buf *out)
{
	char sealed[CLOCK_TEXT_LEN];
	MH_CLEANUP(freep) char *previous = text_hex(h->previous, DIGEST_BYTES);

	clock_format(h->sealed_ms, sealed);
	MH_CLEANUP(json_decrefp)
	json_t *json = json_pack("{s:s, s:i, s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:s,"
				 " s:{s:s, s:s, s:s, s:s, s:s}, s:{s:s, s:s}}",
	    "type", "report", "version", 1, "agent", h->agent, "epoch", h->epoch,
	    "sequence", (json_int_t)h->sequence, "previous", previous, "sealed", sealed,
	    "findings", (json_int_t)h->n_findings, "coverage", (json_int_t)h->n_coverage,
	    "rule_set", h->rule_set, "host", "hostname", h->host.hostname, "machine_id",
	    h->host.machine_id, "boot_id", h->host.boot_id, "os", h->host.os, "kernel",
	    h->host.kernel, "product", "name", h->product, "version", h->product_version);
	/* jansson keeps the order in which the keys went in. */
	MH_CLEANUP(freep)
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

	/* NULL would mean text that is not UTF-8, which the caller promised it is. */
	assert(text != NULL);
	buf_add(out, text);
	buf_add(out, "\n");
}
