#include "net/tmux_clients.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "net/array.h"
#include "net/as_account.h"
#include "net/process_parse.h"
#include "sys/process.h"

enum {
	LINE_BYTES = 16 * 1024,
	STATUS_BYTES = 4096,
	ENVIRONMENT_BYTES = 256 * 1024,
	ANSWER_BYTES = 256 * 1024,
	SERVERS_MAX = 8, /* of one account */
	SERVER_MS = 1000,
};

/* Formats of tmux 2.6 and newer. */
#define CLIENT_FORMAT "#{client_pid} #{session_windows} #{session_name}"

struct question {
	const pid_t *pids;
	size_t count;
};

bool tmux_client_is(const char *comm)
{
	return strncmp(comm, "tmux: client", 12) == 0;
}

static const char *next_word(const char *word, const char *end)
{
	word += strlen(word) + 1;
	return word < end ? word : NULL;
}

void tmux_clients_server(const char *line, size_t length, const char *words[2], size_t *count)
{
	static const char with_value[] = "cfLST";
	const char *end = line + length;
	const char *word = length ? next_word(line, end) : NULL;

	*count = 0;
	for (; word && word[0] == '-' && word[1]; word = next_word(word, end)) {
		size_t at = 1 + strcspn(word + 1, with_value);
		char letter = word[at];
		const char *value = word + at + 1;

		if (!letter)
			continue;
		if (!*value)
			value = next_word(word, end);
		if (!value)
			return;
		if (!word[at + 1])
			word = value;
		if (letter != 'L' && letter != 'S')
			continue;
		words[0] = letter == 'L' ? "-L" : "-S";
		words[1] = value;
		*count = 2;
	}
}

/* The real uid: a program that gained rights when it was started is not asked. */
static bool is_of(pid_t pid, uid_t uid)
{
	char text[STATUS_BYTES];
	uid_t real;

	return as_account_read(pid, "status", text, sizeof(text)) > 0 &&
	       process_parse_uid(text, &real) == 0 && real == uid;
}

/* Asks the server of one client about all of its clients. */
static void ask_server(pid_t pid, char *environment, struct buffer *answer)
{
	char line[LINE_BYTES], program[32];
	const char *argv[8] = {program}, *words[2] = {NULL}, *directory;
	const char *envp[4] = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL};
	size_t argc = 1, count, length = as_account_read(pid, "cmdline", line, sizeof(line));

	tmux_clients_server(line, length, words, &count);
	for (size_t i = 0; i < count; i++)
		argv[argc++] = words[i];
	argv[argc++] = "list-clients";
	argv[argc++] = "-F";
	argv[argc++] = CLIENT_FORMAT;
	length = as_account_read(pid, "environ", environment, ENVIRONMENT_BYTES);
	directory = process_find_variable(environment, length, "TMUX_TMPDIR");
	/* The variable with its name, as it stands there. */
	if (directory)
		envp[2] = directory - strlen("TMUX_TMPDIR=");
	snprintf(program, sizeof(program), "/proc/%d/exe", (int)pid);
	process_capture(argv, envp, SERVER_MS, ANSWER_BYTES, answer, NULL);
}

/* The child, already the account. */
static void look_at_clients(void *context, uid_t uid, FILE *out)
{
	const struct question *question = context;
	char *environment = malloc(ENVIRONMENT_BYTES);
	struct tmux_clients known = {0};
	size_t servers = 0;

	for (size_t i = 0; environment && i < question->count && servers < SERVERS_MAX; i++) {
		struct buffer answer = BUFFER_EMPTY;
		bool answered = false;

		for (size_t k = 0; k < known.count; k++)
			answered = answered || known.list[k].pid == question->pids[i];
		if (answered || !is_of(question->pids[i], uid))
			continue;
		servers++;
		ask_server(question->pids[i], environment, &answer);
		tmux_clients_parse(&known, buffer_string(&answer));
		buffer_free(&answer);
	}
	for (size_t i = 0; i < known.count; i++)
		fprintf(out, "%d %ld %s\n", (int)known.list[i].pid, known.list[i].windows,
			known.list[i].session);
	free(environment);
	tmux_clients_free(&known);
}

int tmux_clients_read(struct tmux_clients *clients, uid_t uid, const pid_t *pids, size_t count,
	int deadline_ms, struct error *error)
{
	struct question question = {pids, count};
	struct buffer answer = BUFFER_EMPTY;
	int result;

	*clients = (struct tmux_clients){0};
	result = as_account_ask(uid, look_at_clients, &question, deadline_ms, &answer, error);
	if (result == 0 && tmux_clients_parse(clients, buffer_string(&answer)) != 0)
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	buffer_free(&answer);
	return result;
}

static int add_client(struct tmux_clients *clients, const char *line, size_t length)
{
	struct tmux_client client = {0}, *list;
	int skip = 0;

	if (sscanf(line, "%d %ld %n", &client.pid, &client.windows, &skip) != 2 || !skip ||
		(size_t)skip >= length || client.pid <= 0 || client.windows < 0)
		return 0;
	list = array_grow(clients->list, clients->count, &clients->capacity, sizeof(*list));
	if (!list)
		return -1;
	clients->list = list;
	client.session = strndup(line + skip, length - (size_t)skip);
	if (!client.session)
		return -1;
	list[clients->count++] = client;
	return 0;
}

int tmux_clients_parse(struct tmux_clients *clients, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		if (add_client(clients, text, length) != 0)
			return -1;
		text += length + (text[length] == '\n');
	}
	return 0;
}

void tmux_clients_free(struct tmux_clients *clients)
{
	for (size_t i = 0; i < clients->count; i++)
		free(clients->list[i].session);
	free(clients->list);
	*clients = (struct tmux_clients){0};
}
