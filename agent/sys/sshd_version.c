#include "sys/sshd_version.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "sys/process.h"
#include "sys/statefile.h"

#define WAIT_MS      3000
#define OUTPUT_LIMIT 16384
#define BINARY_LIMIT (16 * 1024 * 1024)

/* "9.2" at the start of the text. */
static int parse_numbers(const char *text, struct sshd_version *version)
{
	char *end;
	unsigned long major, minor;

	if (!isdigit((unsigned char)*text))
		return -1;
	major = strtoul(text, &end, 10);
	if (*end != '.' || !isdigit((unsigned char)end[1]))
		return -1;
	minor = strtoul(end + 1, NULL, 10);
	if (major > 9999 || minor > 9999)
		return -1;
	version->major = (unsigned)major;
	version->minor = (unsigned)minor;
	return 0;
}

int sshd_version_parse(const char *text, struct sshd_version *version)
{
	static const struct {
		const char *before;
		enum sshd_kind kind;
	} marks[] = {{"OpenSSH_", SSHD_OPENSSH}, {"Dropbear v", SSHD_DROPBEAR},
		{"dropbear_", SSHD_DROPBEAR}};

	*version = (struct sshd_version){0};
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const char *at = strstr(text, marks[i].before);

		if (!at || parse_numbers(at + strlen(marks[i].before), version) != 0)
			continue;
		version->kind = marks[i].kind;
		version->debian = strstr(at, " Debian-") || strstr(at, " Ubuntu-");
		return 0;
	}
	return -1;
}

bool sshd_version_is_openssh(const struct sshd_version *version, unsigned major, unsigned minor)
{
	return version->kind == SSHD_OPENSSH &&
	       (version->major > major || (version->major == major && version->minor >= minor));
}

char *sshd_version_name(const struct sshd_version *version, char *out, size_t size)
{
	if (version->kind == SSHD_NONE)
		snprintf(out, size, "no ssh server");
	else
		snprintf(out, size, "%s %u.%u",
			version->kind == SSHD_OPENSSH ? "OpenSSH" : "Dropbear", version->major,
			version->minor);
	return out;
}

static const char *first_program(const char *const places[])
{
	for (; *places; places++)
		if (access(*places, X_OK) == 0)
			return *places;
	return NULL;
}

const char *sshd_program(void)
{
	static const char *const places[] = {
		"/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd", "/sbin/sshd", NULL};

	return first_program(places);
}

static int ask(const char *program, struct sshd_version *version)
{
	struct buffer output = BUFFER_EMPTY;
	int result = -1;

	/* The status does not matter: up to 9.2, -V is an error, whose text has the version. */
	if (process_capture_all((const char *const[]){program, "-V", NULL}, NULL, WAIT_MS,
		    OUTPUT_LIMIT, &output, NULL) >= 0)
		result = sshd_version_parse(buffer_string(&output), version);
	buffer_free(&output);
	return result;
}

/* `sshd -V` does not name the distribution; the keyword that its patches add does. */
static bool has_debian_patches(const char *program)
{
	struct buffer binary = BUFFER_EMPTY;
	bool exists, found = false;

	if (statefile_read(program, BINARY_LIMIT, &binary, &exists, NULL) == 0 && binary.length)
		found = memmem(binary.data, binary.length, "debianbanner", 12) != NULL;
	buffer_free(&binary);
	return found;
}

const struct sshd_version *sshd_version_local(void)
{
	static const char *const dropbears[] = {"/usr/sbin/dropbear", "/usr/local/sbin/dropbear",
		"/usr/bin/dropbear", "/sbin/dropbear", NULL};
	static struct sshd_version version;
	static bool asked;
	const char *program = sshd_program();

	if (asked)
		return &version;
	asked = true;
	if (program && ask(program, &version) == 0)
		version.debian = version.debian || has_debian_patches(program);
	else if (!program && (program = first_program(dropbears)))
		ask(program, &version);
	return &version;
}
