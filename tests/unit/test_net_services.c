#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "net/mapping.h"
#include "net/portal.h"
#include "net/services.h"
#include "net/snapshot.h"

static struct net_mapping mapping;
static struct net_portal portal;
static const struct net_way_in way = {&mapping, &portal, "root"};

static void map_usual_ports(void)
{
	mapping = (struct net_mapping){0};
	net_mapping_set(&mapping, "PUBLIC_IPADDR", "203.0.113.7");
	net_mapping_set(&mapping, "VAST_TCP_PORT_22", "20544");
	net_mapping_set(&mapping, "VAST_TCP_PORT_8080", "40080");
	net_mapping_set(&mapping, "VAST_TCP_PORT_1111", "41111");
	net_mapping_set(&mapping, "VAST_TCP_PORT_70000", "40070");
	net_mapping_set(&mapping, "VAST_UDP_PORT_6000", "40099");
}

static void ports_of_the_platform_are_read(void **state)
{
	char text[300];

	(void)state;
	map_usual_ports();
	assert_int_equal(net_mapping_outside(&mapping, 22), 20544);
	assert_int_equal(net_mapping_outside(&mapping, 40070), 40070);
	assert_int_equal(net_mapping_outside(&mapping, 6000), 0);
	assert_int_equal(net_mapping_outside(&mapping, 9), 0);
	assert_string_equal(net_mapping_ssh(&mapping, "alice", text, sizeof(text)),
		"ssh -p 20544 alice@203.0.113.7");
	assert_string_equal(
		net_mapping_public(&mapping, 40080, text, sizeof(text)), "203.0.113.7:40080");
}

static void values_that_cannot_be_right_change_nothing(void **state)
{
	static const char *const hosts[] = {"", "-oProxyCommand=x", "a b", "$(id)", "1.2.3.4;id",
		"fe80::1%eth0", "host\n", ".", "`id`"};
	static const char *const ports[] = {"", "0", "65536", "-1", "22x", "99999999999999999999"};
	char text[300];

	(void)state;
	mapping = (struct net_mapping){0};
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		net_mapping_set(&mapping, "VAST_TCP_PORT_22", ports[i]);
	net_mapping_set(&mapping, "VAST_TCP_PORT_", "22");
	net_mapping_set(&mapping, "VAST_TCP_PORT_x", "22");
	net_mapping_set(&mapping, "VAST_TCP_PORT_0", "22");
	assert_int_equal(mapping.count, 0);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		net_mapping_set(&mapping, "PUBLIC_IPADDR", hosts[i]);
	assert_string_equal(mapping.host, "");
	/* Without the address a port leads nowhere. */
	net_mapping_set(&mapping, "VAST_TCP_PORT_22", "22");
	assert_null(net_mapping_ssh(&mapping, "root", text, sizeof(text)));
	net_mapping_set(&mapping, "PUBLIC_IPADDR", "2001:db8::7");
	assert_string_equal(
		net_mapping_public(&mapping, 22, text, sizeof(text)), "[2001:db8::7]:22");
	for (int i = 0; i < 1000; i++)
		net_mapping_set(&mapping, "VAST_TCP_PORT_23", "23");
	assert_int_equal(mapping.count, NET_MAPPED_MAX);
}

/* As yaml.dump() writes it, with what people put into it by hand. */
static const char portal_file[] =
	"# written by hand\r\n"
	"---\n"
	"applications:\n"
	"  Instance Portal:\n"
	"    hostname: localhost\n"
	"    external_port: 1111\n"
	"    internal_port: 11111\n"
	"    open_path: /\n"
	"    name: Instance Portal\n"
	"  'Jupyter''s: #1':\n"
	"    hostname: \"localhost\"   # here\n"
	"    external_port: 8080\n"
	"    internal_port: '8080'\n"
	"    open_path: /lab?token=a:b\n"
	"  Elsewhere:\n"
	"    hostname: 10.0.0.5\n"
	"    external_port: 9000\n"
	"    internal_port: 19000\n"
	"  Bad Port:\n"
	"    hostname: localhost\n"
	"    external_port: 99999\n"
	"    internal_port: 1\n"
	"  Flow: {hostname: localhost, external_port: 1, internal_port: 2}\n"
	"  Bad Path:\n"
	"    hostname: localhost\n"
	"    external_port: 3\n"
	"    internal_port: 4\n"
	"    open_path: javascript:alert(1)\n"
	"  Escape\x1b[2J:\n"
	"    hostname: localhost\n"
	"    external_port: 5\n"
	"    internal_port: 6\n"
	"other:\n"
	"  Not An Application:\n"
	"    hostname: localhost\n"
	"    external_port: 7\n"
	"    internal_port: 8\n";

