/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a finding counts as much as it does: docs/RULES.md, "Scores". */
#include <stdlib.h>
#include <string.h>

#include "agent/ocsf_impl.h"
#include "base/memory.h"
#include "base/text.h"

void
finding_target_score(const struct finding_context *ctx, const struct scan_answer *answer,
    struct target_score *ret)
{
	*ret = (struct target_score){ .score = 0 };
	for (uint32_t i = 0; i < answer->n_matches; i++) {
		const struct match *m = answer->matches[i];
		MH_CLEANUP(freep) char *path = finding_path(answer->target, m);
		struct finding_score score;

		finding_score(ctx->overrides, m, path, ctx->now_ms, &score);
		if (score.suppressed == NULL && !score.is_disabled)
			target_score_add(ret, score.score);
	}
	target_score_finish(ret);
}

bool
finding_is_suppressed(const json_t *finding)
{
	return json_integer_value(json_object_get(finding, "status_id")) ==
	       STATUS_SUPPRESSED;
}

/* {"source":"override","score":40,"was":"score","reason":"...","until":"..."} */
static json_t *
source_json(const struct finding_score *s)
{
	json_t *why = json_object();

	if (s->scored == NULL) {
		set_text(why, "source", s->source);
		return why;
	}
	set_text(why, "source", "override");
	set_text(why, "was", s->source);
	set(why, "reason", text_json(s->scored->reason));
	if (s->scored->until[0] != 0)
		set_text(why, "until", s->scored->until);
	return why;
}

/* What the rules of the same target make together, as risk_score of OCSF. */
static void
set_risk(json_t *f, json_t *unmapped, const struct target_score *t)
{
	json_t *parts = json_array();
	json_t *risk = json_object();
	int severity = severity_id_of(t->score);

	for (unsigned i = 0; i < t->n_parts; i++)
		(void)json_array_append_new(parts, json_integer(t->parts[i]));
	set_int(f, "risk_score", t->score);
	set_int(f, "risk_level_id", severity - 1);
	set_text(f, "risk_level", severity > 1 ? severity_name(severity) : "Info");
	set(risk, "scores", parts);
	set_int(risk, "rules", t->n_rules);
	set(unmapped, "risk", risk);
}

void
score_to_json(const struct finding_context *ctx, const struct finding_score *s, json_t *f)
{
	json_t *unmapped = json_object_get(f, "unmapped");

	set(unmapped, "score_why", source_json(s));
	if (ctx->target != NULL && ctx->target->n_rules > 0)
		set_risk(f, unmapped, ctx->target);
	if (s->suppressed == NULL)
		return;
	set_int(f, "status_id", STATUS_SUPPRESSED);
	set_text(f, "status", "Suppressed");
	set(f, "status_detail", text_json(s->suppressed->reason));
	set(f, "is_alert", json_false());
	set(unmapped, "suppressed",
	    json_pack("{s:o, s:s}", "reason", text_json(s->suppressed->reason), "until",
		s->suppressed->until));
}
