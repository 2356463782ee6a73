#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/forwards.h"
#include "net/processes.h"
#include "net/sessions.h"
#include "net/snapshot.h"
#include "net/sockets.h"

/* Tables made by hand: what is hard to bring about on a live machine. */
static struct net_process processes[16];
static struct net_socket sockets[16];
static struct net_holder holders[32];
static struct net_snapshot snapshot;

static void clear(void)
{
	snapshot = (struct net_snapshot){.complete = true};
	snapshot.processes.list = processes;
	snapshot.processes.holders = holders;
	snapshot.sockets.list = sockets;
}

static void add_process(pid_t pid, pid_t parent, uid_t uid, const char *comm, const char *title)
{
	struct net_process *process = &processes[snapshot.processes.count++];

	*process = (struct net_process){
		.pid = pid, .parent = parent, .uid = uid, .readable = true, .since = 1000 + pid};
	strncpy(process->comm, comm, sizeof(process->comm) - 1);
	process->title = (char *)(uintptr_t)title;
	process->server = title != NULL;
}

static void add_tcp(uint32_t inode, uint8_t state, const char *local, uint16_t local_port,
	const char *remote, uint16_t remote_port)
{
	struct net_socket *socket = &sockets[snapshot.sockets.count++];

	*socket = (struct net_socket){.inode = inode, .state = state, .type = SOCK_STREAM};
	assert_int_equal(net_address_parse(local, local_port, &socket->local), 0);
	assert_int_equal(net_address_parse(remote, remote_port, &socket->remote), 0);
	socket->family = socket->local.family;
}

static void add_unix(uint32_t inode, uint8_t state, const char *path, uint32_t peer)
{
	sockets[snapshot.sockets.count++] = (struct net_socket){.family = AF_UNIX,
		.type = SOCK_STREAM,
		.state = state,
		.inode = inode,
		.peer = peer,
		.path = (char *)(uintptr_t)path};
}

static void hold(pid_t pid, uint32_t inode)
{
	holders[snapshot.processes.holder_count++] = (struct net_holder){
		.inode = inode, .process = (uint32_t)net_processes_find(&snapshot.processes, pid)};
}

static void join(struct net_sessions *sessions, struct net_forwards *forwards)
{
	net_processes_sort(&snapshot.processes);
	assert_int_equal(
		net_connections_join(&snapshot.connections, &snapshot.processes, &snapshot.sockets),
		0);
	assert_int_equal(net_sessions_build(sessions, &snapshot), 0);
	assert_int_equal(net_forwards_build(forwards, &snapshot), 0);
}

static void leave(struct net_sessions *sessions, struct net_forwards *forwards)
{
	net_sessions_free(sessions);
	net_forwards_free(forwards);
	net_connections_free(&snapshot.connections);
}

