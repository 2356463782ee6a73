#include "net/forwards.h"

#include <limits.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/text.h"
#include "net/array.h"
#include "net/snapshot.h"

/* A socket that forwards something, and whose it is. */
struct lead {
	const struct net_socket *socket;
	size_t owner; /* index of a connection; behind the last of them, of a view */
};

struct listener {
	const struct lead *lead;
	size_t forward; /* index */
};

struct build {
	const struct net_snapshot *snapshot;
	struct net_forwards *forwards;
	const struct net_socket **paths; /* unix sockets with a name, by inode */
	size_t path_count;
	struct lead *leads; /* by owner */
	size_t lead_count, lead_capacity;
	struct listener *listeners; /* by owner */
	size_t listener_count, listener_capacity;
};

const char *net_forward_type_name(enum net_forward_type type)
{
	static const char *const names[] = {
		"local", "remote", "local-unix", "remote-unix", "x11", "agent"};

	return names[type];
}

static int add_lead(struct build *build, const struct lead *lead)
{
	struct lead *leads =
		array_grow(build->leads, build->lead_count, &build->lead_capacity, sizeof(*leads));

	if (!leads)
		return -1;
	build->leads = leads;
	leads[build->lead_count++] = *lead;
	return 0;
}

static int find_leads(struct build *build)
{
	const struct net_snapshot *snapshot = build->snapshot;
	int result = 0;

	for (size_t i = 0; i < snapshot->connections.holding_count && result == 0; i++) {
		const struct net_holding *holding = &snapshot->connections.holdings[i];
		const struct lead lead = {.socket = holding->socket, .owner = holding->connection};

		/* The monitor forwards nothing: what it has is PAM's. */
		if (holding->served &&
			holding->socket != snapshot->connections.list[lead.owner].own)
			result = add_lead(build, &lead);
	}
	for (size_t i = 0; i < snapshot->view_count; i++)
		for (size_t k = 0; k < snapshot->sockets.count && result == 0; k++) {
			const struct lead lead = {.socket = &snapshot->sockets.list[k],
				.owner = snapshot->connections.count + i};

			if (net_snapshot_is_hidden(snapshot, &snapshot->views[i], lead.socket))
				result = add_lead(build, &lead);
		}
	return result;
}

static int compare_socket_inodes(const void *a, const void *b)
{
	const struct net_socket *const *left = a, *const *right = b;

	return ((*left)->inode > (*right)->inode) - ((*left)->inode < (*right)->inode);
}

static int index_paths(struct build *build)
{
	const struct net_sockets *sockets = &build->snapshot->sockets;

	build->paths = calloc(sockets->count + 1, sizeof(const struct net_socket *));
	if (!build->paths)
		return -1;
	for (size_t i = 0; i < sockets->count; i++)
		if (sockets->list[i].path)
			build->paths[build->path_count++] = &sockets->list[i];
	array_sort(build->paths, build->path_count, sizeof(*build->paths), compare_socket_inodes);
	return 0;
}

static const char *find_path(const struct build *build, uint32_t inode)
{
	const struct net_socket wanted = {.inode = inode};
	const struct net_socket *key = &wanted;
	const struct net_socket *const *found = NULL;

	if (inode && build->path_count > 0)
		found = bsearch(&key, build->paths, build->path_count, sizeof(*build->paths),
			compare_socket_inodes);
	return found ? (*found)->path : NULL;
}

/* Where PAM and the C library connect to of their own accord, in root's sessions. */
static bool is_system_path(const char *path)
{
	static const char *const system[] = {"/run/systemd/", "/run/dbus/", "/var/run/dbus/",
		"/run/nscd/", "/var/run/nscd/", "/dev/log", "/run/user/0/bus",
		"/var/lib/sss/pipes/", "/run/sssd/"};

	for (size_t i = 0; i < sizeof(system) / sizeof(system[0]); i++)
		if (strncmp(path, system[i], strlen(system[i])) == 0)
			return true;
	return false;
}

/*
 * OpenSSH: /tmp/ssh-X/agent.PID of the session's parent, since 10.1 ~/.ssh/agent/;
 * dropbear: /tmp/dropbear-X/.
 */
static bool is_agent_path(const char *path, const struct net_process *session)
{
	const char *name = strrchr(path, '/');
	long pid;

	if (strncmp(path, "/tmp/ssh-", 9) == 0)
		return name && strncmp(name, "/agent.", 7) == 0 &&
		       text_number(name + 7, 1, INT_MAX, &pid) == 0 &&
		       (!session || pid == session->parent || pid == session->pid);
	if (strncmp(path, "/tmp/dropbear-", 14) == 0)
		return name && strncmp(name, "/auth-", 6) == 0;
	return strstr(path, "/.ssh/agent/s.") != NULL;
}

