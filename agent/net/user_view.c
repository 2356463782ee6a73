#include "net/user_view.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "net/array.h"
#include "net/as_account.h"
#include "net/process_parse.h"
#include "net/processes.h"

enum { ENVIRONMENT_BYTES = 256 * 1024 };

static void print_sockets(pid_t pid, FILE *out)
{
	char path[64], link[64];
	DIR *directory;
	const struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		ssize_t length =
			readlinkat(dirfd(directory), entry->d_name, link, sizeof(link) - 1);
		uint32_t inode;
		bool pipe;

		link[length > 0 ? length : 0] = '\0';
		if (process_parse_link(link, &pipe, &inode) && !pipe)
			fprintf(out, "socket %lu %d\n", (unsigned long)inode, (int)pid);
	}
	if (directory)
		closedir(directory);
}

/* What sshd put into the environment of a child of a session. */
static void print_environment(
	pid_t pid, const struct user_question *question, char *text, FILE *out)
{
	struct net_process process;
	unsigned long long start;
	const char *value;
	size_t length, at;

	as_account_read(pid, "stat", text, ENVIRONMENT_BYTES);
	if (process_parse_stat(text, &process, &start) != 0)
		return;
	for (at = 0; at < question->count && question->pids[at] != process.parent; at++)
		;
	if (at == question->count)
		return;
	length = as_account_read(pid, "environ", text, ENVIRONMENT_BYTES);
	if (length == 0)
		return;
	value = process_find_variable(text, length, "SSH_CONNECTION");
	if (value)
		fprintf(out, "session %d %s\n", (int)process.parent, value);
	value = process_find_variable(text, length, "DISPLAY");
	fprintf(out, "display %d %s\n", (int)process.parent, value ? value : "");
}

/* The child, already the account. */
static void look_around(void *context, uid_t uid, FILE *out)
{
	const struct user_question *question = context;
	char *text = malloc(ENVIRONMENT_BYTES);
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	struct stat status;

	while (text && proc && (entry = readdir(proc))) {
		long pid;

		if (text_number(entry->d_name, 1, INT_MAX, &pid) != 0 ||
			fstatat(dirfd(proc), entry->d_name, &status, 0) != 0 ||
			status.st_uid != uid)
			continue;
		if (question->sockets)
			print_sockets((pid_t)pid, out);
		if (question->count)
			print_environment((pid_t)pid, question, text, out);
	}
	if (proc)
		closedir(proc);
	if (text && proc)
		fputs("end\n", out);
	free(text);
}

int user_view_read(struct user_view *view, uid_t uid, const struct user_question *question,
	int deadline_ms, struct error *error)
{
	struct user_question copy = *question;
	struct buffer answer = BUFFER_EMPTY;
	int result;

	*view = (struct user_view){.uid = uid};
	result = as_account_ask(uid, look_around, &copy, deadline_ms, &answer, error);
	if (result == 0 && user_view_parse(view, buffer_string(&answer)) != 0)
		result = error_set(error, ERROR_INTERNAL, "an account's processes do not read");
	buffer_free(&answer);
	return result;
}

static int compare_sockets(const void *a, const void *b)
{
	const struct user_socket *left = a, *right = b;

	return (left->inode > right->inode) - (left->inode < right->inode);
}

/* "INODE PID" */
static int add_socket(struct user_view *view, const char *line)
{
	struct user_socket *sockets;
	unsigned long inode;
	char more;
	int pid;

	if (sscanf(line, "%lu %d%c", &inode, &pid, &more) != 2 || inode == 0 ||
		inode > UINT32_MAX || pid <= 0)
		return -1;
	sockets = array_grow(
		view->sockets, view->socket_count, &view->socket_capacity, sizeof(*sockets));
	if (!sockets)
		return -1;
	view->sockets = sockets;
	sockets[view->socket_count++] = (struct user_socket){.inode = (uint32_t)inode, .pid = pid};
	return 0;
}

/* "PID HOST:NUMBER.SCREEN", X(7), or "PID " where there is none. */
static int add_display(struct user_view *view, const char *line)
{
	struct user_display display = {.number = -1}, *displays;
	const char *colon = strrchr(line, ':');
	char number[8];
	int pid;

	if (sscanf(line, "%d ", &pid) != 1)
		return -1;
	display.session = pid;
	if (colon && sscanf(colon, ":%7[0-9]", number) == 1)
		text_number(number, 0, UINT16_MAX, &display.number);
	displays = array_grow(
		view->displays, view->display_count, &view->display_capacity, sizeof(*displays));
	if (!displays)
		return -1;
	view->displays = displays;
	displays[view->display_count++] = display;
	return 0;
}

/* "PID CLIENT-ADDRESS CLIENT-PORT SERVER-ADDRESS SERVER-PORT"; another text is no claim. */
static int add_connection(struct user_view *view, const char *line)
{
	struct user_connection connection, *connections;
	char client[64], server[64], more;
	unsigned client_port, server_port;
	int pid;

	if (sscanf(line, "%d %63s %5u %63s %5u%c", &pid, client, &client_port, server, &server_port,
		    &more) != 5 ||
		client_port > UINT16_MAX || server_port > UINT16_MAX ||
		net_address_parse(client, (uint16_t)client_port, &connection.client) != 0 ||
		net_address_parse(server, (uint16_t)server_port, &connection.server) != 0)
		return 0;
	connection.session = pid;
	connections = array_grow(view->connections, view->connection_count,
		&view->connection_capacity, sizeof(*connections));
	if (!connections)
		return -1;
	view->connections = connections;
	connections[view->connection_count++] = connection;
	return 0;
}

static int parse_line(struct user_view *view, const char *line, bool *end)
{
	*end = strcmp(line, "end") == 0;
	if (strncmp(line, "socket ", 7) == 0)
		return add_socket(view, line + 7);
	if (strncmp(line, "session ", 8) == 0)
		return add_connection(view, line + 8);
	if (strncmp(line, "display ", 8) == 0)
		return add_display(view, line + 8);
	return *end ? 0 : -1;
}

int user_view_parse(struct user_view *view, const char *text)
{
	char line[512];
	bool end = false;

	while (*text && !end) {
		size_t length = strcspn(text, "\n");

		/* A longer line can only be an account's own odd variable. */
		snprintf(line, sizeof(line), "%.*s", length < 511 ? (int)length : 511, text);
		if (parse_line(view, line, &end) != 0)
			return -1;
		text += length + (text[length] == '\n');
	}
	array_sort(view->sockets, view->socket_count, sizeof(*view->sockets), compare_sockets);
	view->valid = end;
	return end ? 0 : -1;
}

pid_t user_view_holder(const struct user_view *view, uint32_t inode)
{
	const struct user_socket wanted = {.inode = inode};
	const struct user_socket *found = NULL;

	if (view->socket_count > 0)
		found = bsearch(&wanted, view->sockets, view->socket_count, sizeof(wanted),
			compare_sockets);
	return found ? found->pid : 0;
}

void user_view_free(struct user_view *view)
{
	free(view->sockets);
	free(view->connections);
	free(view->displays);
	*view = (struct user_view){0};
}