static void add_server(void)
{
	add_process(10, 1, 0, "sshd", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups");
	add_tcp(100, TCP_LISTEN, "0.0.0.0", 22, "0.0.0.0", 0);
	hold(10, 100);
}

static void the_monitor_and_its_session_are_one(void **state)
{
	struct net_sessions sessions;
	struct net_forwards forwards;

	(void)state;
	clear();
	add_server();
	add_process(20, 10, 0, "sshd", "sshd: alice [priv]");
	add_process(21, 20, 1500, "sshd", "sshd: alice@pts/0,pts/1");
	add_process(22, 21, 1500, "sshd", "sshd: alice@pts/0"); /* a shell not yet started */
	add_process(23, 21, 1500, "sshd", "sshd: alice@internal-sftp");
	add_tcp(200, TCP_ESTABLISHED, "192.0.2.1", 22, "198.51.100.7", 50000);
	hold(20, 200);
	hold(21, 200);
	hold(22, 200);
	/* PAM's connection in the monitor is not a forward. */
	add_tcp(201, TCP_ESTABLISHED, "192.0.2.1", 40000, "192.0.2.9", 389);
	hold(20, 201);
	join(&sessions, &forwards);
	assert_int_equal(sessions.count, 1);
	assert_int_equal(sessions.list[0].pid, 21);
	assert_int_equal(sessions.list[0].uid, 1500);
	assert_string_equal(sessions.list[0].user, "alice");
	assert_string_equal(sessions.list[0].tty, "pts/0,pts/1");
	assert_string_equal(sessions.list[0].client, "198.51.100.7:50000");
	assert_int_equal(sessions.list[0].since, 1021);
	assert_int_equal(forwards.count, 0);
	leave(&sessions, &forwards);
}

static void nobody_is_in_before_authentication(void **state)
{
	struct net_sessions sessions;
	struct net_forwards forwards;

	(void)state;
	clear();
	add_server();
	add_process(20, 10, 0, "sshd", "sshd: [accepted]");
	add_process(21, 10, 0, "sshd", "sshd: root [priv]");
	add_process(22, 21, 102, "sshd", "sshd: root [net]");
	add_process(30, 10, 0, "sshd-session", "sshd-session: root [priv]");
	add_process(31, 30, 102, "sshd-auth", "sshd-auth: root [net]");
	join(&sessions, &forwards);
	assert_int_equal(sessions.count, 0);
	leave(&sessions, &forwards);
}

/* The listener has gone: a low local port tells what was accepted from what was opened. */
static void without_a_listener_the_lowest_port_is_the_connection(void **state)
{
	struct net_sessions sessions;
	struct net_forwards forwards;

	(void)state;
	clear();
	add_process(20, 1, 0, "sshd-session", "sshd-session: root@notty");
	add_tcp(200, TCP_ESTABLISHED, "127.0.0.1", 40000, "127.0.0.1", 8080);
	add_tcp(201, TCP_ESTABLISHED, "2001:db8::1", 22, "2001:db8::2", 50000);
	add_tcp(202, TCP_LISTEN, "127.0.0.1", 7, "0.0.0.0", 0);
	add_tcp(203, TCP_ESTABLISHED, "127.0.0.1", 7, "127.0.0.1", 50001);
	for (uint32_t inode = 200; inode <= 203; inode++)
		hold(20, inode);
	join(&sessions, &forwards);
	assert_int_equal(sessions.count, 1);
	assert_string_equal(sessions.list[0].client, "[2001:db8::2]:50000");
	assert_int_equal(forwards.count, 2);
	assert_string_equal(forwards.list[0].target, "127.0.0.1:8080");
	assert_string_equal(forwards.list[1].listen, "127.0.0.1:7");
	assert_int_equal(forwards.list[1].connections, 1);
	leave(&sessions, &forwards);
}

static void each_kind_of_forward_has_its_name(void **state)
{
	static const struct {
		enum net_forward_type type;
		const char *listen, *target;
		unsigned connections;
	} expected[] = {
		{NET_FORWARD_LOCAL, NULL, "192.0.2.5:80", 2},
		{NET_FORWARD_REMOTE, "0.0.0.0:7000", NULL, 1},
		{NET_FORWARD_LOCAL_UNIX, NULL, "/run/docker.sock", 1},
		{NET_FORWARD_REMOTE_UNIX, "/tmp/r", NULL, 0},
		{NET_FORWARD_X11, "127.0.0.1:6010", NULL, 0},
		{NET_FORWARD_AGENT, "/tmp/ssh-abcdefghij/agent.20", NULL, 0},
	};
	struct net_sessions sessions;
	struct net_forwards forwards;

	(void)state;
	clear();
	add_server();
	add_process(20, 10, 0, "sshd", "sshd: root@pts/0");
	add_tcp(200, TCP_ESTABLISHED, "192.0.2.1", 22, "198.51.100.7", 50000);
	add_tcp(201, TCP_ESTABLISHED, "192.0.2.1", 40000, "192.0.2.5", 80);
	add_tcp(202, TCP_SYN_SENT, "192.0.2.1", 40001, "192.0.2.5", 80);
	add_tcp(203, TCP_LISTEN, "0.0.0.0", 7000, "0.0.0.0", 0);
	add_tcp(204, TCP_ESTABLISHED, "192.0.2.1", 7000, "192.0.2.6", 50001);
	add_tcp(205, TCP_LISTEN, "127.0.0.1", 6010, "0.0.0.0", 0);
	add_unix(206, TCP_LISTEN, "/tmp/ssh-abcdefghij/agent.20", 0);
	add_unix(207, TCP_LISTEN, "/tmp/r", 0);
	add_unix(208, TCP_ESTABLISHED, NULL, 300);
	add_unix(300, TCP_ESTABLISHED, "/run/docker.sock", 208);
	/* Of the system's own and without a name. */
	add_unix(209, TCP_ESTABLISHED, NULL, 301);
	add_unix(301, TCP_ESTABLISHED, "/run/dbus/system_bus_socket", 209);
	add_unix(210, TCP_ESTABLISHED, NULL, 0);
	for (uint32_t inode = 200; inode <= 210; inode++)
		hold(20, inode);
	join(&sessions, &forwards);
	assert_int_equal(forwards.count, 6);
	for (size_t i = 0; i < 6; i++) {
		const struct net_forward *forward = &forwards.list[i];

		assert_int_equal(forward->type, expected[i].type);
		assert_int_equal(forward->connections, expected[i].connections);
		assert_int_equal(forward->listen != NULL, expected[i].listen != NULL);
		if (forward->listen)
			assert_string_equal(forward->listen, expected[i].listen);
		assert_int_equal(forward->target != NULL, expected[i].target != NULL);
		if (forward->target)
			assert_string_equal(forward->target, expected[i].target);
		assert_string_equal(forward->attributed, "pid");
		assert_int_equal(forward->pid, 20);
		assert_string_equal(forward->client, "198.51.100.7:50000");
	}
	assert_string_equal(net_forward_type_name(NET_FORWARD_REMOTE_UNIX), "remote-unix");
	leave(&sessions, &forwards);
}

/* Root cannot look: the account's own programs are left out, the rest is its sessions'. */
static void what_cannot_be_looked_into_goes_by_uid(void **state)
{
	struct user_socket programs[] = {{.inode = 301, .pid = 40}};
	uint32_t lasting[] = {100, 200, 300, 301};
	struct user_view view = {.uid = 1500,
		.valid = true,
		.of_sessions = true,
		.sockets = programs,
		.socket_count = 1};
	struct net_sessions sessions;
	struct net_forwards forwards;

	(void)state;
	clear();
	snapshot.views = &view;
	snapshot.view_count = 1;
	snapshot.lasting = lasting;
	snapshot.lasting_count = 4;
	add_server();
	add_process(20, 10, 0, "sshd", "sshd: alice [priv]");
	add_process(21, 20, 1500, "sshd", "sshd: alice");
	processes[1].readable = processes[2].readable = false;
	add_tcp(200, TCP_ESTABLISHED, "192.0.2.1", 22, "198.51.100.7", 50000);
	add_tcp(300, TCP_LISTEN, "127.0.0.1", 7000, "0.0.0.0", 0);
	add_tcp(301, TCP_LISTEN, "127.0.0.1", 8888, "0.0.0.0", 0);
	add_tcp(302, TCP_ESTABLISHED, "127.0.0.1", 40000, "127.0.0.1", 80); /* has gone since */
	for (size_t i = 2; i < 5; i++)
		sockets[i].uid = 1500;
	join(&sessions, &forwards);
	assert_int_equal(forwards.count, 1);
	assert_string_equal(forwards.list[0].listen, "127.0.0.1:7000");
	assert_string_equal(forwards.list[0].attributed, "uid");
	assert_string_equal(forwards.list[0].user, "alice");
	assert_int_equal(forwards.list[0].pid, 0);
	assert_null(forwards.list[0].client);
	assert_null(sessions.list[0].client);
	/* One session and one connection are left over: they belong together. */
	net_connections_claim_last(&snapshot.connections, &snapshot.processes, &snapshot.sockets);
	assert_ptr_equal(snapshot.connections.list[0].own, &sockets[1]);
	net_forwards_free(&forwards);
	/* A view that was cut short shows nothing that it might be wrong about. */
	view.valid = false;
	assert_int_equal(net_forwards_build(&forwards, &snapshot), 0);
	assert_int_equal(forwards.count, 0);
	leave(&sessions, &forwards);
}

static void a_claim_must_fit_a_connection_of_sshd(void **state)
{
	struct net_sessions sessions;
	struct net_forwards forwards;
	struct net_address client, server;

	(void)state;
	clear();
	add_server();
	add_process(20, 10, 0, "sshd", "sshd: root@pts/0");
	add_process(30, 10, 1500, "sshd", "sshd: alice@pts/1");
	processes[2].readable = false;
	add_tcp(200, TCP_ESTABLISHED, "192.0.2.1", 22, "198.51.100.7", 50000);
	add_tcp(300, TCP_ESTABLISHED, "192.0.2.1", 22, "198.51.100.8", 50001);
	hold(20, 200);
	join(&sessions, &forwards);
	assert_int_equal(net_address_parse("192.0.2.1", 22, &server), 0);
	assert_int_equal(net_address_parse("203.0.113.1", 50001, &client), 0);
	assert_false(net_connections_claim(&snapshot.connections, 1, &client, &server,
		&snapshot.processes, &snapshot.sockets));
	/* Somebody else's. */
	assert_int_equal(net_address_parse("198.51.100.7", 50000, &client), 0);
	assert_false(net_connections_claim(&snapshot.connections, 1, &client, &server,
		&snapshot.processes, &snapshot.sockets));
	assert_int_equal(net_address_parse("198.51.100.8", 50001, &client), 0);
	assert_true(net_connections_claim(&snapshot.connections, 1, &client, &server,
		&snapshot.processes, &snapshot.sockets));
	leave(&sessions, &forwards);
}

static void an_empty_machine_is_fine(void **state)
{
	struct net_sessions sessions;
	struct net_forwards forwards;

	(void)state;
	clear();
	join(&sessions, &forwards);
	assert_int_equal(sessions.count, 0);
	assert_int_equal(forwards.count, 0);
	leave(&sessions, &forwards);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_monitor_and_its_session_are_one),
		cmocka_unit_test(nobody_is_in_before_authentication),
		cmocka_unit_test(without_a_listener_the_lowest_port_is_the_connection),
		cmocka_unit_test(each_kind_of_forward_has_its_name),
		cmocka_unit_test(what_cannot_be_looked_into_goes_by_uid),
		cmocka_unit_test(a_claim_must_fit_a_connection_of_sshd),
		cmocka_unit_test(an_empty_machine_is_fine),
	};

	return cmocka_run_group_tests_name("net_join", tests, NULL, NULL);
}
