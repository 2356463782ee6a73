#include "net/services.h"

#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "net/array.h"
#include "net/mapping.h"
#include "net/portal.h"
#include "net/snapshot.h"

/* Ports below this one are root's on the person's machine too, ip(7). */
enum { FIRST_FREE_PORT = 1024, INSTEAD = 8000, TEXT_BYTES = 512 };

struct build {
	const struct net_snapshot *snapshot;
	const struct net_way_in *way;
	bool open[UINT16_MAX + 1]; /* ports where something listens for other machines */
};

static bool is_listening(const struct net_socket *socket)
{
	return socket->family != AF_UNIX && socket->state == TCP_LISTEN;
}

static const struct net_process *find_process(const struct net_processes *processes, pid_t pid)
{
	size_t index = pid ? net_processes_find(processes, pid) : NET_NO_PROCESS;

	return index == NET_NO_PROCESS ? NULL : &processes->list[index];
}

/* Of a server and its workers, which hold its socket too: the one above. */
static const struct net_process *find_holder(
	const struct net_processes *processes, const struct net_socket *socket)
{
	size_t count;
	const struct net_holder *holder =
		net_processes_holders(processes, socket->inode, false, &count);

	for (size_t i = 0; i < count; i++) {
		const struct net_process *process = &processes->list[holder[i].process];
		bool below = false;

		for (size_t k = 0; k < count && !below; k++)
			below = processes->list[holder[k].process].pid == process->parent;
		if (!below)
			return process;
	}
	return count ? &processes->list[holder[0].process] : NULL;
}

static const struct user_view *find_view(const struct net_snapshot *snapshot, uid_t uid)
{
	for (size_t i = 0; i < snapshot->view_count; i++)
		if (snapshot->views[i].uid == uid && snapshot->views[i].valid)
			return &snapshot->views[i];
	return NULL;
}

/*
 * What a session listens on is a forward. Where the session cannot be looked into, that is
 * what none of the account's programs hold.
 */
static bool is_forward(const struct net_snapshot *snapshot, const struct net_socket *socket,
	const struct net_process *holder, const struct user_view *view)
{
	const struct net_connections *all = &snapshot->connections;

	for (size_t i = 0; i < all->count; i++) {
		const struct net_connection *connection = &all->list[i];

		if (holder && connection->process == holder)
			return true;
		if (!holder && view && connection->uid == socket->uid &&
			!connection->process->readable)
			return true;
	}
	return false;
}

static int copy_text(char **copy, const char *text)
{
	*copy = text ? strdup(text) : NULL;
	return text && !*copy ? -1 : 0;
}

/* The portal's entry for what listens at the port, itself or as its proxy. */
static const struct net_portal_entry *find_entry(const struct net_portal *portal, uint16_t port)
{
	const struct net_portal_entry *behind = NULL;

	for (size_t i = 0; i < portal->count; i++) {
		const struct net_portal_entry *entry = &portal->list[i];

		if (entry->external == port)
			return entry;
		if (entry->internal == port && entry->local && !behind)
			behind = entry;
	}
	return behind;
}

/* What stands behind the portal's proxy speaks what that does; of others the port tells. */
static bool speaks_tls(uint16_t port, bool proxied, const struct net_mapping *mapping)
{
	return proxied ? mapping->https : port == 443 || port == 8443;
}

static int describe_public(struct net_service *service, const struct build *build, uint16_t outside,
	const struct net_portal_entry *entry)
{
	const struct net_mapping *mapping = build->way->mapping;
	bool proxied = entry && entry->external != entry->internal;
	char public[NET_HOST_SIZE + 16], url[TEXT_BYTES];

	net_mapping_public(mapping, outside, public, sizeof(public));
	snprintf(url, sizeof(url), "%s://%s%s",
		speaks_tls(service->address.port, proxied, mapping) ? "https" : "http", public,
		entry ? entry->path : "/");
	return copy_text(&service->public, public) != 0 || copy_text(&service->url, url) != 0 ? -1
											      : 0;
}

/* Where sshd has to connect to. */
static void target_text(char *out, size_t size, const struct net_address *address)
{
	char text[NET_ADDRESS_TEXT];
	struct net_address first = {.family = AF_INET, .bytes = {127, 0, 0, 1}};

	first.port = address->port;
	if (net_address_is_any(address) || net_address_equal(address, &first) ||
		(address->family == AF_INET6 && net_address_is_loopback(address)))
		snprintf(out, size, "localhost:%u", (unsigned)address->port);
	else
		snprintf(out, size, "%s", net_address_format(text, address));
}

static int describe_command(struct net_service *service, const struct build *build)
{
	char ssh[TEXT_BYTES], target[NET_ADDRESS_TEXT], line[TEXT_BYTES * 2];
	unsigned port = service->address.port;

	if (!net_mapping_ssh(build->way->mapping, build->way->user, ssh, sizeof(ssh)))
		return 0;
	target_text(target, sizeof(target), &service->address);
	if (port < FIRST_FREE_PORT)
		port += INSTEAD;
	snprintf(line, sizeof(line), "%s -L %u:%s", ssh, port, target);
	return copy_text(&service->command, line);
}

static int describe_server(struct net_service *service, const struct build *build)
{
	char ssh[TEXT_BYTES];

	free(service->url);
	service->url = NULL;
	if (!service->public || service->command)
		return 0;
	return copy_text(&service->command,
		net_mapping_ssh(build->way->mapping, build->way->user, ssh, sizeof(ssh)));
}

