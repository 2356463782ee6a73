#include "sys/sshd_version.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/text.h"
#include "sys/process.h"

#define WAIT_MS      3000
#define OUTPUT_LIMIT 16384

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

static struct {
	bool known, asked;
	struct sshd_answer answer;
	struct sshd_version version;
} local;

static void identify(const char *program, char *out, size_t size)
{
	struct stat file = {0};

	*out = '\0';
	if (program && stat(program, &file) == 0)
		snprintf(out, size, "%llx:%llx:%llx:%llx.%lx", (unsigned long long)file.st_dev,
			(unsigned long long)file.st_ino, (unsigned long long)file.st_size,
			(unsigned long long)file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
}

/*
 * The usage of every sshd names its release, and its distribution, which -V leaves out;
 * dropbear has only -V. The status does not matter.
 */
static void ask(const char *program, bool dropbear)
{
	struct buffer output = BUFFER_EMPTY;
	const char *argv[] = {program, dropbear ? "-V" : "-?", NULL}, *at;

	process_capture_all(argv, NULL, WAIT_MS, OUTPUT_LIMIT, &output, NULL);
	at = strstr(buffer_string(&output), dropbear ? "Dropbear v" : "OpenSSH_");
	if (at)
		text_visible(
			local.answer.release, sizeof(local.answer.release), at, strcspn(at, ",\n"));
	local.asked = at != NULL;
	buffer_free(&output);
}

static const char *find_dropbear(void)
{
	static const char *const places[] = {"/usr/sbin/dropbear", "/usr/local/sbin/dropbear",
		"/usr/bin/dropbear", "/sbin/dropbear", NULL};

	return first_program(places);
}

bool sshd_version_is_known(void)
{
	const char *program = sshd_program();
	char now[sizeof(local.answer.program)];

	identify(program ? program : find_dropbear(), now, sizeof(now));
	return local.known && strcmp(now, local.answer.program) == 0;
}

static void look(void)
{
	const char *program = sshd_program(), *dropbear = program ? NULL : find_dropbear();
	char now[sizeof(local.answer.program)];

	if (sshd_version_is_known())
		return;
	identify(program ? program : dropbear, now, sizeof(now));
	sshd_version_remember("", now, false);
	if (*now)
		ask(program ? program : dropbear, dropbear != NULL);
	sshd_version_parse(local.answer.release, &local.version);
}

const struct sshd_version *sshd_version_local(void)
{
	look();
	return &local.version;
}

const char *sshd_release_local(void)
{
	look();
	return local.answer.release;
}

const struct sshd_answer *sshd_version_answer(void)
{
	look();
	return &local.answer;
}

const struct sshd_answer *sshd_version_asked(void)
{
	return local.asked ? &local.answer : NULL;
}

void sshd_version_remember(const char *release, const char *program, bool asked)
{
	snprintf(local.answer.release, sizeof(local.answer.release), "%s", release);
	snprintf(local.answer.program, sizeof(local.answer.program), "%s", program);
	sshd_version_parse(local.answer.release, &local.version);
	local.known = true;
	local.asked = asked;
}
