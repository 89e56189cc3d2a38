/* SPDX-License-Identifier: BSD-2-Clause */
/* What the quick look accepts, jansson has to accept with the same meaning. */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "transport/json_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its own size, so that a byte read behind it is noticed. */
	char *text = malloc(size > 0 ? size : 1);
	struct json_line line;

	assert(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	if (json_line_read(text, size, &line)) {
		json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
		const json_t *type = json_object_get(json, "type");

		assert(json_is_object(json));
		assert(json_integer_value(json_object_get(json, "class_uid")) ==
		       line.class_uid);
		assert(json_is_string(type) == (line.type != NULL));
		assert(line.type == NULL || (json_string_length(type) == line.type_len &&
						memcmp(json_string_value(type), line.type,
						    line.type_len) == 0));
		json_decref(json);
	}
	free(text);
	return 0;
}
