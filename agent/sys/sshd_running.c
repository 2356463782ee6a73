#include "sys/sshd_running.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/text.h"
#include "sys/sshd_version.h"
#include "sys/statefile.h"

#define TITLE         "sshd: " /* a listening sshd's begins so, with its path behind it */
#define LISTENER      " [listener]"
#define CMDLINE_LIMIT 16384
#define WITH_VALUE    "CEbcfghkopu" /* sshd(8) */
#define SETTINGS      "cfhop"
#define NO_LISTENER   "GiRtTV"

static bool keep(struct sshd_running *running, char letter, const char *value)
{
	char option[] = {'-', letter, '\0'};

	if (running->count + 2 > SSHD_RUNNING_WORDS)
		return true;
	running->words[running->count] = strdup(option);
	running->words[running->count + 1] = strdup(value);
	running->count += 2;
	return running->words[running->count - 2] && running->words[running->count - 1];
}

/* The argument behind *at, which ends in a NUL. */
static const char *next_argument(const char **at, const char *end)
{
	const char *argument = *at;

	if (argument >= end)
		return NULL;
	*at += strlen(argument) + 1;
	return argument;
}

/* getopt(3)'s way through one argument with options. Returns false to give up. */
static bool take_options(
	struct sshd_running *running, const char *letters, const char **at, const char *end)
{
	for (; *letters; letters++) {
		const char *value = letters[1] ? letters + 1 : NULL;

		if (strchr(NO_LISTENER, *letters))
			return false;
		if (!strchr(WITH_VALUE, *letters))
			continue;
		if (!value)
			value = next_argument(at, end);
		return value && (!strchr(SETTINGS, *letters) || keep(running, *letters, value));
	}
	return true;
}

static bool take_arguments(struct sshd_running *running, const char *at, const char *end)
{
	const char *argument;

	while ((argument = next_argument(&at, end)))
		if (*argument != '-' || !argument[1])
			return false;
		else if (!take_options(running, argument + 1, &at, end))
			return false;
	return true;
}

/*
 * The title as arguments again. sshd takes no arguments but options and their values, so
 * a word without '-' belongs to the value before it.
 */
static void split_title(struct buffer *words, const char *title)
{
	const char *end = strstr(title, LISTENER);
	char *at;

	/* Without its end the title was cut, perhaps in the middle of a value. */
	buffer_add(words, title, end ? (size_t)(end - title) : strcspn(title, " "));
	buffer_add(words, "", 1);
	if (words->failed)
		return;
	for (at = words->data; (at = strchr(at, ' ')); at++) {
		bool option = at - words->data > 2 && at[-3] == '\0' && at[-2] == '-';
		if (option || at[1] == '-')
			*at = '\0';
	}
}

static bool is_sshd(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash ? slash + 1 : path, "sshd") == 0;
}

bool sshd_running_parse(const char *arguments, size_t length, struct sshd_running *running)
{
	struct buffer words = BUFFER_EMPTY;
	const char *at, *end, *first;
	bool found = false;

	*running = (struct sshd_running){0};
	if (!length || arguments[length - 1] != '\0')
		return false;
	if (strncmp(arguments, TITLE "/", strlen(TITLE) + 1) == 0)
		split_title(&words, arguments + strlen(TITLE));
	else
		buffer_add(&words, arguments, length);
	at = words.data;
	end = at + words.length;
	if (!words.failed && (first = next_argument(&at, end)))
		found = is_sshd(first) && take_arguments(running, at, end);
	buffer_free(&words);
	return found;
}

/* A file of /proc about a process of root's. */
static int read_proc(long pid, const char *name, struct buffer *content)
{
	char path[64];
	bool exists;

	snprintf(path, sizeof(path), "/proc/%ld/%s", pid, name);
	return statefile_read(path, CMDLINE_LIMIT, content, &exists, NULL);
}

/* A program that anybody may run as root (su, sudo) has the real uid of who ran it. */
static bool is_roots(long pid)
{
	struct buffer status = BUFFER_EMPTY;
	unsigned uid[4] = {1, 1, 1, 1};
	const char *line;

	read_proc(pid, "status", &status);
	line = strstr(buffer_string(&status), "\nUid:");
	if (line)
		sscanf(line + 5, "%u %u %u %u", &uid[0], &uid[1], &uid[2], &uid[3]);
	buffer_free(&status);
	return !uid[0] && !uid[1] && !uid[2] && !uid[3];
}

/* The arguments of a process whose memory hangs cannot be read: only an sshd is asked. */
static bool is_named_sshd(long pid)
{
	struct buffer name = BUFFER_EMPTY;
	bool is = read_proc(pid, "comm", &name) == 0 && strcmp(buffer_string(&name), "sshd\n") == 0;

	buffer_free(&name);
	return is;
}

/* Whether a link of /proc is what it must be; one that we may not read can be. */
static bool can_be(long pid, const char *name, const char *wanted)
{
	char path[64], target[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%ld/%s", pid, name);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return true;
	target[length] = '\0';
	/* Of a program that was replaced since, " (deleted)" stands behind it. */
	return strncmp(target, wanted, strlen(wanted)) == 0;
}

static bool read_process(long pid, const char *namespace, struct sshd_running *running)
{
	const char *named = is_named_sshd(pid) ? sshd_program() : NULL;
	char *program = named ? realpath(named, NULL) : NULL;
	struct buffer arguments = BUFFER_EMPTY;
	bool found = false;

	if (program && is_roots(pid) && can_be(pid, "ns/pid", namespace) &&
		can_be(pid, "exe", program) && read_proc(pid, "cmdline", &arguments) == 0)
		found = sshd_running_parse(buffer_string(&arguments), arguments.length, running);
	if (!found)
		sshd_running_free(running);
	free(program);
	buffer_free(&arguments);
	return found;
}

bool sshd_running_find(struct sshd_running *running)
{
	char namespace[64] = "";
	ssize_t length = readlink("/proc/self/ns/pid", namespace, sizeof(namespace) - 1);
	DIR *directory = opendir("/proc");
	const struct dirent *entry;
	bool found = false;
	long pid;

	*running = (struct sshd_running){0};
	namespace[length > 0 ? length : 0] = '\0';
	while (directory && !found && (entry = readdir(directory)))
		found = text_number(entry->d_name, 1, INT_MAX, &pid) == 0 &&
			read_process(pid, namespace, running);
	if (directory)
		closedir(directory);
	return found;
}

const char *sshd_running_option(const struct sshd_running *running, char letter)
{
	for (size_t i = 0; i + 1 < running->count; i += 2)
		if (running->words[i][1] == letter)
			return running->words[i + 1];
	return NULL;
}

void sshd_running_free(struct sshd_running *running)
{
	for (size_t i = 0; i < running->count; i++)
		free(running->words[i]);
	*running = (struct sshd_running){0};
}
