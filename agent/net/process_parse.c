#include "net/process_parse.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/processes.h"

int process_parse_stat(const char *text, struct net_process *process, unsigned long long *start)
{
	/* The name stands in parentheses and may itself hold spaces and parentheses. */
	const char *name = strchr(text, '(');
	const char *end = strrchr(text, ')');
	int pid, parent, tty;
	size_t length;

	if (!name || !end || end < name || sscanf(text, "%d", &pid) != 1 || pid <= 0)
		return -1;
	if (sscanf(end,
		    ") %*c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
		    "%*d %llu",
		    &parent, &tty, start) != 3)
		return -1;
	length = (size_t)(end - name - 1);
	if (length >= sizeof(process->comm))
		length = sizeof(process->comm) - 1;
	memcpy(process->comm, name + 1, length);
	process->comm[length] = '\0';
	process->pid = pid;
	process->parent = parent;
	process->tty = (unsigned)tty;
	return 0;
}

int process_parse_uid(const char *text, uid_t *uid)
{
	const char *line = strstr(text, "\nUid:");
	unsigned value;

	/* The kernel escapes a newline in Name:, the one field above that users choose. */
	if (!line || sscanf(line, "\nUid: %u", &value) != 1)
		return -1;
	*uid = value;
	return 0;
}

const char *process_find_variable(const char *text, size_t length, const char *name)
{
	size_t skip = strlen(name);

	for (size_t at = 0; at < length; at += strlen(text + at) + 1)
		if (strncmp(text + at, name, skip) == 0 && text[at + skip] == '=' &&
			text_is_visible(text + at, strlen(text + at)))
			return text + at + skip + 1;
	return NULL;
}

bool process_parse_link(const char *text, bool *pipe, uint32_t *inode)
{
	char digits[16];
	long value;

	if (sscanf(text, "socket:[%15[0-9]]", digits) == 1)
		*pipe = false;
	else if (sscanf(text, "pipe:[%15[0-9]]", digits) == 1)
		*pipe = true;
	else
		return false;
	if (text_number(digits, 1, UINT32_MAX, &value) != 0)
		return false;
	*inode = (uint32_t)value;
	return true;
}

bool process_is_dropbear(const char *comm)
{
	return strncmp(comm, "dropbear", 8) == 0;
}

/* By their beginning: Alpine has sshd.pam and sshd-session.pam, cut at 15 bytes. */
bool process_is_server(const char *comm)
{
	return strncmp(comm, "sshd", 4) == 0 || process_is_dropbear(comm);
}

static void split_name(const char *text, size_t length, struct title *title)
{
	const char *at = memrchr(text, '@', length);
	size_t name = at ? (size_t)(at - text) : length;
	size_t tty = at ? length - name - 1 : 0;

	/* Directory accounts may be called user@realm: only a terminal ends the name. */
	if (at && strncmp(at + 1, "pts/", 4) != 0 && strncmp(at + 1, "tty", 3) != 0 &&
		strncmp(at + 1, "notty", 5) != 0) {
		name = length;
		tty = 0;
		at = NULL;
	}
	if (name == 0 || name >= sizeof(title->name) || tty >= sizeof(title->tty))
		return;
	memcpy(title->name, text, name);
	if (at && strncmp(at + 1, "notty", 5) != 0)
		memcpy(title->tty, at + 1, tty);
	title->idle = !at;
	title->kind = TITLE_SESSION;
}

void process_parse_title(const char *text, struct title *title)
{
	const char *rest = strncmp(text, "sshd", 4) == 0 ? strstr(text, ": ") : NULL;
	const char *state;
	size_t length;

	*title = (struct title){.kind = TITLE_OTHER};
	if (!rest || memchr(text, '/', (size_t)(rest - text)))
		return;
	rest += 2;
	length = strlen(rest);
	while (length > 0 && isspace((unsigned char)rest[length - 1]))
		length--;
	/* "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups" */
	if (*rest == '/' || strstr(rest, "[listener]"))
		return;
	if (*rest == '[') {
		title->kind = TITLE_UNAUTHENTICATED;
		return;
	}
	state = length > 0 && rest[length - 1] == ']' ? memrchr(rest, '[', length) : NULL;
	if (!state || state == rest || state[-1] != ' ') {
		split_name(rest, length, title);
		return;
	}
	split_name(rest, (size_t)(state - rest) - 1, title);
	title->kind = strncmp(state, "[priv]", 6) == 0 ? TITLE_MONITOR : TITLE_UNAUTHENTICATED;
}
