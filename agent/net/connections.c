#include "net/connections.h"

#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/array.h"
#include "net/process_parse.h"
#include "net/processes.h"
#include "net/sockets.h"

/* The major numbers of /dev/pts, Documentation/admin-guide/devices.txt. */
enum { PTS_MAJOR_FIRST = 136, PTS_MAJOR_LAST = 143 };

struct join {
	struct net_connections *connections;
	const struct net_processes *processes;
	const struct net_sockets *sockets;
	enum title_kind *kinds;           /* of each process */
	size_t *served;                   /* of each process: the connection it is part of */
	const struct net_socket **listen; /* every listening TCP socket, by port */
	size_t listen_count;
};

static size_t parent_index(const struct join *join, size_t index)
{
	return net_processes_find(join->processes, join->processes->list[index].parent);
}

static int add_connection(struct join *join, const struct net_connection *connection)
{
	struct net_connections *all = join->connections;
	struct net_connection *list =
		array_grow(all->list, all->count, &all->capacity, sizeof(*list));

	if (!list)
		return -1;
	all->list = list;
	list[all->count++] = *connection;
	return 0;
}

static int copy_text(char **copy, const char *text)
{
	*copy = *text ? strdup(text) : NULL;
	return *text && !*copy ? -1 : 0;
}

/*
 * OpenSSH. A process below a session is not one: sftp inside sshd, or a shell that is
 * about to be started. For an account other than root the session stands below its
 * monitor; root's serves itself.
 */
static int add_openssh(struct join *join, size_t index, const struct title *title)
{
	const struct net_process *process = &join->processes->list[index];
	struct net_connection connection = {
		.process = process, .uid = process->uid, .idle = title->idle};
	size_t parent = parent_index(join, index);

	if (parent != NET_NO_PROCESS && join->kinds[parent] == TITLE_SESSION)
		return 0;
	if (parent != NET_NO_PROCESS && join->kinds[parent] == TITLE_MONITOR)
		connection.monitor = &join->processes->list[parent];
	if (copy_text(&connection.user, title->name) != 0 ||
		copy_text(&connection.tty, title->tty) != 0 ||
		add_connection(join, &connection) != 0) {
		free(connection.user);
		free(connection.tty);
		return -1;
	}
	return 0;
}

static const struct net_socket *find_inode(const struct join *join, uint32_t inode)
{
	for (size_t i = 0; i < join->sockets->count; i++)
		if (join->sockets->list[i].inode == inode)
			return &join->sockets->list[i];
	return NULL;
}

/* What dropbear's process holds: a TCP connection; a pipe that its parent reads from. */
static void look_at_dropbear(const struct join *join, size_t index, bool *connected, bool *early)
{
	const struct net_processes *processes = join->processes;
	const size_t parent = parent_index(join, index);
	size_t count;

	*connected = *early = false;
	for (size_t i = 0; i < processes->holder_count; i++) {
		const struct net_holder *holder = &processes->holders[i];
		const struct net_holder *sharing;
		const struct net_socket *socket;

		if (holder->process != index)
			continue;
		if (!holder->pipe) {
			socket = find_inode(join, holder->inode);
			if (socket && socket->family != AF_UNIX && socket->state != TCP_LISTEN)
				*connected = true;
			continue;
		}
		sharing = net_processes_holders(processes, holder->inode, true, &count);
		for (size_t k = 0; k < count; k++)
			if (holder->writes && sharing[k].process == parent && !sharing[k].writes)
				*early = true;
	}
}

bool net_connections_terminal(unsigned device, char *out, size_t size)
{
	/* As new_encode_dev() in linux/kdev_t.h packs it. */
	unsigned high = (device >> 8) & 0xfff;
	unsigned low = (device & 0xff) | ((device >> 12) & 0xfff00);

	if (high < PTS_MAJOR_FIRST || high > PTS_MAJOR_LAST)
		return false;
	snprintf(out, size, "pts/%u", (high - PTS_MAJOR_FIRST) * 256 + low);
	return true;
}