static const struct user_view *find_view(const struct build *build, size_t owner)
{
	const struct net_snapshot *snapshot = build->snapshot;
	const struct net_connections *all = &snapshot->connections;

	if (owner >= all->count)
		return &snapshot->views[owner - all->count];
	for (size_t i = 0; i < snapshot->view_count; i++)
		if (snapshot->views[i].uid == all->list[owner].uid)
			return &snapshot->views[i];
	return NULL;
}

/*
 * A client may ask for the port of a display with -R just as well: it is one if sshd told
 * the session's programs so. Who has no program has no display; where none of them can be
 * asked, there is the port only.
 */
static bool is_x11(const struct build *build, const struct lead *lead)
{
	const struct net_connections *all = &build->snapshot->connections;
	const struct net_connection *owner =
		lead->owner < all->count ? &all->list[lead->owner] : NULL;
	const struct user_view *view = find_view(build, lead->owner);
	long number = (long)lead->socket->local.port - NET_DISPLAY_PORT;
	bool asked = false;

	if (!net_socket_may_be_display(lead->socket) || (owner && owner->idle))
		return false;
	for (size_t i = 0; view && i < view->display_count; i++) {
		const struct user_display *display = &view->displays[i];

		if (owner && display->session != owner->process->pid)
			continue;
		asked = true;
		if (display->number == number)
			return true;
	}
	return !asked && owner;
}

static int compare_texts(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_forwards(const void *a, const void *b)
{
	const struct net_forward *left = a, *right = b;
	int order;

	/* Those without a session go last. */
	if (left->pid != right->pid)
		return !left->pid ? 1 : !right->pid ? -1 : left->pid < right->pid ? -1 : 1;
	if (left->uid != right->uid)
		return left->uid < right->uid ? -1 : 1;
	if (left->type != right->type)
		return left->type < right->type ? -1 : 1;
	order = compare_texts(left->listen, right->listen);
	return order ? order : compare_texts(left->target, right->target);
}

static const char *view_user(const struct build *build, uid_t uid)
{
	const struct net_connections *connections = &build->snapshot->connections;

	for (size_t i = 0; i < connections->count; i++)
		if (connections->list[i].uid == uid)
			return connections->list[i].user;
	return NULL;
}

/* The owner's part of a forward; the texts are borrowed until it is added. */
static struct net_forward owned_by(const struct build *build, size_t owner, char *client)
{
	const struct net_connections *connections = &build->snapshot->connections;
	struct net_forward forward = {0};

	if (owner < connections->count) {
		const struct net_connection *connection = &connections->list[owner];

		forward.attributed = "pid";
		forward.pid = connection->process->pid;
		forward.uid = connection->uid;
		forward.user = connection->user;
		if (connection->client.family)
			forward.client = net_address_format(client, &connection->client);
	} else {
		forward.attributed = "uid";
		forward.uid = build->snapshot->views[owner - connections->count].uid;
		forward.user = (char *)(uintptr_t)view_user(build, forward.uid);
	}
	return forward;
}

static void free_texts(struct net_forward *forward)
{
	free(forward->listen);
	free(forward->target);
	free(forward->user);
	free(forward->client);
}

static int copy_text(char **text)
{
	if (!*text)
		return 0;
	*text = strdup(*text);
	return *text ? 0 : -1;
}

static int add_forward(struct build *build, const struct net_forward *forward)
{
	struct net_forwards *all = build->forwards;
	struct net_forward copy = *forward;
	struct net_forward *list;
	int failed = 0;

	/* All four, so that each is either a copy or NULL. */
	failed |= copy_text(&copy.listen);
	failed |= copy_text(&copy.target);
	failed |= copy_text(&copy.user);
	failed |= copy_text(&copy.client);
	list = failed ? NULL : array_grow(all->list, all->count, &all->capacity, sizeof(*list));
	if (!list) {
		free_texts(&copy);
		return -1;
	}
	all->list = list;
	list[all->count++] = copy;
	return 0;
}

static int add_listener(struct build *build, const struct lead *lead)
{
	const struct net_socket *socket = lead->socket;
	char client[NET_ADDRESS_TEXT], listen[NET_ADDRESS_TEXT];
	struct net_forward forward = owned_by(build, lead->owner, client);
	const struct net_connections *all = &build->snapshot->connections;
	const struct net_process *session =
		lead->owner < all->count ? all->list[lead->owner].process : NULL;
	struct listener *listeners = array_grow(build->listeners, build->listener_count,
		&build->listener_capacity, sizeof(*listeners));

	if (!listeners)
		return -1;
	build->listeners = listeners;
	if (socket->family == AF_UNIX) {
		if (!socket->path || socket->type != SOCK_STREAM)
			return 0;
		forward.listen = socket->path;
		forward.type = is_agent_path(socket->path, session) ? NET_FORWARD_AGENT
								    : NET_FORWARD_REMOTE_UNIX;
	} else {
		forward.listen = net_address_format(listen, &socket->local);
		forward.type = is_x11(build, lead) ? NET_FORWARD_X11 : NET_FORWARD_REMOTE;
	}
	listeners[build->listener_count++] =
		(struct listener){.lead = lead, .forward = build->forwards->count};
	return add_forward(build, &forward);
}

static bool took_in(const struct net_socket *listen, const struct net_socket *socket)
{
	if (listen->family == AF_UNIX || socket->family == AF_UNIX)
		return listen->family == socket->family && socket->path &&
		       strcmp(listen->path, socket->path) == 0;
	return net_address_reaches(&listen->local, &socket->local);
}

/* The forward of the same owner that took the connection in, or NULL. */
static struct net_forward *find_listener(const struct build *build, const struct lead *lead)
{
	size_t low = 0, high = build->listener_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (build->listeners[middle].lead->owner < lead->owner)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < build->listener_count && build->listeners[low].lead->owner == lead->owner;
		low++)
		if (took_in(build->listeners[low].lead->socket, lead->socket))
			return &build->forwards->list[build->listeners[low].forward];
	return NULL;
}

