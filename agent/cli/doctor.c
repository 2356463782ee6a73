#include "cli/doctor.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/text.h"

#define MESSAGE_SIZE 1024

/* What is wrong with a directory is so for each file in it. */
static bool is_known(const struct doctor *doctor, const char *id, const char *message)
{
	for (size_t i = 0; i < doctor->count; i++)
		if (strcmp(doctor->list[i].id, id) == 0 &&
			strcmp(doctor->list[i].message, message) == 0)
			return true;
	return false;
}

/* Takes finding->fix over; id and message are copied. */
static int append(struct doctor *doctor, const struct doctor_finding *finding, const char *id,
	const char *message)
{
	struct doctor_finding *grown =
		reallocarray(doctor->list, doctor->count + 1, sizeof(*grown));

	if (!grown)
		return -1;
	doctor->list = grown;
	grown += doctor->count;
	*grown = *finding;
	grown->id = strdup(id);
	grown->message = strdup(message);
	if (grown->id && grown->message) {
		doctor->count++;
		return 0;
	}
	free(grown->id);
	free(grown->message);
	return -1;
}

static void add(struct doctor *doctor, const struct doctor_finding *finding, const char *id,
	const char *format, va_list arguments) __attribute__((format(printf, 4, 0)));

static void add(struct doctor *doctor, const struct doctor_finding *finding, const char *id,
	const char *format, va_list arguments)
{
	char message[MESSAGE_SIZE], visible[2 * MESSAGE_SIZE];

	vsnprintf(message, sizeof(message), format, arguments);
	text_visible(visible, sizeof(visible), message, strlen(message));
	if (is_known(doctor, id, visible)) {
		free(finding->fix);
	} else if (append(doctor, finding, id, visible) != 0) {
		doctor->failed = true;
		free(finding->fix);
	}
}

void doctor_add(struct doctor *doctor, enum doctor_status status, const char *id, char *fix,
	const char *format, ...)
{
	const struct doctor_finding finding = {.status = status, .fix = fix};
	va_list arguments;

	va_start(arguments, format);
	add(doctor, &finding, id, format, arguments);
	va_end(arguments);
}

void doctor_block(struct doctor *doctor, const char *id, char *fix, const char *format, ...)
{
	const struct doctor_finding finding = {.status = DOCTOR_FAIL, .blocks = true, .fix = fix};
	va_list arguments;

	va_start(arguments, format);
	add(doctor, &finding, id, format, arguments);
	va_end(arguments);
}

char *doctor_fix(const char *format, ...)
{
	char *command = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&command, format, arguments) < 0)
		command = NULL;
	va_end(arguments);
	return command;
}

char *doctor_quote(const char *text)
{
	struct buffer quoted = BUFFER_EMPTY;
	bool plain = *text != '\0';

	for (const char *at = text; *at && plain; at++)
		plain = isalnum((unsigned char)*at) || strchr("/._-+,:@%", *at);
	if (plain)
		return strdup(text);
	buffer_add_string(&quoted, "'");
	for (; *text; text++)
		buffer_add(&quoted, *text == '\'' ? "'\\''" : text, *text == '\'' ? 4 : 1);
	buffer_add_string(&quoted, "'");
	if (!quoted.failed)
		return quoted.data;
	buffer_free(&quoted);
	return NULL;
}

char *doctor_as_account(const struct doctor *doctor, char *command)
{
	char *whole;

	if (!command || !doctor->root || doctor->account.uid == 0)
		return command;
	whole = doctor_fix("runuser -u %s -- %s", doctor->account.name, command);
	free(command);
	return whole;
}

const char *doctor_reload(const struct doctor *doctor, char *out, size_t size)
{
	const char *pid_file = sshd_settings_get(&doctor->settings, "pidfile");

	if (access("/run/systemd/system", F_OK) == 0)
		snprintf(out, size, "systemctl reload ssh");
	else
		snprintf(out, size, "kill -HUP $(cat %s)",
			pid_file && *pid_file == '/' ? pid_file : "/run/sshd.pid");
	return out;
}

char *doctor_fix_setting(const struct doctor *doctor, const char *keyword, const char *value)
{
	const struct sshd_setting *line = sshd_settings_find(&doctor->settings, keyword);
	char reload[128];

	doctor_reload(doctor, reload, sizeof(reload));
	if (line && line->file)
		return doctor_fix("sed -i '%lds/.*/%s %s/' %s && %s", line->line, keyword, value,
			line->file, reload);
	if (line)
		return NULL;
	return doctor_fix(
		"sed -i '1i %s %s' %s && %s", keyword, value, doctor->settings.config, reload);
}

char *doctor_fix_comment_out(const struct doctor *doctor, const struct sshd_setting *line)
{
	char reload[128];

	if (!line || !line->file)
		return NULL;
	return doctor_fix("sed -i '%lds/^/#/' %s && %s", line->line, line->file,
		doctor_reload(doctor, reload, sizeof(reload)));
}

const char *doctor_where(const struct doctor *doctor, const char *keyword, char *out, size_t size)
{
	const struct sshd_setting *line = sshd_settings_find(&doctor->settings, keyword);

	*out = '\0';
	if (line && line->file)
		snprintf(out, size, " (%s:%ld)", line->file, line->line);
	else if (line)
		snprintf(out, size, " (on sshd's command line)");
	return out;
}

bool doctor_is(const struct doctor *doctor, const char *keyword, const char *value)
{
	const char *set = sshd_settings_get(&doctor->settings, keyword);

	return set && strcasecmp(set, value) == 0;
}
