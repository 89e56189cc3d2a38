/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent, command line.
 * Input: from scan workers: bytes of any kind in names and values.
 */
#include "agent/ocsf_indicator.h"

#include "agent/ocsf_impl.h"
#include "agent/ocsf_process.h"
#include "agent/process_table.h"

static const char *
meta(const struct match *m, const char *name)
{
	const char *text = match_meta_text(m, name);

	return text != NULL ? text : "?";
}

char *
indicator_message(const struct match *m, const char *path)
{
	switch (m->indicator) {
	case INDICATOR_MD5:
	case INDICATOR_SHA1:
	case INDICATOR_SHA256:
		return xasprintf("%s is on a list of hashes (%s): %s", path,
		    indicator_type_name(m->indicator), m->name_space);
	case INDICATOR_FILE_NAME:
		return xasprintf("%s has a name that is on a list: %s", path,
		    m->name_space);
	case INDICATOR_ADDRESS:
		return xasprintf("%s is connected to %s, which is on a list: %s", path,
		    meta(m, "remote"), m->name_space);
	case INDICATOR_DOMAIN:
	case INDICATOR_NONE:
	case INDICATOR_MAX_:
		break;
	}
	return xasprintf("%s matches %s", path, m->rule);
}

json_t *
indicator_analytic_json(const struct match *m)
{
	json_t *analytic = json_object();
	MH_CLEANUP(freep) char *uid = xasprintf("%s/%s", m->name_space, m->rule);
	bool is_hash = m->indicator >= INDICATOR_MD5 && m->indicator <= INDICATOR_SHA256;
	bool is_name = m->indicator == INDICATOR_FILE_NAME;

	set_int(analytic, "type_id",
	    is_hash   ? ANALYTIC_FINGERPRINTING
	    : is_name ? ANALYTIC_REGEX
		      : ANALYTIC_EXACT);
	set_text(analytic, "type",
	    is_hash   ? "Fingerprinting"
	    : is_name ? "Regular Expressions"
		      : "Exact Data Match");
	set_text(analytic, "category", "Indicator");
	set_text(analytic, "name", m->rule);
	set_text(analytic, "uid", uid);
	set_text(analytic, "desc", match_meta_text(m, "description"));
	return analytic;
}

void
process_to_evidence(const struct finding_context *ctx, const struct scan_answer *answer,
    json_t *evidence, json_t *data)
{
	const struct process *ancestors[PROCESS_ANCESTORS_MAX];
	const struct process *p = answer->process;

	set_text(evidence, "name", "process");
	if (p == NULL)
		return;
	size_t n = process_table_ancestors(answer->processes, p, ancestors,
	    PROCESS_ANCESTORS_MAX);

	set(evidence, "process", process_to_json(p, ctx->host->boot_id, ancestors, n));
	set(data, "process", process_facts_to_json(p));
}

json_t *
indicators_to_json(const struct ruleset_facts *facts)
{
	json_t *counts = json_object();

	set_int(counts, "files", facts->n_indicator_files);
	for (unsigned i = 1; i < INDICATOR_MAX_; i++)
		set_int(counts, indicator_type_name((enum indicator_type)i),
		    facts->n_indicators[i]);
	set_int(counts, "exceptions", facts->n_exceptions);
	return counts;
}