static void the_portals_file_is_read(void **state)
{
	(void)state;
	portal = (struct net_portal){0};
	net_portal_parse_file(&portal, portal_file, sizeof(portal_file) - 1);
	assert_int_equal(portal.count, 4);
	assert_string_equal(portal.list[0].name, "Instance Portal");
	assert_int_equal(portal.list[0].external, 1111);
	assert_int_equal(portal.list[0].internal, 11111);
	assert_true(portal.list[0].local);
	assert_string_equal(portal.list[1].name, "Jupyter's: #1");
	assert_int_equal(portal.list[1].internal, 8080);
	assert_string_equal(portal.list[1].path, "/lab?token=a:b");
	assert_true(portal.list[1].local);
	assert_string_equal(portal.list[2].name, "Elsewhere");
	assert_false(portal.list[2].local);
	assert_string_equal(portal.list[2].path, "/");
	assert_string_equal(portal.list[3].name, "Bad Path");
	assert_string_equal(portal.list[3].path, "/");
}

/* Every beginning of the file, and every file with one byte changed, reads without harm. */
static void a_damaged_file_harms_nothing(void **state)
{
	char copy[sizeof(portal_file)];
	static const char changes[] = "\0\n:'\" #{\xff";

	(void)state;
	for (size_t i = 0; i < sizeof(portal_file); i++) {
		memcpy(copy, portal_file, sizeof(copy));
		portal = (struct net_portal){0};
		net_portal_parse_file(&portal, copy, i);
		assert_in_range(portal.count, 0, 4);
		for (size_t k = 0; k < sizeof(changes) - 1; k++) {
			copy[i] = changes[k];
			portal = (struct net_portal){0};
			net_portal_parse_file(&portal, copy, sizeof(copy) - 1);
			assert_in_range(portal.count, 0, 5);
		}
	}
}

static void the_portals_variable_is_read(void **state)
{
	(void)state;
	portal = (struct net_portal){0};
	net_portal_parse_variable(&portal,
		"localhost:1111:11111:/:Instance Portal|localhost:8188:18188:/:ComfyUI: the UI|"
		"nonsense||localhost:x:1:/:Bad|localhost:6006:16006:/:");
	assert_int_equal(portal.count, 2);
	assert_string_equal(portal.list[1].name, "ComfyUI: the UI");
	assert_int_equal(portal.list[1].external, 8188);
	assert_int_equal(portal.list[1].internal, 18188);
	assert_true(portal.list[1].local);
}

static struct net_process processes[8];
static struct net_socket sockets[16];
static struct net_holder holders[16];
static struct net_snapshot snapshot;
static struct net_services services;

static void clear(void)
{
	snapshot = (struct net_snapshot){.complete = true};
	snapshot.processes.list = processes;
	snapshot.processes.holders = holders;
	snapshot.sockets.list = sockets;
	portal = (struct net_portal){0};
	map_usual_ports();
}

static void add_process(pid_t pid, pid_t parent, const char *comm, const char *title)
{
	struct net_process *process = &processes[snapshot.processes.count++];

	*process = (struct net_process){.pid = pid,
		.parent = parent,
		.readable = true,
		.title = (char *)(uintptr_t)title,
		.server = title != NULL};
	strncpy(process->comm, comm, sizeof(process->comm) - 1);
}

static void add_listener(uint32_t inode, uid_t uid, const char *address, uint16_t port, pid_t pid)
{
	struct net_socket *socket = &sockets[snapshot.sockets.count++];

	*socket = (struct net_socket){
		.inode = inode, .uid = uid, .state = TCP_LISTEN, .type = SOCK_STREAM};
	assert_int_equal(net_address_parse(address, port, &socket->local), 0);
	socket->family = socket->local.family;
	if (pid)
		holders[snapshot.processes.holder_count++] = (struct net_holder){.inode = inode,
			.process = (uint32_t)net_processes_find(&snapshot.processes, pid)};
}

static void build(void)
{
	net_processes_sort(&snapshot.processes);
	assert_int_equal(
		net_connections_join(&snapshot.connections, &snapshot.processes, &snapshot.sockets),
		0);
	assert_int_equal(net_services_build(&services, &snapshot, &way), 0);
}

