#include "net/snapshot.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "net/array.h"
#include "sys/account.h"
#include "sys/process.h"

enum {
	VIEW_MS = 2000,  /* for one account */
	VIEWS_MS = 6000, /* for all */
	VIEWS_MAX = 16,  /* accounts looked at in this way */
};

/* The account's name: what sshd calls it if that is right, else the first of its uid. */
static int name_user(struct net_connection *connection, const struct net_connection *before)
{
	struct account account = {0};
	char *name = NULL;

	if (before && before->uid == connection->uid && before->user && connection->user &&
		strcmp(before->user, connection->user) == 0)
		return 0;
	if (connection->user && account_by_name(connection->user, &account, NULL) == 0 &&
		account.uid == connection->uid) {
		account_free(&account);
		return 0;
	}
	account_free(&account);
	/* dropbear before it runs something: root is what it runs as, not whose it is. */
	if (connection->user || !connection->idle || connection->uid != 0) {
		if (account_by_uid(connection->uid, &account, NULL) == 0) {
			name = strdup(account.name);
			if (!name) {
				account_free(&account);
				return -1;
			}
		}
		account_free(&account);
	}
	free(connection->user);
	connection->user = name;
	return 0;
}

static int name_users(struct net_connections *connections)
{
	for (size_t i = 0; i < connections->count; i++)
		if (name_user(&connections->list[i], i ? &connections->list[i - 1] : NULL) != 0)
			return -1;
	return 0;
}

/* The view of that account, which is yet to be read if it is a new one; NULL: too many. */
static struct user_view *want_view(struct net_snapshot *snapshot, uid_t uid)
{
	for (size_t i = 0; i < snapshot->view_count; i++)
		if (snapshot->views[i].uid == uid)
			return &snapshot->views[i];
	if (snapshot->view_count == VIEWS_MAX) {
		snapshot->complete = false;
		return NULL;
	}
	snapshot->views[snapshot->view_count].uid = uid;
	return &snapshot->views[snapshot->view_count++];
}

/* Takes the claims of one account's processes for those of its sessions that lack a client. */
static void take_claims(struct net_snapshot *snapshot, const struct user_view *view)
{
	struct net_connections *all = &snapshot->connections;

	for (size_t i = 0; i < view->connection_count; i++) {
		const struct user_connection *claim = &view->connections[i];

		for (size_t k = 0; k < all->count; k++)
			if (!all->list[k].own && all->list[k].uid == view->uid &&
				all->list[k].process->pid == claim->session)
				net_connections_claim(all, k, &claim->client, &claim->server,
					&snapshot->processes, &snapshot->sockets);
	}
}

static void want_views_of_sessions(struct net_snapshot *snapshot)
{
	const struct net_connections *all = &snapshot->connections;

	for (size_t i = 0; i < all->count; i++) {
		struct user_view *view = NULL;

		if (!all->list[i].process->readable && all->list[i].uid != 0)
			view = want_view(snapshot, all->list[i].uid);
		if (view)
			view->of_sessions = true;
	}
}

/* sshd tells the programs of a session of its display, and nobody else. */
static void want_views_of_displays(struct net_snapshot *snapshot)
{
	const struct net_connections *all = &snapshot->connections;

	for (size_t i = 0; i < all->holding_count; i++)
		if (net_socket_may_be_display(all->holdings[i].socket))
			want_view(snapshot, all->list[all->holdings[i].connection].uid);
}

/* What nobody holds that root can look into may be held by its account's processes. */
static void want_views_of_listeners(struct net_snapshot *snapshot)
{
	const struct net_sockets *sockets = &snapshot->sockets;

	for (size_t i = 0; i < sockets->count; i++) {
		const struct net_socket *socket = &sockets->list[i];
		size_t holders;

		if (socket->family == AF_UNIX || socket->state != TCP_LISTEN || socket->uid == 0)
			continue;
		net_processes_holders(&snapshot->processes, socket->inode, false, &holders);
		if (holders == 0)
			want_view(snapshot, socket->uid);
	}
}

static void read_view(struct net_snapshot *snapshot, struct user_view *view,
	const struct user_question *question, long long deadline)
{
	const long long left = deadline - process_now_ms();
	const uid_t uid = view->uid;
	const bool of_sessions = view->of_sessions;

	if (user_view_read(view, uid, question, left < VIEW_MS ? (int)left : VIEW_MS, NULL) != 0) {
		user_view_free(view);
		view->uid = uid;
		snapshot->complete = false;
	}
	view->of_sessions = of_sessions;
	if (of_sessions)
		take_claims(snapshot, view);
}