static int describe_hint(struct net_service *service, uint16_t outside)
{
	char hint[TEXT_BYTES];

	snprintf(hint, sizeof(hint),
		"its port is open to the outside as %u, but it listens for this machine only "
		"(it would have to listen on 0.0.0.0)",
		(unsigned)outside);
	return copy_text(&service->hint, hint);
}

/*
 * The platform maps a port to the instance's address on its network: what listens on the
 * loopback is not there.
 */
static int describe_way(struct net_service *service, const struct build *build)
{
	const uint16_t port = service->address.port;
	const struct net_mapping *mapping = build->way->mapping;
	const struct net_portal_entry *entry = find_entry(build->way->portal, port);
	bool inner = net_address_is_loopback(&service->address);
	uint16_t outside = net_mapping_outside(mapping, port);
	uint16_t proxy = entry && entry->external != port
				 ? net_mapping_outside(mapping, entry->external)
				 : 0;
	int result;

	if (copy_text(&service->name, entry ? entry->name : NULL) != 0)
		return -1;
	service->exposed = outside && !inner;
	if (service->exposed)
		result = describe_public(
			service, build, outside, entry && entry->external == port ? entry : NULL);
	else if (proxy && build->open[entry->external])
		result = describe_public(service, build, proxy, entry);
	else
		result = describe_command(service, build);
	if (result == 0 && outside && inner && !service->public)
		result = describe_hint(service, outside);
	return result;
}

static int describe(struct net_service *service, const struct build *build,
	const struct net_socket *socket, const struct net_process *process, bool seen)
{
	*service = (struct net_service){.address = socket->local,
		.uid = socket->uid,
		.pid = process ? process->pid : 0,
		.attributed = seen ? "pid" : "uid"};
	if (copy_text(&service->process, process ? process->comm : NULL) != 0 ||
		describe_way(service, build) != 0)
		return -1;
	return process && process->server ? describe_server(service, build) : 0;
}

static void free_service(struct net_service *service)
{
	free(service->process);
	free(service->name);
	free(service->public);
	free(service->url);
	free(service->command);
	free(service->hint);
}

static int compare_services(const void *a, const void *b)
{
	const struct net_service *left = a, *right = b;
	int order;

	if (left->address.port != right->address.port)
		return left->address.port < right->address.port ? -1 : 1;
	if (left->address.family != right->address.family)
		return left->address.family < right->address.family ? -1 : 1;
	order = memcmp(left->address.bytes, right->address.bytes, sizeof(left->address.bytes));
	if (order)
		return order;
	if (left->uid != right->uid)
		return left->uid < right->uid ? -1 : 1;
	return (left->pid > right->pid) - (left->pid < right->pid);
}

/* SO_REUSEPORT, socket(7): the workers of one server have a socket each. */
static void drop_repeated(struct net_services *services)
{
	size_t kept = 0;

	for (size_t i = 0; i < services->count; i++) {
		struct net_service *service = &services->list[i];
		const struct net_service *last = kept ? &services->list[kept - 1] : NULL;

		if (last && net_address_equal(&last->address, &service->address) &&
			last->uid == service->uid)
			free_service(service);
		else
			services->list[kept++] = *service;
	}
	services->count = kept;
}

static int add_service(
	struct net_services *services, const struct build *build, const struct net_socket *socket)
{
	const struct net_processes *processes = &build->snapshot->processes;
	const struct user_view *view = find_view(build->snapshot, socket->uid);
	const struct net_process *holder = find_holder(processes, socket);

	if (!holder && view)
		holder = find_process(processes, user_view_holder(view, socket->inode));
	if (is_forward(build->snapshot, socket, holder, view))
		return 0;
	return describe(&services->list[services->count++], build, socket, holder, holder != NULL);
}

int net_services_build(struct net_services *services, const struct net_snapshot *snapshot,
	const struct net_way_in *way)
{
	const struct net_sockets *sockets = &snapshot->sockets;
	struct build *build = calloc(1, sizeof(*build));
	size_t count = 0;
	int result;

	*services = (struct net_services){0};
	for (size_t i = 0; i < sockets->count && build; i++)
		if (is_listening(&sockets->list[i])) {
			const struct net_address *address = &sockets->list[i].local;

			count++;
			if (!net_address_is_loopback(address))
				build->open[address->port] = true;
		}
	services->list = calloc(count + 1, sizeof(*services->list));
	result = build && services->list ? 0 : -1;
	if (build) {
		build->snapshot = snapshot;
		build->way = way;
	}
	for (size_t i = 0; i < sockets->count && result == 0; i++)
		if (is_listening(&sockets->list[i]))
			result = add_service(services, build, &sockets->list[i]);
	array_sort(services->list, services->count, sizeof(*services->list), compare_services);
	drop_repeated(services);
	free(build);
	return result;
}

int net_services_read(struct net_services *services, const struct net_way_in *way, bool *complete,
	struct error *error)
{
	struct net_snapshot snapshot;
	int result;

	*services = (struct net_services){0};
	result = net_snapshot_read(&snapshot, NET_LOOK_SERVICES, error);
	*complete = snapshot.complete;
	if (result == 0 && net_services_build(services, &snapshot, way) != 0)
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	net_snapshot_free(&snapshot);
	return result;
}

void net_services_free(struct net_services *services)
{
	for (size_t i = 0; i < services->count; i++)
		free_service(&services->list[i]);
	free(services->list);
	*services = (struct net_services){0};
}