static void leave(void)
{
	net_services_free(&services);
	net_connections_free(&snapshot.connections);
}

static void check_text(const char *got, const char *expected)
{
	assert_int_equal(got != NULL, expected != NULL);
	if (expected)
		assert_string_equal(got, expected);
}

static void check_way(
	uint16_t port, const char *public, const char *url, const char *command, bool exposed)
{
	const struct net_service *service = NULL;

	for (size_t i = 0; i < services.count && !service; i++)
		if (services.list[i].address.port == port)
			service = &services.list[i];
	assert_non_null(service);
	check_text(service->public, public);
	check_text(service->url, url);
	check_text(service->command, command);
	assert_int_equal(service->exposed, exposed);
}

static void each_service_has_its_way_in(void **state)
{
	static const char ssh[] = "ssh -p 20544 root@203.0.113.7";

	(void)state;
	clear();
	add_process(10, 1, "sshd", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups");
	add_process(20, 1, "python3", NULL);
	add_listener(100, 0, "0.0.0.0", 22, 10);
	add_listener(101, 0, "0.0.0.0", 8080, 20);
	add_listener(102, 0, "127.0.0.1", 5000, 20);
	add_listener(103, 0, "::1", 6000, 20);
	add_listener(104, 0, "172.17.0.2", 7000, 20);
	add_listener(105, 0, "0.0.0.0", 80, 20);
	add_listener(106, 0, "::", 40070, 20);
	build();
	assert_int_equal(services.count, 7);
	assert_string_equal(services.list[0].process, "sshd");
	assert_int_equal(services.list[0].pid, 10);
	check_way(22, "203.0.113.7:20544", NULL, ssh, true);
	check_way(8080, "203.0.113.7:40080", "http://203.0.113.7:40080/", NULL, true);
	check_way(5000, NULL, NULL, "ssh -p 20544 root@203.0.113.7 -L 5000:localhost:5000", false);
	check_way(6000, NULL, NULL, "ssh -p 20544 root@203.0.113.7 -L 6000:localhost:6000", false);
	check_way(7000, NULL, NULL, "ssh -p 20544 root@203.0.113.7 -L 7000:172.17.0.2:7000", false);
	check_way(80, NULL, NULL, "ssh -p 20544 root@203.0.113.7 -L 8080:localhost:80", false);
	check_way(40070, "203.0.113.7:40070", "http://203.0.113.7:40070/", NULL, true);
	leave();
}

static void the_ports_of_https_are_taken_for_it(void **state)
{
	(void)state;
	clear();
	net_mapping_set(&mapping, "VAST_TCP_PORT_443", "40443");
	net_mapping_set(&mapping, "VAST_TCP_PORT_8443", "48443");
	net_mapping_set(&mapping, "VAST_TCP_PORT_9443", "49443");
	add_process(20, 1, "nginx", NULL);
	add_listener(101, 0, "0.0.0.0", 443, 20);
	add_listener(102, 0, "0.0.0.0", 8443, 20);
	add_listener(103, 0, "0.0.0.0", 9443, 20);
	build();
	check_way(443, "203.0.113.7:40443", "https://203.0.113.7:40443/", NULL, true);
	check_way(8443, "203.0.113.7:48443", "https://203.0.113.7:48443/", NULL, true);
	check_way(9443, "203.0.113.7:49443", "http://203.0.113.7:49443/", NULL, true);
	leave();
}

static void without_a_way_in_none_is_invented(void **state)
{
	(void)state;
	clear();
	mapping = (struct net_mapping){0};
	net_mapping_set(&mapping, "PUBLIC_IPADDR", "203.0.113.7");
	add_process(20, 1, "python3", NULL);
	add_listener(101, 0, "0.0.0.0", 8080, 20);
	build();
	check_way(8080, NULL, NULL, NULL, false);
	leave();
}

static void what_listens_inside_only_is_not_reached_by_its_port(void **state)
{
	(void)state;
	clear();
	add_process(20, 1, "python3", NULL);
	add_listener(101, 0, "127.0.0.1", 8080, 20);
	build();
	check_way(8080, NULL, NULL, "ssh -p 20544 root@203.0.113.7 -L 8080:localhost:8080", false);
	assert_non_null(services.list[0].hint);
	assert_non_null(strstr(services.list[0].hint, "40080"));
	leave();
}

static void the_portal_leads_to_what_is_behind_it(void **state)
{
	(void)state;
	clear();
	net_portal_parse_file(&portal, portal_file, sizeof(portal_file) - 1);
	net_mapping_set(&mapping, "ENABLE_HTTPS", "True");
	add_process(20, 1, "uvicorn", NULL);
	add_process(21, 1, "caddy", NULL);
	add_listener(101, 0, "127.0.0.1", 11111, 20);
	add_listener(102, 0, "0.0.0.0", 8080, 20);
	build();
	/* Its proxy does not run. */
	check_way(
		11111, NULL, NULL, "ssh -p 20544 root@203.0.113.7 -L 11111:localhost:11111", false);
	check_way(8080, "203.0.113.7:40080", "http://203.0.113.7:40080/lab?token=a:b", NULL, true);
	leave();
	add_listener(103, 0, "::", 1111, 21);
	build();
	check_way(11111, "203.0.113.7:41111", "https://203.0.113.7:41111/", NULL, false);
	check_way(1111, "203.0.113.7:41111", "https://203.0.113.7:41111/", NULL, true);
	assert_string_equal(services.list[0].name, "Instance Portal");
	assert_string_equal(services.list[2].name, "Instance Portal");
	leave();
}

static void workers_are_one_service_and_forwards_are_none(void **state)
{
	(void)state;
	clear();
	add_process(10, 1, "sshd", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups");
	add_process(11, 10, "sshd", "sshd: root@notty");
	add_process(18, 30, "nginx", NULL);
	add_process(30, 1, "nginx", NULL);
	add_listener(100, 0, "0.0.0.0", 5000, 18);
	holders[snapshot.processes.holder_count++] =
		(struct net_holder){.inode = 100, .process = 3};
	add_listener(101, 0, "0.0.0.0", 5000, 30); /* SO_REUSEPORT */
	add_listener(102, 0, "127.0.0.1", 9000, 11);
	build();
	assert_int_equal(services.count, 1);
	assert_int_equal(services.list[0].pid, 30);
	leave();
}

static void what_cannot_be_looked_into_goes_by_uid(void **state)
{
	struct user_socket programs[] = {{.inode = 301, .pid = 40}};
	struct user_view views[] = {
		{.uid = 1500, .valid = true, .sockets = programs, .socket_count = 1},
		{.uid = 1501, .valid = true}};

	(void)state;
	clear();
	snapshot.views = views;
	snapshot.view_count = 2;
	add_process(10, 1, "sshd", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups");
	add_process(20, 10, "sshd", "sshd: alice [priv]");
	add_process(21, 20, "sshd", "sshd: alice");
	add_process(40, 1, "jupyter-lab", NULL);
	processes[2].uid = 1500;
	processes[2].readable = false;
	add_listener(301, 1500, "127.0.0.1", 8888, 0);
	add_listener(302, 1500, "127.0.0.1", 9000, 0); /* her -R */
	add_listener(303, 1501, "127.0.0.1", 9001, 0);
	build();
	assert_int_equal(services.count, 2);
	assert_string_equal(services.list[0].process, "jupyter-lab");
	assert_string_equal(services.list[0].attributed, "pid");
	assert_int_equal(services.list[0].uid, 1500);
	assert_int_equal(services.list[1].address.port, 9001);
	assert_int_equal(services.list[1].pid, 0);
	assert_null(services.list[1].process);
	assert_string_equal(services.list[1].attributed, "uid");
	leave();
}

static void an_empty_machine_is_fine(void **state)
{
	(void)state;
	clear();
	build();
	assert_int_equal(services.count, 0);
	leave();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_of_the_platform_are_read),
		cmocka_unit_test(values_that_cannot_be_right_change_nothing),
		cmocka_unit_test(the_portals_file_is_read),
		cmocka_unit_test(a_damaged_file_harms_nothing),
		cmocka_unit_test(the_portals_variable_is_read),
		cmocka_unit_test(each_service_has_its_way_in),
		cmocka_unit_test(the_ports_of_https_are_taken_for_it),
		cmocka_unit_test(without_a_way_in_none_is_invented),
		cmocka_unit_test(what_listens_inside_only_is_not_reached_by_its_port),
		cmocka_unit_test(the_portal_leads_to_what_is_behind_it),
		cmocka_unit_test(workers_are_one_service_and_forwards_are_none),
		cmocka_unit_test(what_cannot_be_looked_into_goes_by_uid),
		cmocka_unit_test(an_empty_machine_is_fine),
	};

	return cmocka_run_group_tests_name("net_services", tests, NULL, NULL);
}
