/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/host.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/memory.h"

enum { FACT_FILE_MAX = 16 * 1024, HASH_BYTES = 32 };

/* The content of a small file without its last line end; "" when there is none. */
static char *
read_fact(const char *path)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(FACT_FILE_MAX);

	if (file_read(path, b) != MH_OK)
		return xstrdup("");
	return xstrndup(buf_string(b), strcspn(buf_string(b), "\n"));
}

/* The value of KEY=value or KEY="value" in an os-release(5) text. */
static char *
os_release_value(const char *text, const char *key)
{
	size_t key_len = strlen(key);

	for (const char *line = text; line != NULL && *line != 0;) {
		if (strncmp(line, key, key_len) == 0 && line[key_len] == '=') {
			const char *value = line + key_len + 1;

			value += *value == '"';
			return xstrndup(value, strcspn(value, "\"\n"));
		}
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
	return xstrdup("");
}

/*
 * machine-id(5) must not be handed out as it is: a hash with our name in front
 * of it is, in the form of a UUID.
 */
static char *
make_device_uid(const char *machine_id)
{
	MH_CLEANUP(freep) char *text = xasprintf("molehunt device %s", machine_id);
	uint8_t d[EVP_MAX_MD_SIZE] = { 0 };

	(void)EVP_Digest(text, strlen(text), d, NULL, EVP_sha256(), NULL);
	return xasprintf(
	    "%02x%02x%02x%02x-%02x%02x-8%01x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", d[0],
	    d[1], d[2], d[3], d[4], d[5], d[6] & 15, d[7], (d[8] & 0x3f) | 0x80, d[9],
	    d[10], d[11], d[12], d[13], d[14], d[15]);
}

void
host_init(struct host *h)
{
	MH_CLEANUP(buf_freep) struct buf *release = buf_new(FACT_FILE_MAX);
	struct utsname names;

	if (file_read("/etc/os-release", release) != MH_OK)
		buf_reset(release);
	if (uname(&names) < 0)
		memset(&names, 0, sizeof(names));
	h->hostname = xstrdup(names.nodename);
	h->kernel = xstrdup(names.release);
	h->machine_id = read_fact("/etc/machine-id");
	/* An image that has not booted yet says "uninitialized" (machine-id(5)). */
	if (strlen(h->machine_id) != 32 ||
	    strspn(h->machine_id, "0123456789abcdef") != 32)
		h->machine_id[0] = 0;
	h->boot_id = read_fact("/proc/sys/kernel/random/boot_id");
	h->os_name = os_release_value(buf_string(release), "NAME");
	h->os_version = os_release_value(buf_string(release), "VERSION_ID");
	h->os_pretty = os_release_value(buf_string(release), "PRETTY_NAME");
	h->device_uid =
	    make_device_uid(h->machine_id[0] != 0 ? h->machine_id : h->hostname);
}

void
host_clear(struct host *h)
{
	free(h->hostname);
	free(h->machine_id);
	free(h->boot_id);
	free(h->os_name);
	free(h->os_version);
	free(h->os_pretty);
	free(h->kernel);
	free(h->device_uid);
	memset(h, 0, sizeof(*h));
}
