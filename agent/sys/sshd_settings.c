#include "sys/sshd_settings.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "sys/account.h"
#include "sys/process.h"
#include "sys/sshd_version.h"
#include "sys/statefile.h"

#define CONFIG_FILE   "/etc/ssh/sshd_config"
#define WAIT_MS       3000
#define TEXT_LIMIT    (256 * 1024)
#define INCLUDE_DEPTH 8

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

static bool read_text(const char *path, struct buffer *text)
{
	FILE *file = fopen(path, "re");
	char *space;
	size_t got;

	if (!file)
		return false;
	do {
		space = buffer_reserve(text, 8192);
		got = space ? fread(space, 1, 8192, file) : 0;
		text->length += got;
	} while (got && text->length < TEXT_LIMIT);
	fclose(file);
	if (text->data)
		text->data[text->length] = '\0';
	return true;
}

static void read_files(struct sshd_lines *lines, const char *path, bool in_match, int depth)
{
	struct sshd_lines own = {0};
	struct buffer text = BUFFER_EMPTY;

	if (depth > INCLUDE_DEPTH || !read_text(path, &text))
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

/* Runs sshd; why it refuses stands on its standard error. */
static int run_program(const char *program, const char *option, const char *argument,
	const char *value, struct buffer *output)
{
	const char *argv[] = {program, option, argument, value, NULL};

	return process_capture_all(argv, NULL, WAIT_MS, TEXT_LIMIT, output, NULL);
}

/* Its release stands in the usage, of every release; -V is newer and says less. */
static void ask_release(struct sshd_settings *settings)
{
	struct sshd_version version;
	struct buffer output = BUFFER_EMPTY;
	const char *at;

	run_program(settings->program, "-?", NULL, NULL, &output);
	at = strstr(buffer_string(&output), "OpenSSH_");
	if (at)
		text_visible(settings->release, sizeof(settings->release), at, strcspn(at, ",\n"));
	if (sshd_version_parse(settings->release, &version) == 0)
		settings->version = version.major * 100 + version.minor;
	settings->debian =
		strstr(settings->release, "Debian") || strstr(settings->release, "Ubuntu");
	buffer_free(&output);
}

static void ask_settings(
	struct sshd_settings *settings, const struct account *account, const char *address)
{
	struct buffer output = BUFFER_EMPTY;
	char who[512];
	size_t length;
	int status;

	snprintf(who, sizeof(who), "user=%s,host=%s,addr=%s", account->name,
		address ? address : "localhost", address ? address : "127.0.0.1");
	status = run_program(settings->program, "-T", "-C", who, &output);
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
	const char *program = sshd_program();

	*settings = (struct sshd_settings){0};
	read_files(&settings->files, CONFIG_FILE, false, 0);
	settings->program = program ? strdup(program) : NULL;
	if (settings->program) {
		ask_release(settings);
		ask_settings(settings, account, address);
	}
	if (!settings->asked) {
		sshd_lines_free(&settings->lines);
		take_files(settings);
	}
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