/*
 * Dropbear writes no titles. A child of the listener that has a connection serves it;
 * until its client has authenticated it keeps a pipe to the listener (svr-auth.c
 * closes it). Whose it is, what runs below it tells; if nothing runs, nobody knows.
 */
static int add_dropbear(struct join *join, size_t index)
{
	const struct net_process *process = &join->processes->list[index];
	struct net_connection connection = {.process = process, .uid = process->uid, .idle = true};
	bool connected, early;
	char tty[32];

	look_at_dropbear(join, index, &connected, &early);
	if (early || (process->readable && !connected))
		return 0;
	for (size_t i = 0; i < join->processes->count; i++) {
		const struct net_process *child = &join->processes->list[i];

		if (child->parent != process->pid)
			continue;
		if (connection.idle && child->uid != NET_UID_UNKNOWN)
			connection.uid = child->uid;
		if (!connection.tty && net_connections_terminal(child->tty, tty, sizeof(tty)))
			connection.tty = strdup(tty);
		connection.idle = false;
	}
	if (add_connection(join, &connection) != 0) {
		free(connection.tty);
		return -1;
	}
	return 0;
}

static bool is_dropbear_session(const struct join *join, size_t index)
{
	const struct net_process *process = &join->processes->list[index];
	size_t parent = parent_index(join, index);
	size_t above;

	if (!process->server || !process_is_dropbear(process->comm))
		return false;
	if (parent == NET_NO_PROCESS || !process_is_dropbear(join->processes->list[parent].comm))
		return process->readable;
	/* Below a session: a shell that is about to be started. */
	above = parent_index(join, parent);
	return above == NET_NO_PROCESS || !process_is_dropbear(join->processes->list[above].comm);
}

static int find_connections(struct join *join)
{
	const struct net_processes *processes = join->processes;
	struct title title;
	int result = 0;

	for (size_t i = 0; i < processes->count; i++) {
		process_parse_title(
			processes->list[i].title ? processes->list[i].title : "", &title);
		join->kinds[i] = title.kind;
	}
	for (size_t i = 0; i < processes->count && result == 0; i++) {
		if (join->kinds[i] == TITLE_SESSION) {
			process_parse_title(processes->list[i].title, &title);
			result = add_openssh(join, i, &title);
		} else if (is_dropbear_session(join, i)) {
			result = add_dropbear(join, i);
		}
	}
	return result;
}

static int add_holding(struct join *join, size_t connection, const struct net_socket *socket,
	const struct net_process *holder)
{
	struct net_connections *all = join->connections;
	bool served = all->list[connection].process == holder;
	struct net_holding *last =
		all->holding_count ? &all->holdings[all->holding_count - 1] : NULL;
	struct net_holding *list;

	/* Monitor and session hold the connection both. */
	if (last && last->socket == socket && last->connection == connection) {
		last->served = last->served || served;
		return 0;
	}
	list = array_grow(all->holdings, all->holding_count, &all->holding_capacity, sizeof(*list));
	if (!list)
		return -1;
	all->holdings = list;
	list[all->holding_count++] =
		(struct net_holding){.connection = connection, .socket = socket, .served = served};
	return 0;
}

static int compare_holdings(const void *a, const void *b)
{
	const struct net_holding *left = a, *right = b;

	if (left->connection != right->connection)
		return left->connection < right->connection ? -1 : 1;
	return (left->socket > right->socket) - (left->socket < right->socket);
}

/* Marks which connection each process is part of, then looks up every socket's holders. */
static int find_holdings(struct join *join)
{
	struct net_connections *all = join->connections;
	int result = 0;

	for (size_t i = 0; i < join->processes->count; i++)
		join->served[i] = SIZE_MAX;
	for (size_t i = 0; i < all->count; i++) {
		join->served[all->list[i].process - join->processes->list] = i;
		if (all->list[i].monitor)
			join->served[all->list[i].monitor - join->processes->list] = i;
	}
	for (size_t i = 0; i < join->sockets->count && result == 0; i++) {
		const struct net_socket *socket = &join->sockets->list[i];
		size_t count;
		const struct net_holder *holder =
			net_processes_holders(join->processes, socket->inode, false, &count);

		for (size_t k = 0; k < count && result == 0; k++)
			if (join->served[holder[k].process] != SIZE_MAX)
				result = add_holding(join, join->served[holder[k].process], socket,
					&join->processes->list[holder[k].process]);
	}
	array_sort(all->holdings, all->holding_count, sizeof(*all->holdings), compare_holdings);
	return result;
}

