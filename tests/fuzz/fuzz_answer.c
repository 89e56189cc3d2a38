/* SPDX-License-Identifier: BSD-2-Clause */
/* What a checker that was taken over may say, and what it may be told. */
#include "records/answer.h"
#include "records/checking.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r;
	struct answer answer;
	struct check_file file;
	struct check_beside beside;
	struct check_request request;

	reader_init(&r, data, size);
	answer_decode(&r, &answer);
	answer_clear(&answer);
	reader_init(&r, data, size);
	check_file_decode(&r, &file);
	check_file_clear(&file);
	reader_init(&r, data, size);
	check_beside_decode(&r, &beside);
	check_beside_clear(&beside);
	reader_init(&r, data, size);
	check_request_decode(&r, &request);
	check_request_clear(&request);
	return 0;
}
