/*
 * What says how sshd is set up: its configuration, with Include, Match and the options of
 * its command line; its title or arguments in /proc; what it calls itself. What is read of a
 * setting is read again when it is written down.
 */
#include "fuzz.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "sys/account.h"
#include "sys/sshd.h"
#include "sys/sshd_running.h"
#include "sys/sshd_settings.h"
#include "sys/sshd_version.h"

const char *__wrap_sshd_program(void);
bool __wrap_sshd_running_find(struct sshd_running *running);
int __wrap_glob(const char *pattern, int flags, int (*failed)(const char *, int), glob_t *found);

static char config_path[128], included_path[128];
static const char *arguments;
static size_t arguments_length;
static unsigned includes_left; /* reading files takes most of the time */

/* There is no sshd to ask: its files must do. */
const char *__wrap_sshd_program(void)
{
	return NULL;
}

bool __wrap_sshd_running_find(struct sshd_running *running)
{
	bool found = sshd_running_parse(arguments, arguments_length, running);

	/* Whatever the command line says, it is our file that is read. */
	for (size_t i = 0; i + 1 < running->count; i += 2)
		if (running->words[i][1] == 'f')
			running->words[i][1] = 'c';
	if (running->count + 2 <= SSHD_RUNNING_WORDS) {
		running->words[running->count++] = strdup("-f");
		running->words[running->count++] = strdup(config_path);
	}
	return found;
}

/* Every Include means the second part, or if it says so the first one again. */
int __wrap_glob(const char *pattern, int flags, int (*failed)(const char *, int), glob_t *found)
{
	static char *paths[2];

	(void)flags;
	(void)failed;
	paths[0] = strstr(pattern, "self") ? config_path : included_path;
	*found = (glob_t){.gl_pathc = 1, .gl_pathv = paths};
	return strstr(pattern, "none") || !includes_left-- ? GLOB_NOMATCH : 0;
}

/* globfree(3) frees what glob(3) made. */
void __wrap_globfree(glob_t *found);
void __wrap_globfree(glob_t *found)
{
	(void)found;
}

static void check_line(const struct sshd_setting *setting)
{
	struct sshd_lines again = {0};
	struct buffer text = BUFFER_EMPTY;

	require(!strpbrk(setting->keyword, " \t\n=") && !strchr(setting->value, '\n'));
	buffer_add_format(&text, "%s=%s", setting->keyword, setting->value);
	require(sshd_lines_parse(&again, text.data, NULL) == 0 && again.count == 1);
	require(strcmp(again.list[0].keyword, setting->keyword) == 0);
	require(strcmp(again.list[0].value, setting->value) == 0);
	sshd_lines_free(&again);
	buffer_free(&text);
}

static void check_path(const char *patterns, const struct account *account)
{
	char *path = sshd_expand_keys_path(patterns, account);

	require(!path || *path == '/');
	free(path);
}

static void check_settings(const struct account *account, bool deep)
{
	struct sshd_settings settings;
	char *path = NULL;

	includes_left = deep ? 1000000 : 4;
	sshd_settings_read(&settings, account, NULL);
	require(!settings.asked && !settings.lines.failed && !settings.files.failed);
	for (size_t i = 0; i < settings.files.count && i < 32; i++) {
		const struct sshd_setting *line = &settings.files.list[i];
		const char *value = sshd_settings_get(&settings, line->keyword);

		check_line(line);
		require(line->in_match || value);
		require(!value || sshd_settings_find(&settings, line->keyword));
		if (strcmp(line->keyword, "authorizedkeysfile") == 0)
			check_path(line->value, account);
	}
	sshd_settings_free(&settings);
	if (deep && sshd_keys_path(account, &path, NULL) == 0)
		require(*path == '/');
	free(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	snprintf(config_path, sizeof(config_path), "%s/sshd_config", fuzz_directory());
	snprintf(included_path, sizeof(included_path), "%s/included", fuzz_directory());
	return 0;
}

/* The configuration, what it includes, a command line, what sshd -V says: a long one also
 * means that everything is included. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[] = "alice", home[] = "/home/alice", shell[] = "/bin/sh";
	const struct account account = {.name = name, .home = home, .shell = shell, .uid = 1000};
	struct fuzz_input input = {data, size};
	struct sshd_version version;
	size_t length;
	char *part, *words;

	part = fuzz_part(&input, &length);
	fuzz_write(config_path, part, length);
	free(part);
	part = fuzz_part(&input, &length);
	fuzz_write(included_path, part, length);
	check_path(part, &account);
	free(part);
	words = fuzz_part(&input, &length);
	arguments = words;
	/* As /proc has it, with a NUL at the end. */
	arguments_length = length + 1;
	check_settings(&account, input.left > 100);
	free(words);
	part = fuzz_part(&input, NULL);
	if (sshd_version_parse(part, &version) == 0)
		require(version.kind != SSHD_NONE && version.major <= 9999);
	free(part);
	return 0;
}