static int compare_ports(const void *a, const void *b)
{
	const struct net_socket *const *left = a, *const *right = b;

	return (int)(*left)->local.port - (int)(*right)->local.port;
}

static int find_listeners(struct join *join)
{
	const struct net_sockets *sockets = join->sockets;

	join->listen = calloc(sockets->count + 1, sizeof(const struct net_socket *));
	if (!join->listen)
		return -1;
	for (size_t i = 0; i < sockets->count; i++)
		if (sockets->list[i].family != AF_UNIX && sockets->list[i].state == TCP_LISTEN)
			join->listen[join->listen_count++] = &sockets->list[i];
	array_sort(join->listen, join->listen_count, sizeof(*join->listen), compare_ports);
	return 0;
}

static bool is_held_by(const struct join *join, const struct net_socket *socket, size_t connection)
{
	size_t count;
	const struct net_holder *holder =
		net_processes_holders(join->processes, socket->inode, false, &count);

	for (size_t i = 0; i < count; i++)
		if (join->served[holder[i].process] == connection)
			return true;
	return false;
}

/* Whether the socket was accepted: *foreign by somebody else, *own by the connection. */
static void find_acceptor(const struct join *join, const struct net_socket *socket,
	size_t connection, bool *foreign, bool *own)
{
	size_t low = 0, high = join->listen_count;

	*foreign = *own = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (join->listen[middle]->local.port < socket->local.port)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < join->listen_count && join->listen[low]->local.port == socket->local.port;
		low++) {
		if (!net_address_reaches(&join->listen[low]->local, &socket->local))
			continue;
		if (is_held_by(join, join->listen[low], connection))
			*own = true;
		else
			*foreign = true;
	}
}

/*
 * How much a socket looks like the connection that a session serves. It was accepted
 * on somebody else's listener (sshd's), and the monitor holds it too. With the listener
 * gone (sshd was stopped) the lowest local port decides: what a session itself opens
 * gets a port from the ephemeral range.
 */
static long own_score(const struct join *join, const struct net_holding *holding)
{
	const struct net_socket *socket = holding->socket;
	const struct net_connection *connection = &join->connections->list[holding->connection];
	bool foreign, own, shared = false;
	size_t count;
	const struct net_holder *holder;

	if (socket->family == AF_UNIX || socket->state == TCP_LISTEN)
		return -1;
	holder = net_processes_holders(join->processes, socket->inode, false, &count);
	for (size_t i = 0; i < count && connection->monitor; i++)
		if (&join->processes->list[holder[i].process] == connection->monitor)
			shared = true;
	find_acceptor(join, socket, holding->connection, &foreign, &own);
	if (own && !shared && !foreign)
		return -1;
	return (foreign ? 1L << 18 : 0) + (shared ? 1L << 17 : 0) + UINT16_MAX - socket->local.port;
}

static void find_own_sockets(struct join *join)
{
	long best = -1;

	for (size_t i = 0; i < join->connections->holding_count; i++) {
		const struct net_holding *holding = &join->connections->holdings[i];
		struct net_connection *connection = &join->connections->list[holding->connection];
		long score = own_score(join, holding);

		if (i == 0 || holding[-1].connection != holding->connection)
			best = -1;
		if (score <= best)
			continue;
		best = score;
		connection->own = holding->socket;
		connection->client = holding->socket->remote;
	}
}