static int look_as_users(struct net_snapshot *snapshot, enum net_look look)
{
	const struct net_connections *all = &snapshot->connections;
	pid_t *pids = calloc(all->count + 1, sizeof(*pids));
	struct user_question question = {.pids = pids};
	const long long deadline = process_now_ms() + VIEWS_MS;

	snapshot->views = calloc(VIEWS_MAX, sizeof(*snapshot->views));
	if (!pids || !snapshot->views) {
		free(pids);
		return -1;
	}
	for (size_t i = 0; i < all->count; i++)
		pids[question.count++] = all->list[i].process->pid;
	want_views_of_sessions(snapshot);
	if (look == NET_LOOK_FORWARDS)
		want_views_of_displays(snapshot);
	if (look == NET_LOOK_SERVICES)
		want_views_of_listeners(snapshot);
	for (size_t i = 0; i < snapshot->view_count; i++) {
		question.sockets = look == NET_LOOK_SERVICES || snapshot->views[i].of_sessions;
		read_view(snapshot, &snapshot->views[i], &question, deadline);
	}
	free(pids);
	return 0;
}

static int compare_inodes(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

/*
 * A socket that a program of the account closed between the table and the view is held
 * by nobody in the view. Only what stood before and stands after was there during it.
 */
static int look_again(struct net_snapshot *snapshot, struct error *error)
{
	struct net_sockets later;
	int result = net_sockets_read(&later, true, error);

	if (result == 0) {
		snapshot->lasting = calloc(later.count + 1, sizeof(*snapshot->lasting));
		if (!snapshot->lasting)
			result = error_set(error, ERROR_INTERNAL, "out of memory");
	}
	for (size_t i = 0; result == 0 && i < later.count; i++)
		snapshot->lasting[snapshot->lasting_count++] = later.list[i].inode;
	array_sort(snapshot->lasting, snapshot->lasting_count, sizeof(*snapshot->lasting),
		compare_inodes);
	net_sockets_free(&later);
	return result;
}

bool net_snapshot_is_hidden(const struct net_snapshot *snapshot, const struct user_view *view,
	const struct net_socket *socket)
{
	size_t holders;

	if (!view->valid || !view->of_sessions || socket->uid != view->uid ||
		user_view_holder(view, socket->inode))
		return false;
	net_processes_holders(&snapshot->processes, socket->inode, false, &holders);
	return holders == 0 && snapshot->lasting_count > 0 &&
	       bsearch(&socket->inode, snapshot->lasting, snapshot->lasting_count,
		       sizeof(socket->inode), compare_inodes);
}

static bool was_all_seen(const struct net_snapshot *snapshot, enum net_look look)
{
	if (!snapshot->processes.complete || !snapshot->sockets.complete ||
		snapshot->sockets.peers != (look == NET_LOOK_FORWARDS))
		return false;
	if (look == NET_LOOK_SERVICES)
		return true;
	for (size_t i = 0; i < snapshot->connections.count; i++)
		if (!snapshot->connections.list[i].process->readable)
			return false;
	return true;
}

int net_snapshot_read(struct net_snapshot *snapshot, enum net_look look, struct error *error)
{
	const bool with_unix = look == NET_LOOK_FORWARDS;

	*snapshot = (struct net_snapshot){0};
	if ((look == NET_LOOK_SERVICES ? net_processes_read_all(&snapshot->processes, error)
				       : net_processes_read(&snapshot->processes, error)) != 0 ||
		net_sockets_read(&snapshot->sockets, with_unix, error) != 0)
		return -1;
	if (net_connections_join(
		    &snapshot->connections, &snapshot->processes, &snapshot->sockets) != 0 ||
		name_users(&snapshot->connections) != 0)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	snapshot->complete = was_all_seen(snapshot, look);
	if (look_as_users(snapshot, look) != 0)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	net_connections_claim_last(
		&snapshot->connections, &snapshot->processes, &snapshot->sockets);
	return with_unix && snapshot->view_count > 0 ? look_again(snapshot, error) : 0;
}

void net_snapshot_free(struct net_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->view_count; i++)
		user_view_free(&snapshot->views[i]);
	free(snapshot->views);
	free(snapshot->lasting);
	net_connections_free(&snapshot->connections);
	net_processes_free(&snapshot->processes);
	net_sockets_free(&snapshot->sockets);
	*snapshot = (struct net_snapshot){0};
}
