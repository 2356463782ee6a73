#include "net/sessions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "net/snapshot.h"
#include "net/tmux_clients.h"

enum {
	TMUX_MS = 1500, /* for one account */
	ACCOUNTS_MAX = 4,
};

static int copy_text(char **copy, const char *text)
{
	*copy = text ? strdup(text) : NULL;
	return text && !*copy ? -1 : 0;
}

static int describe(struct net_session *session, const struct net_connection *connection)
{
	char client[NET_ADDRESS_TEXT];

	*session = (struct net_session){.pid = connection->process->pid,
		.uid = connection->uid,
		.since = connection->process->since,
		.forwards_only = connection->idle};
	if (copy_text(&session->user, connection->user) != 0 ||
		copy_text(&session->tty, connection->tty) != 0)
		return -1;
	if (!connection->client.family)
		return 0;
	return copy_text(&session->client, net_address_format(client, &connection->client));
}

int net_sessions_build(struct net_sessions *sessions, const struct net_snapshot *snapshot)
{
	const struct net_connections *connections = &snapshot->connections;

	*sessions = (struct net_sessions){0};
	sessions->list = calloc(connections->count + 1, sizeof(*sessions->list));
	if (!sessions->list)
		return -1;
	for (size_t i = 0; i < connections->count; i++) {
		sessions->count++;
		if (describe(&sessions->list[i], &connections->list[i]) != 0)
			return -1;
	}
	return 0;
}

/* Whether a terminal is one of "pts/0,pts/1". */
static bool has_terminal(const struct net_session *session, const char *tty)
{
	size_t length = strlen(tty);

	for (const char *at = session->tty; at && *at;) {
		size_t found = strcspn(at, ",");

		if (found == length && strncmp(at, tty, length) == 0)
			return true;
		at += found + (at[found] == ',');
	}
	return false;
}

static struct net_session *find_session(const struct net_sessions *sessions, unsigned device)
{
	char tty[32];

	if (!net_connections_terminal(device, tty, sizeof(tty)))
		return NULL;
	for (size_t i = 0; i < sessions->count; i++)
		if (has_terminal(&sessions->list[i], tty))
			return &sessions->list[i];
	return NULL;
}

static int take_answer(const struct net_sessions *sessions, uid_t uid,
	const struct net_processes *processes, const struct tmux_clients *clients)
{
	for (size_t i = 0; i < clients->count; i++) {
		const struct tmux_client *client = &clients->list[i];
		size_t index = net_processes_find(processes, client->pid);
		struct net_session *session =
			index == NET_NO_PROCESS
				? NULL
				: find_session(sessions, processes->list[index].tty);

		if (!session || session->uid != uid || session->tmux)
			continue;
		session->windows = client->windows;
		if (copy_text(&session->tmux, client->session) != 0)
			return -1;
	}
	return 0;
}

/* Asks for one account; pids is room for every process. An account that does not answer has
 * no tmux. */
static int ask_account(const struct net_sessions *sessions, uid_t uid,
	const struct net_processes *processes, pid_t *pids)
{
	struct tmux_clients clients = {0};
	size_t count = 0;
	int result = 0;

	for (size_t i = 0; i < processes->count; i++) {
		const struct net_session *session =
			tmux_client_is(processes->list[i].comm)
				? find_session(sessions, processes->list[i].tty)
				: NULL;

		if (session && session->uid == uid)
			pids[count++] = processes->list[i].pid;
	}
	if (count > 0 && tmux_clients_read(&clients, uid, pids, count, TMUX_MS, NULL) == 0)
		result = take_answer(sessions, uid, processes, &clients);
	tmux_clients_free(&clients);
	return result;
}

static int read_tmux(const struct net_sessions *sessions, const struct net_processes *processes)
{
	pid_t *pids = calloc(processes->count + 1, sizeof(*pids));
	size_t asked = 0;
	int result = pids ? 0 : -1;

	for (size_t i = 0; i < sessions->count && result == 0 && asked < ACCOUNTS_MAX; i++) {
		bool again = !sessions->list[i].tty;

		for (size_t k = 0; k < i && !again; k++)
			again = sessions->list[k].tty &&
				sessions->list[k].uid == sessions->list[i].uid;
		if (again)
			continue;
		asked++;
		result = ask_account(sessions, sessions->list[i].uid, processes, pids);
	}
	free(pids);
	return result;
}

int net_sessions_read(struct net_sessions *sessions, struct error *error)
{
	struct net_snapshot snapshot;
	int result;

	*sessions = (struct net_sessions){0};
	result = net_snapshot_read(&snapshot, NET_LOOK_SESSIONS, error);
	/* A list that lacks some does not say so: better none. */
	errno = snapshot.processes.failure;
	if (result == 0 && errno != 0)
		result = error_set_errno(
			error, ERROR_INTERNAL, "cannot read all processes of this machine");
	if (result == 0 && (net_sessions_build(sessions, &snapshot) != 0 ||
				   read_tmux(sessions, &snapshot.processes) != 0))
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	net_snapshot_free(&snapshot);
	return result;
}

void net_sessions_free(struct net_sessions *sessions)
{
	for (size_t i = 0; i < sessions->count; i++) {
		free(sessions->list[i].user);
		free(sessions->list[i].client);
		free(sessions->list[i].tty);
		free(sessions->list[i].tmux);
	}
	free(sessions->list);
	*sessions = (struct net_sessions){0};
}
