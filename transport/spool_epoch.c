/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts of the spool as a whole: where it belongs, and its place in the chain. */
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "transport/spool_db.h"

mh_err
spool_db_meta_put(struct spool *sp, const char *key, const char *text)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_META_PUT);

	spool_db_bind_text(stmt, 1, key);
	spool_db_bind_text(stmt, 2, text);
	return spool_db_run(sp, stmt);
}

mh_err
spool_db_meta_put_int(struct spool *sp, const char *key, int64_t v)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_META_PUT);

	spool_db_bind_text(stmt, 1, key);
	spool_db_bind_int(stmt, 2, v);
	return spool_db_run(sp, stmt);
}

mh_err
spool_db_meta_put_bytes(struct spool *sp, const char *key, const void *p, size_t len)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_META_PUT);

	spool_db_bind_text(stmt, 1, key);
	spool_db_bind_bytes(stmt, 2, p, len);
	return spool_db_run(sp, stmt);
}

/* At most size bytes of the value, zeros behind; *ret_int is it as a number. */
static mh_err
meta_get(struct spool *sp, const char *key, void *ret, size_t size, int64_t *ret_int)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_META_GET);
	mh_err err;

	spool_db_bind_text(stmt, 1, key);
	err = spool_db_row(sp, stmt);
	if (err != MH_OK)
		return err;
	if (ret_int != NULL)
		*ret_int = sqlite3_column_int64(stmt, 0);
	if (ret != NULL) {
		const void *p = sqlite3_column_blob(stmt, 0);
		size_t len = (size_t)sqlite3_column_bytes(stmt, 0);

		memset(ret, 0, size);
		if (len > 0)
			memcpy(ret, p, len < size ? len : size);
	}
	(void)sqlite3_reset(stmt);
	return MH_OK;
}

mh_err
spool_next_header(struct spool *sp, struct report_header *header)
{
	int64_t last = 0;
	char epoch[UUID_TEXT_LEN];
	uint8_t previous[DIGEST_BYTES];
	mh_err err = meta_get(sp, "epoch", epoch, sizeof(epoch) - 1, NULL);

	epoch[sizeof(epoch) - 1] = 0;
	if (err == MH_OK)
		err = meta_get(sp, "sequence", NULL, 0, &last);
	if (err == MH_OK)
		err = meta_get(sp, "previous", previous, sizeof(previous), NULL);
	if (err != MH_OK)
		return err == MH_ERR_NOTFOUND ? MH_ERR_CORRUPT : err;
	memcpy(header->epoch, epoch, sizeof(epoch));
	memcpy(header->previous, previous, sizeof(previous));
	header->sequence = (uint64_t)last + 1;
	return MH_OK;
}

static mh_err
draw_epoch(struct spool *sp)
{
	static const uint8_t zeros[DIGEST_BYTES];
	char epoch[UUID_TEXT_LEN];
	mh_err err;

	uuid_new(epoch);
	err = spool_db_meta_put(sp, "epoch", epoch);
	if (err == MH_OK)
		err = spool_db_meta_put_int(sp, "sequence", 0);
	if (err == MH_OK)
		err = spool_db_meta_put_bytes(sp, "previous", zeros, sizeof(zeros));
	return err;
}

static mh_err
begin_epoch(struct spool *sp, const void *arg)
{
	(void)arg;
	return draw_epoch(sp);
}

mh_err
spool_new_epoch(struct spool *sp)
{
	return spool_db_transact(sp, begin_epoch, NULL);
}

/* Where the file lies: whoever continues an epoch has to be here. */
struct home {
	int64_t inode;
	const char *host_id;
};

static mh_err
move_home(struct spool *sp, const void *arg)
{
	const struct home *home = arg;
	mh_err err = draw_epoch(sp);

	if (err == MH_OK)
		err = spool_db_meta_put_int(sp, "inode", home->inode);
	if (err == MH_OK)
		err = spool_db_meta_put(sp, "host_id", home->host_id);
	return err;
}

mh_err
spool_db_settle(struct spool *sp, const char *host_id, bool *ret_is_new)
{
	struct stat st;
	char stored_host[128] = "";
	int64_t inode = 0;
	mh_err err;

	if (stat(sp->path, &st) < 0)
		return MH_ERR_SYSTEM;
	const struct home home = { (int64_t)st.st_ino, host_id };

	err = meta_get(sp, "inode", NULL, 0, &inode);
	if (err == MH_OK)
		err = meta_get(sp, "host_id", stored_host, sizeof(stored_host) - 1, NULL);
	if (err != MH_OK && err != MH_ERR_NOTFOUND)
		return err;
	*ret_is_new = err == MH_ERR_NOTFOUND || inode != home.inode ||
		      strncmp(stored_host, host_id, sizeof(stored_host) - 1) != 0;
	return *ret_is_new ? spool_db_transact(sp, move_home, &home) : MH_OK;
}
