/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from a process of ours. */
#include "records/setup.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { ENGINE_NAME_MAX = 64 };

void
scan_setup_init(struct scan_setup *setup)
{
	*setup = (struct scan_setup){
		.max_file_bytes = SCAN_FILE_BYTES_DEFAULT,
		.memory_bytes = SCAN_MEMORY_DEFAULT,
		.heavy_bytes = SCAN_HEAVY_DEFAULT,
		.timeout_ms = SCAN_TIMEOUT_DEFAULT_MS,
		.data_bytes = SCAN_DATA_DEFAULT,
		.data_mode = DATA_BYTES,
		.archives = true,
	};
}

void
scan_setup_encode(const struct scan_setup *setup, struct buf *b)
{
	buf_put_u64(b, setup->max_file_bytes);
	buf_put_u64(b, setup->memory_bytes);
	buf_put_u64(b, setup->heavy_bytes);
	buf_put_u32(b, setup->timeout_ms);
	buf_put_u32(b, setup->data_bytes);
	buf_put_u8(b, setup->data_mode);
	buf_put_u8(b, setup->hash_all);
	buf_put_u8(b, setup->archives);
	buf_put_u8(b, setup->is_background);
}

void
scan_setup_decode(struct reader *r, struct scan_setup *ret)
{
	ret->max_file_bytes = reader_u64(r);
	ret->memory_bytes = reader_u64(r);
	ret->heavy_bytes = reader_u64(r);
	ret->timeout_ms = reader_u32(r);
	ret->data_bytes = reader_u32(r);
	ret->data_mode = reader_u8(r);
	ret->hash_all = reader_u8(r) != 0;
	ret->archives = reader_u8(r) != 0;
	ret->is_background = reader_u8(r) != 0;
	if (ret->data_mode >= DATA_MAX_ || ret->data_bytes > MATCH_DATA_MAX ||
	    ret->timeout_ms < SCAN_TIMEOUT_MIN_MS ||
	    ret->timeout_ms > SCAN_TIMEOUT_MAX_MS ||
	    ret->max_file_bytes < SCAN_FILE_BYTES_MIN ||
	    ret->max_file_bytes > SCAN_FILE_BYTES_MAX)
		r->failed = true;
}

void
ruleset_facts_clear(struct ruleset_facts *facts)
{
	free(facts->engine);
	facts->engine = NULL;
}

void
ruleset_facts_encode(const struct ruleset_facts *facts, struct buf *b)
{
	buf_put(b, facts->id, sizeof(facts->id));
	buf_put_u32(b, facts->n_rules);
	buf_put_u32(b, facts->n_files);
	buf_put_u32(b, facts->n_left_out);
	buf_put_u32(b, facts->n_in_memory);
	buf_put_u32(b, facts->externals);
	for (unsigned i = 1; i < INDICATOR_MAX_; i++)
		buf_put_u32(b, facts->n_indicators[i]);
	buf_put_u32(b, facts->n_indicator_files);
	buf_put_u32(b, facts->n_exceptions);
	buf_put_u8(b, facts->wants_names);
	buf_put_u8(b, facts->wants_processes);
	buf_put_u8(b, facts->has_landlock);
	buf_put_u8(b, facts->has_seccomp);
	buf_put_string(b, facts->engine);
}

void
ruleset_facts_decode(struct reader *r, struct ruleset_facts *ret)
{
	const uint8_t *id = reader_raw(r, sizeof(ret->id));

	memset(ret, 0, sizeof(*ret));
	if (id != NULL)
		memcpy(ret->id, id, sizeof(ret->id));
	ret->n_rules = reader_u32(r);
	ret->n_files = reader_u32(r);
	ret->n_left_out = reader_u32(r);
	ret->n_in_memory = reader_u32(r);
	ret->externals = reader_u32(r);
	for (unsigned i = 1; i < INDICATOR_MAX_; i++)
		ret->n_indicators[i] = reader_u32(r);
	ret->n_indicator_files = reader_u32(r);
	ret->n_exceptions = reader_u32(r);
	ret->wants_names = reader_u8(r) != 0;
	ret->wants_processes = reader_u8(r) != 0;
	ret->has_landlock = reader_u8(r) != 0;
	ret->has_seccomp = reader_u8(r) != 0;
	ret->engine = reader_string(r, ENGINE_NAME_MAX);
}