int net_connections_join(struct net_connections *connections, const struct net_processes *processes,
	const struct net_sockets *sockets)
{
	struct join join = {.connections = connections, .processes = processes, .sockets = sockets};
	int result = -1;

	*connections = (struct net_connections){0};
	join.kinds = calloc(processes->count + 1, sizeof(*join.kinds));
	join.served = calloc(processes->count + 1, sizeof(*join.served));
	if (join.kinds && join.served && find_connections(&join) == 0 &&
		find_holdings(&join) == 0 && find_listeners(&join) == 0) {
		find_own_sockets(&join);
		result = 0;
	}
	free(join.kinds);
	free(join.served);
	free(join.listen);
	return result;
}

static bool is_owned(const struct net_connections *connections, const struct net_socket *socket)
{
	for (size_t i = 0; i < connections->count; i++)
		if (connections->list[i].own == socket)
			return true;
	return false;
}

/* Accepted by root, and nobody that can be looked into has it. */
static bool is_free(const struct net_connections *connections,
	const struct net_processes *processes, const struct net_socket *socket)
{
	size_t holders;

	if (socket->family == AF_UNIX || socket->state == TCP_LISTEN || socket->uid != 0)
		return false;
	net_processes_holders(processes, socket->inode, false, &holders);
	return holders == 0 && !is_owned(connections, socket);
}

bool net_connections_claim(struct net_connections *connections, size_t index,
	const struct net_address *client, const struct net_address *server,
	const struct net_processes *processes, const struct net_sockets *sockets)
{
	for (size_t i = 0; i < sockets->count; i++) {
		const struct net_socket *socket = &sockets->list[i];

		if (socket->family == AF_UNIX || !net_address_equal(&socket->remote, client) ||
			!net_address_equal(&socket->local, server))
			continue;
		if (!is_free(connections, processes, socket))
			return false;
		connections->list[index].own = socket;
		connections->list[index].client = *client;
		return true;
	}
	return false;
}

/* Whether an SSH server of root's listens at that socket. */
static bool is_servers(const struct net_processes *processes, const struct net_socket *socket)
{
	const struct net_holder *holder;
	size_t count;

	if (socket->family == AF_UNIX || socket->state != TCP_LISTEN || socket->uid != 0)
		return false;
	holder = net_processes_holders(processes, socket->inode, false, &count);
	for (size_t i = 0; i < count; i++)
		if (processes->list[holder[i].process].server)
			return true;
	return false;
}

static bool is_at_server(
	const struct net_socket *const *listeners, size_t count, const struct net_socket *socket)
{
	for (size_t i = 0; i < count; i++)
		if (net_address_reaches(&listeners[i]->local, &socket->local))
			return true;
	return false;
}

void net_connections_claim_last(struct net_connections *connections,
	const struct net_processes *processes, const struct net_sockets *sockets)
{
	const struct net_socket **listeners = NULL, *left = NULL;
	struct net_connection *lonely = NULL;
	size_t count = 0, found = 0;

	for (size_t i = 0; i < connections->count; i++) {
		if (connections->list[i].own)
			continue;
		if (lonely)
			return;
		lonely = &connections->list[i];
	}
	if (lonely)
		listeners = calloc(sockets->count + 1, sizeof(const struct net_socket *));
	for (size_t i = 0; listeners && i < sockets->count; i++)
		if (is_servers(processes, &sockets->list[i]))
			listeners[count++] = &sockets->list[i];
	for (size_t i = 0; listeners && i < sockets->count && found < 2; i++) {
		const struct net_socket *socket = &sockets->list[i];

		if (socket->uid != 0 || !is_at_server(listeners, count, socket) ||
			!is_free(connections, processes, socket))
			continue;
		left = socket;
		found++;
	}
	if (found == 1) {
		lonely->own = left;
		lonely->client = left->remote;
	}
	free(listeners);
}

void net_connections_free(struct net_connections *connections)
{
	for (size_t i = 0; i < connections->count; i++) {
		free(connections->list[i].user);
		free(connections->list[i].tty);
	}
	free(connections->list);
	free(connections->holdings);
	*connections = (struct net_connections){0};
}