static int add_connection(struct build *build, const struct lead *lead)
{
	const struct net_socket *socket = lead->socket;
	char client[NET_ADDRESS_TEXT], target[NET_ADDRESS_TEXT];
	struct net_forward forward = owned_by(build, lead->owner, client);
	struct net_forward *listener;

	if (socket->family == AF_UNIX && socket->type != SOCK_STREAM)
		return 0;
	listener = find_listener(build, lead);
	if (listener) {
		listener->connections++;
		return 0;
	}
	forward.connections = 1;
	if (socket->family == AF_UNIX) {
		const char *path = find_path(build, socket->peer);

		/* An end with a name of its own was accepted, and its listener is gone. */
		if (socket->path || !path || is_system_path(path))
			return 0;
		forward.type = NET_FORWARD_LOCAL_UNIX;
		forward.target = (char *)(uintptr_t)path;
	} else {
		forward.type = NET_FORWARD_LOCAL;
		forward.target = net_address_format(target, &socket->remote);
	}
	return add_forward(build, &forward);
}

/* Connections of one session to one target become one forward with a count. */
static void group(struct net_forwards *forwards)
{
	size_t kept = 0;

	for (size_t i = 0; i < forwards->count; i++) {
		struct net_forward *forward = &forwards->list[i];
		struct net_forward *last = kept ? &forwards->list[kept - 1] : NULL;

		if (last && forward->target && compare_forwards(last, forward) == 0) {
			last->connections += forward->connections;
			free_texts(forward);
		} else {
			forwards->list[kept++] = *forward;
		}
	}
	forwards->count = kept;
}

int net_forwards_build(struct net_forwards *forwards, const struct net_snapshot *snapshot)
{
	struct build build = {.snapshot = snapshot, .forwards = forwards};
	int result = -1;

	*forwards = (struct net_forwards){0};
	if (find_leads(&build) == 0 && index_paths(&build) == 0)
		result = 0;
	for (size_t i = 0; i < build.lead_count && result == 0; i++)
		if (build.leads[i].socket->state == TCP_LISTEN)
			result = add_listener(&build, &build.leads[i]);
	for (size_t i = 0; i < build.lead_count && result == 0; i++)
		if (build.leads[i].socket->state != TCP_LISTEN)
			result = add_connection(&build, &build.leads[i]);
	array_sort(forwards->list, forwards->count, sizeof(*forwards->list), compare_forwards);
	group(forwards);
	free(build.paths);
	free(build.leads);
	free(build.listeners);
	return result;
}

int net_forwards_read(struct net_forwards *forwards, bool *complete, struct error *error)
{
	struct net_snapshot snapshot;
	int result;

	*forwards = (struct net_forwards){0};
	result = net_snapshot_read(&snapshot, NET_LOOK_FORWARDS, error);
	*complete = snapshot.complete;
	if (result == 0 && net_forwards_build(forwards, &snapshot) != 0)
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	net_snapshot_free(&snapshot);
	return result;
}

void net_forwards_free(struct net_forwards *forwards)
{
	for (size_t i = 0; i < forwards->count; i++)
		free_texts(&forwards->list[i]);
	free(forwards->list);
	*forwards = (struct net_forwards){0};
}
