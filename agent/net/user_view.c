#include "net/user_view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
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
#include "net/process_parse.h"
#include "net/processes.h"
#include "sys/account.h"
#include "sys/become.h"
#include "sys/process.h"

enum {
	ENVIRONMENT_BYTES = 256 * 1024,
	ANSWER_BYTES = 8 * 1024 * 1024,
	CHUNK_BYTES = 64 * 1024,
};

static void print_sockets(const char *name, FILE *out)
{
	char path[300], link[64];
	DIR *directory;
	const struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%s/fd", name);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		ssize_t length =
			readlinkat(dirfd(directory), entry->d_name, link, sizeof(link) - 1);
		uint32_t inode;
		bool pipe;

		link[length > 0 ? length : 0] = '\0';
		if (process_parse_link(link, &pipe, &inode) && !pipe)
			fprintf(out, "socket %lu\n", (unsigned long)inode);
	}
	if (directory)
		closedir(directory);
}

static size_t read_file(const char *name, const char *file, char *text, size_t size)
{
	char path[300];
	size_t length = 0;
	ssize_t got = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/%s", name, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && length < size - 1 &&
		(got = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	if (fd >= 0)
		close(fd);
	text[length] = '\0';
	return length;
}

static void print_connection(
	const char *name, const pid_t *pids, size_t count, char *text, FILE *out)
{
	static const char variable[] = "SSH_CONNECTION=";
	struct net_process process;
	unsigned long long start;
	size_t length, at;

	read_file(name, "stat", text, ENVIRONMENT_BYTES);
	if (process_parse_stat(text, &process, &start) != 0)
		return;
	for (at = 0; at < count && pids[at] != process.parent; at++)
		;
	if (at == count)
		return;
	length = read_file(name, "environ", text, ENVIRONMENT_BYTES);
	for (at = 0; at < length; at += strlen(text + at) + 1)
		if (strncmp(text + at, variable, sizeof(variable) - 1) == 0 &&
			text_is_visible(text + at, strlen(text + at))) {
			fprintf(out, "session %d %s\n", (int)process.parent,
				text + at + sizeof(variable) - 1);
			return;
		}
}

/* The child, already the account. */
static void look_around(uid_t uid, const pid_t *pids, size_t count, FILE *out)
{
	char *text = malloc(ENVIRONMENT_BYTES);
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	struct stat status;

	while (text && proc && (entry = readdir(proc))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
			fstatat(dirfd(proc), entry->d_name, &status, 0) != 0 ||
			status.st_uid != uid)
			continue;
		print_sockets(entry->d_name, out);
		print_connection(entry->d_name, pids, count, text, out);
	}
	if (proc)
		closedir(proc);
	free(text);
}

static void run_child(const struct account *account, const pid_t *pids, size_t count, int fd)
{
	FILE *out = fdopen(fd, "w");
	bool fine = false;

	process_reset_signals();
	if (out && become_account(account, NULL) == 0) {
		look_around(account->uid, pids, count, out);
		fine = fprintf(out, "end\n") > 0 && fclose(out) == 0;
	}
	_exit(fine ? 0 : 1);
}

/* Until the end of the answer, its limit or the deadline. Returns 0 or -1. */
static int collect(int fd, int deadline_ms, struct buffer *answer, struct error *error)
{
	const long long deadline = process_now_ms() + deadline_ms;

	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		long long left = deadline - process_now_ms();
		char *room;
		ssize_t got;

		if (left <= 0)
			return error_set(error, ERROR_TIMEOUT, "looking at an account's processes");
		if (poll(&ready, 1, (int)left) <= 0)
			continue;
		room = answer->length < ANSWER_BYTES ? buffer_reserve(answer, CHUNK_BYTES) : NULL;
		if (!room)
			return error_set(
				error, ERROR_INTERNAL, "an account's processes hold too much");
		got = read(fd, room, CHUNK_BYTES);
		if (got == 0)
			return buffer_add(answer, "", 0);
		if (got > 0)
			answer->length += (size_t)got;
		else if (errno != EINTR)
			return error_set_errno(error, ERROR_INTERNAL, "reading from a child");
	}
}

static int ask_child(struct user_view *view, const struct account *account, const pid_t *pids,
	size_t count, int deadline_ms, struct error *error)
{
	struct buffer answer = BUFFER_EMPTY;
	int ends[2], result;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set_errno(error, ERROR_INTERNAL, "cannot make a pipe");
	child = fork();
	if (child == 0) {
		close(ends[0]);
		run_child(account, pids, count, ends[1]);
	}
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return error_set_errno(error, ERROR_INTERNAL, "cannot start a process");
	}
	result = collect(ends[0], deadline_ms, &answer, error);
	close(ends[0]);
	if (result != 0)
		kill(child, SIGKILL);
	/* The account may end this child as it likes: then nothing can be left out. */
	if (process_wait(child) != 0 && result == 0)
		result = error_set(error, ERROR_INTERNAL, "cannot act as %s", account->name);
	if (result == 0 && user_view_parse(view, buffer_string(&answer)) != 0)
		result = error_set(error, ERROR_INTERNAL, "an account's processes do not read");
	buffer_free(&answer);
	return result;
}

int user_view_read(struct user_view *view, uid_t uid, const pid_t *pids, size_t count,
	int deadline_ms, struct error *error)
{
	struct account account = {0};
	int result = -1;

	*view = (struct user_view){.uid = uid};
	if (account_by_uid(uid, &account, error) == 0)
		result = ask_child(view, &account, pids, count, deadline_ms, error);
	account_free(&account);
	return result;
}

static int compare_inodes(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static int add_inode(struct user_view *view, const char *digits)
{
	uint32_t *inodes;
	long inode;

	if (text_number(digits, 1, UINT32_MAX, &inode) != 0)
		return -1;
	inodes =
		array_grow(view->inodes, view->inode_count, &view->inode_capacity, sizeof(*inodes));
	if (!inodes)
		return -1;
	view->inodes = inodes;
	inodes[view->inode_count++] = (uint32_t)inode;
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
		return add_inode(view, line + 7);
	if (strncmp(line, "session ", 8) == 0)
		return add_connection(view, line + 8);
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
	array_sort(view->inodes, view->inode_count, sizeof(*view->inodes), compare_inodes);
	view->valid = end;
	return end ? 0 : -1;
}

bool user_view_holds(const struct user_view *view, uint32_t inode)
{
	return view->inode_count > 0 &&
	       bsearch(&inode, view->inodes, view->inode_count, sizeof(inode), compare_inodes);
}

void user_view_free(struct user_view *view)
{
	free(view->inodes);
	free(view->connections);
	*view = (struct user_view){0};
}
