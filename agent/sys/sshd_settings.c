#include "sys/sshd_settings.h"

#include <ctype.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/text.h"
#include "sys/account.h"
#include "sys/process.h"
#include "sys/sshd_running.h"
#include "sys/sshd_version.h"

#define CONFIG_FILE   "/etc/ssh/sshd_config"
#define WAIT_MS       3000
#define TEXT_LIMIT    (256 * 1024)
#define INCLUDE_DEPTH 8
#define FILES_MAX     256 /* each may include several others, or itself */

static int add_line(struct sshd_lines *lines, const struct sshd_setting *line)
{
	struct sshd_setting *grown;

	if (!line->keyword || !line->value)
		goto fail;
	if (lines->count == lines->capacity) {
		size_t capacity = lines->capacity ? lines->capacity * 2 : 128;
		grown = reallocarray(lines->list, capacity, sizeof(*grown));
		if (!grown)
			goto fail;
		lines->list = grown;
		lines->capacity = capacity;
	}
	lines->list[lines->count++] = *line;
	return 0;
fail:
	free(line->keyword);
	free(line->value);
	free(line->file);
	lines->failed = true;
	return -1;
}

/* One line; comments and blank ones are none. */
static int parse_line(
	struct sshd_lines *lines, const char *text, size_t length, const char *file, long number)
{
	const char *end = text + length, *value;
	struct sshd_setting line = {.line = number};
	size_t word;

	while (text < end && isspace((unsigned char)*text))
		text++;
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	if (text == end || *text == '#')
		return 0;
	for (word = 0; text + word < end && !strchr(" \t=", text[word]); word++)
		;
	value = text + word;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	if (value < end && *value == '=')
		value++;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	line.keyword = strndup(text, word);
	line.value = strndup(value, (size_t)(end - value));
	line.file = file ? strdup(file) : NULL;
	for (char *at = line.keyword; at && *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return add_line(lines, &line);
}

int sshd_lines_parse(struct sshd_lines *lines, const char *text, const char *file)
{
	long number = 1;
	size_t length;

	for (; *text; number++) {
		length = strcspn(text, "\n");
		if (parse_line(lines, text, length, file, number) != 0)
			return -1;
		text += length + (text[length] == '\n');
	}
	return 0;
}

void sshd_lines_free(struct sshd_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		free(lines->list[i].keyword);
		free(lines->list[i].value);
		free(lines->list[i].file);
	}
	free(lines->list);
	*lines = (struct sshd_lines){0};
}

static void read_files(struct sshd_lines *lines, const char *path, bool in_match, int depth);

/* The files of an Include line, in order. sshd goes on with what stands behind it. */
static void read_included(struct sshd_lines *lines, const char *patterns, bool in_match, int depth)
{
	char *copy = strdup(patterns), *rest = copy, *pattern, absolute[512];
	glob_t matches;

	while (rest && (pattern = strsep(&rest, " \t\""))) {
		if (!*pattern)
			continue;
		snprintf(absolute, sizeof(absolute), "%s%s", *pattern == '/' ? "" : "/etc/ssh/",
			pattern);
		if (glob(absolute, 0, NULL, &matches) != 0)
			continue;
		for (size_t i = 0; i < matches.gl_pathc; i++)
			read_files(lines, matches.gl_pathv[i], in_match, depth + 1);
		globfree(&matches);
	}
	free(copy);
}

/* Never waits: the name may be anything's, and the agent asks as root. */
static bool read_text(const char *path, struct buffer *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat what;
	char *space;
	ssize_t got = -1;

	if (fd >= 0 && fstat(fd, &what) == 0 && S_ISREG(what.st_mode))
		do {
			space = buffer_reserve(text, 8192);
			got = space ? read(fd, space, 8192) : -1;
			text->length += got > 0 ? (size_t)got : 0;
		} while (got > 0 && text->length < TEXT_LIMIT);
	if (fd >= 0)
		close(fd);
	if (text->data)
		text->data[text->length] = '\0';
	return got >= 0;
}

static void read_files(struct sshd_lines *lines, const char *path, bool in_match, int depth)
{
	struct sshd_lines own = {0};
	struct buffer text = BUFFER_EMPTY;

	if (depth > INCLUDE_DEPTH || lines->files++ >= FILES_MAX || !read_text(path, &text))
		goto out;
	sshd_lines_parse(&own, buffer_string(&text), path);
	for (size_t i = 0; i < own.count; i++) {
		struct sshd_setting *line = &own.list[i];
		if (strcmp(line->keyword, "match") == 0)
			in_match = strcasecmp(line->value, "all") != 0;
		if (strcmp(line->keyword, "include") == 0)
			read_included(lines, line->value, in_match, depth);
		line->in_match = in_match;
		add_line(lines, line);
		*line = (struct sshd_setting){0};
	}
out:
	sshd_lines_free(&own);
	buffer_free(&text);
}

