/*
 * From tables of sockets and processes to sessions, forwards and services: joined as at
 * run time, with answers of accounts' own children that claim anything.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "base/error.h"
#include "net/as_account.h"
#include "net/forwards.h"
#include "net/mapping.h"
#include "net/portal.h"
#include "net/processes.h"
#include "net/services.h"
#include "net/sessions.h"
#include "net/socket_parse.h"
#include "net/sockets.h"

int __wrap_net_sockets_read(struct net_sockets *sockets, bool with_unix, struct error *error);
int __wrap_net_processes_read(struct net_processes *processes, struct error *error);
int __wrap_net_processes_read_all(struct net_processes *processes, struct error *error);
int __wrap_as_account_ask(uid_t uid, void (*look)(void *, uid_t, FILE *), void *context,
	int deadline_ms, struct buffer *answer, struct error *error);

static char *tcp, *local, *listed;
static struct fuzz_input answers;

int __wrap_net_sockets_read(struct net_sockets *sockets, bool with_unix, struct error *error)
{
	(void)error;
	*sockets = (struct net_sockets){.complete = true, .peers = with_unix};
	require(socket_parse_proc(AF_INET, tcp, sockets) == 0);
	require(socket_parse_proc(AF_INET6, tcp, sockets) == 0);
	if (with_unix)
		require(socket_parse_proc(AF_UNIX, local, sockets) == 0);
	/* The text of /proc does not say who is at the other end; netlink does. */
	for (size_t i = 1; i < sockets->count; i++)
		if (sockets->list[i].family == AF_UNIX)
			sockets->list[i].peer = sockets->list[i - 1].inode;
	return 0;
}

/* "p PID PARENT UID TTY FLAGS COMM TITLE" */
static void add_process(struct net_processes *processes, const char *line)
{
	struct net_process process = {0};
	unsigned flags;
	char title[128] = "";

	if (processes->count == processes->capacity ||
		sscanf(line, "p %d %d %u %u %u %15s %127[^\n]", &process.pid, &process.parent,
			&process.uid, &process.tty, &flags, process.comm, title) < 6 ||
		process.pid <= 0)
		return;
	process.server = flags & 1;
	process.readable = flags & 2;
	process.title = process.server ? strdup(title) : NULL;
	processes->list[processes->count++] = process;
}

/* "h INODE PROCESS FLAGS", of the processes before it */
static void add_holder(struct net_processes *processes, const char *line)
{
	struct net_holder holder = {0};
	unsigned flags;

	if (processes->holder_count == processes->holder_capacity ||
		sscanf(line, "h %u %u %u", &holder.inode, &holder.process, &flags) != 3 ||
		holder.process >= processes->count)
		return;
	holder.pipe = flags & 1;
	holder.writes = flags & 2;
	processes->holders[processes->holder_count++] = holder;
}

int __wrap_net_processes_read_all(struct net_processes *processes, struct error *error)
{
	enum { MOST = 200 };

	(void)error;
	*processes = (struct net_processes){.capacity = MOST,
		.holder_capacity = MOST,
		.complete = true,
		.list = calloc(MOST, sizeof(struct net_process)),
		.holders = calloc(MOST, sizeof(struct net_holder))};
	for (const char *line = listed; *line;) {
		if (*line == 'p')
			add_process(processes, line);
		else if (*line == 'h')
			add_holder(processes, line);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	net_processes_sort(processes);
	return 0;
}

int __wrap_net_processes_read(struct net_processes *processes, struct error *error)
{
	return __wrap_net_processes_read_all(processes, error);
}

int __wrap_as_account_ask(uid_t uid, void (*look)(void *, uid_t, FILE *), void *context,
	int deadline_ms, struct buffer *answer, struct error *error)
{
	char *part = fuzz_part(&answers, NULL);
	int result = buffer_add_string(answer, part);

	(void)uid;
	(void)look;
	(void)context;
	(void)deadline_ms;
	if (*part == '!')
		result = error_set(error, ERROR_TIMEOUT, "it did not answer");
	free(part);
	return result;
}

static void check_sessions(void)
{
	struct net_sessions sessions = {0};

	require(net_sessions_read(&sessions, NULL) == 0);
	for (size_t i = 0; i < sessions.count; i++) {
		require(sessions.list[i].pid > 0);
		require(i == 0 || sessions.list[i - 1].pid <= sessions.list[i].pid);
		require(fuzz_is_visible(sessions.list[i].client));
	}
	net_sessions_free(&sessions);
}

static void check_forwards(void)
{
	struct net_forwards forwards = {0};
	bool complete;

	require(net_forwards_read(&forwards, &complete, NULL) == 0);
	for (size_t i = 0; i < forwards.count; i++) {
		const struct net_forward *forward = &forwards.list[i];

		require(net_forward_type_name(forward->type) && forward->attributed);
		require(fuzz_is_visible(forward->listen) && fuzz_is_visible(forward->target));
		require(fuzz_is_visible(forward->client));
	}
	net_forwards_free(&forwards);
}

static void check_services(const struct net_way_in *way)
{
	struct net_services services = {0};
	bool complete;

	require(net_services_read(&services, way, &complete, NULL) == 0);
	for (size_t i = 0; i < services.count; i++) {
		const struct net_service *service = &services.list[i];

		require(service->attributed && service->address.port);
		require(fuzz_is_visible(service->public) && fuzz_is_visible(service->url));
		require(fuzz_is_visible(service->command) && fuzz_is_visible(service->hint));
	}
	net_services_free(&services);
}

/* Lines of "NAME=VALUE". */
static void read_mapping(struct net_mapping *mapping, char *text)
{
	char *line, *value;

	while ((line = strsep(&text, "\n")))
		if ((value = strchr(line, '='))) {
			*value = '\0';
			net_mapping_set(mapping, line, value + 1);
		}
}

/* Tables of TCP and unix sockets, processes, variables, a portal's file; then answers. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct net_mapping mapping;
	static struct net_portal portal;
	const struct net_way_in way = {&mapping, &portal, "root"};
	struct fuzz_input input = {data, size};
	size_t length;
	char *text;

	tcp = fuzz_part(&input, NULL);
	local = fuzz_part(&input, NULL);
	listed = fuzz_part(&input, NULL);
	memset(&mapping, 0, sizeof(mapping));
	memset(&portal, 0, sizeof(portal));
	text = fuzz_part(&input, NULL);
	read_mapping(&mapping, text);
	free(text);
	text = fuzz_part(&input, &length);
	net_portal_parse_file(&portal, text, length);
	free(text);
	answers = input;
	check_sessions();
	answers = input;
	check_forwards();
	answers = input;
	check_services(&way);
	free(tcp);
	free(local);
	free(listed);
	return 0;
}
