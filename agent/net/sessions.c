#include "net/sessions.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "net/snapshot.h"

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

int net_sessions_read(struct net_sessions *sessions, struct error *error)
{
	struct net_snapshot snapshot;
	int result;

	*sessions = (struct net_sessions){0};
	result = net_snapshot_read(&snapshot, NET_LOOK_SESSIONS, error);
	if (result == 0 && net_sessions_build(sessions, &snapshot) != 0)
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