/* sshd's standard output, or why it refuses, which stands on its standard error. */
static int run_sshd(const char *program, const struct sshd_running *running, const char *who,
	struct buffer *output)
{
	const char *argv[SSHD_RUNNING_WORDS + 5] = {program};
	size_t count = 1;

	for (size_t i = 0; i < running->count; i++)
		argv[count++] = running->words[i];
	argv[count++] = "-T";
	argv[count++] = "-C";
	argv[count++] = who;
	return process_capture_all(argv, NULL, WAIT_MS, TEXT_LIMIT, output, NULL);
}

static void ask_settings(struct sshd_settings *settings, const struct sshd_running *running,
	const struct account *account, const char *address)
{
	struct buffer output = BUFFER_EMPTY;
	char who[512];
	size_t length;
	int status;

	snprintf(who, sizeof(who), "user=%s,host=%s,addr=%s", account->name,
		address ? address : "localhost", address ? address : "127.0.0.1");
	status = run_sshd(settings->program, running, who, &output);
	if (status == 0) {
		settings->asked =
			sshd_lines_parse(&settings->lines, buffer_string(&output), NULL) == 0;
	} else if (status > 0) {
		/* The last line is the reason. */
		for (length = output.length; length && output.data[length - 1] == '\n';)
			output.data[--length] = '\0';
		const char *last = strrchr(buffer_string(&output), '\n');
		last = last ? last + 1 : buffer_string(&output);
		text_visible(settings->why, sizeof(settings->why), last, strcspn(last, "\r"));
	}
	buffer_free(&output);
}

/* The command line first: its values win. */
static void read_sources(struct sshd_settings *settings, const struct sshd_running *running)
{
	for (size_t i = 0; i + 1 < running->count; i += 2) {
		if (running->words[i][1] == 'p')
			add_line(&settings->files, &(struct sshd_setting){.keyword = strdup("port"),
							   .value = strdup(running->words[i + 1])});
		if (running->words[i][1] == 'o')
			sshd_lines_parse(&settings->files, running->words[i + 1], NULL);
	}
	read_files(&settings->files, settings->config, false, 0);
}

static void take_release(struct sshd_settings *settings)
{
	const struct sshd_version *version = sshd_version_local();

	if (version->kind != SSHD_OPENSSH)
		return;
	snprintf(settings->release, sizeof(settings->release), "%s", sshd_release_local());
	settings->version = version->major * 100 + version->minor;
	settings->debian = version->debian;
}

/* The first value of each keyword outside of Match, as sshd takes them. */
static void take_files(struct sshd_settings *settings)
{
	for (size_t i = 0; i < settings->files.count; i++) {
		struct sshd_setting line = settings->files.list[i];
		if (line.in_match)
			continue;
		line.keyword = strdup(line.keyword);
		line.value = strdup(line.value);
		line.file = line.file ? strdup(line.file) : NULL;
		add_line(&settings->lines, &line);
	}
}

void sshd_settings_read(
	struct sshd_settings *settings, const struct account *account, const char *address)
{
	const char *program = sshd_program(), *config;
	struct sshd_running running;

	*settings = (struct sshd_settings){0};
	sshd_running_find(&running);
	config = sshd_running_option(&running, 'f');
	snprintf(settings->config, sizeof(settings->config), "%s", config ? config : CONFIG_FILE);
	read_sources(settings, &running);
	settings->program = program ? strdup(program) : NULL;
	if (settings->program) {
		take_release(settings);
		ask_settings(settings, &running, account, address);
	}
	if (!settings->asked) {
		sshd_lines_free(&settings->lines);
		take_files(settings);
	}
	sshd_running_free(&running);
}

void sshd_settings_free(struct sshd_settings *settings)
{
	free(settings->program);
	sshd_lines_free(&settings->lines);
	sshd_lines_free(&settings->files);
	*settings = (struct sshd_settings){0};
}

const char *sshd_settings_nth(const struct sshd_settings *settings, const char *keyword, size_t nth)
{
	for (size_t i = 0; i < settings->lines.count; i++)
		if (strcasecmp(settings->lines.list[i].keyword, keyword) == 0 && nth-- == 0)
			return settings->lines.list[i].value;
	return NULL;
}

const char *sshd_settings_get(const struct sshd_settings *settings, const char *keyword)
{
	return sshd_settings_nth(settings, keyword, 0);
}

const struct sshd_setting *sshd_settings_find(
	const struct sshd_settings *settings, const char *keyword)
{
	const char *value = sshd_settings_get(settings, keyword);
	const struct sshd_setting *first = NULL, *line;

	for (size_t i = 0; i < settings->files.count; i++) {
		line = &settings->files.list[i];
		if (strcasecmp(line->keyword, keyword) != 0)
			continue;
		if (line->in_match && value && strcasecmp(line->value, value) == 0)
			return line;
		if (!line->in_match && !first)
			first = line;
	}
	return first;
}
