/*
 * Each allocation fails once, while what comes from the kernel, from files, from tmux and
 * from the agent is read. The inputs are the fuzzers' seeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "control/client.h"
#include "control/failure.h"
#include "login/environment.h"
#include "login/environment_file.h"
#include "login/environment_text.h"
#include "login/supersede.h"
#include "memory_faults.h"
#include "net/forwards.h"
#include "net/mapping.h"
#include "net/portal.h"
#include "net/services.h"
#include "net/sessions.h"
#include "net/snapshot.h"
#include "net/socket_parse.h"
#include "net/tmux_clients.h"
#include "sys/account.h"
#include "sys/config.h"
#include "sys/sshd.h"
#include "sys/sshd_settings.h"

static int read_config(const char *text, size_t length, FILE *outcome)
{
	struct config config = {0};
	struct error error = {0};
	int result;

	/* The parser takes a string. */
	if (memchr(text, '\0', length))
		return 0;
	result = config_parse("/x", text, &config, &error);
	if (result != 0)
		return memory_note_error(&error, outcome);
	fprintf(outcome, "%s %s %d %d %s %s\n", config.socket, config.state_dir,
		(int)config.log_level, config.restore, config.login_session,
		config.session_environment);
	for (size_t i = 0; i < config.user_count; i++)
		fprintf(outcome, "%s\n", config.users[i]);
	for (size_t i = 0; i < config.mirror_count; i++)
		fprintf(outcome, "%s\n", config.mirror[i]);
	config_free(&config);
	return 0;
}

static void a_configuration(void **state)
{
	(void)state;
	memory_fail_each_seed("config", read_config, 0);
}

static int read_sshd_config(const char *text, size_t length, FILE *outcome)
{
	static char name[] = "alice", home[] = "/home/alice", shell[] = "/bin/sh";
	const struct account account = {.name = name, .home = home, .shell = shell, .uid = 1000};
	struct sshd_lines lines = {0};
	int result = memchr(text, '\0', length) ? 0 : sshd_lines_parse(&lines, text, "/x");

	for (size_t i = 0; i < lines.count; i++) {
		char *path = sshd_expand_keys_path(lines.list[i].value, &account);

		fprintf(outcome, "%s %s %ld %d\n", lines.list[i].keyword, lines.list[i].value,
			lines.list[i].line, lines.list[i].in_match);
		free(path);
	}
	sshd_lines_free(&lines);
	return result;
}

static void the_settings_of_sshd(void **state)
{
	(void)state;
	memory_fail_each_seed("sshd", read_sshd_config, 0);
}

static int read_environment(const char *text, size_t length, FILE *outcome)
{
	static const struct environment_start start = {.boot = {.id = "0", .start = 1}};
	struct environment parsed = ENVIRONMENT_EMPTY, block = ENVIRONMENT_EMPTY;
	struct environment admitted = ENVIRONMENT_EMPTY;
	struct buffer out = BUFFER_EMPTY;
	int result = -1;

	if (environment_file_parse(&parsed, text, length) == 0 &&
		environment_add_block(&block, text, length) == 0 &&
		environment_add(&block, &parsed) == 0 &&
		environment_filter(&block, "all,!A*", true, &admitted) == 0) {
		environment_text_file(ENVIRONMENT_SH, &admitted, &parsed, &start, &out);
		environment_text_plain(ENVIRONMENT_FISH, &block, &out);
		result = out.failed ? -1 : 0;
		fputs(buffer_string(&out), outcome);
	}
	environment_free(&parsed);
	environment_free(&block);
	environment_free(&admitted);
	buffer_free(&out);
	return result;
}

static void an_environment(void **state)
{
	(void)state;
	memory_fail_each_seed("environment", read_environment, 0);
}

static int supersede(const char *text, size_t length, FILE *outcome)
{
	struct buffer once = BUFFER_EMPTY, back = BUFFER_EMPTY;
	enum supersede_outcome put = supersede_insert(text, length, "/usr/bin/vastagent", &once);
	enum supersede_outcome taken =
		supersede_remove(buffer_string(&once), once.length, "/usr/bin/vastagent", &back);
	int result = once.failed || back.failed ? -1 : 0;

	fprintf(outcome, "%d %d %s\n%s", (int)put, (int)taken, buffer_string(&once),
		buffer_string(&back));
	buffer_free(&once);
	buffer_free(&back);
	return result;
}

static void a_start_up_file(void **state)
{
	(void)state;
	memory_fail_each_seed("supersede", supersede, 0);
}

static int read_clients(const char *text, size_t length, FILE *outcome)
{
	struct tmux_clients clients = {0};
	int result;

	(void)length;
	result = tmux_clients_parse(&clients, text);
	for (size_t i = 0; i < clients.count; i++)
		fprintf(outcome, "%d %ld %s\n", clients.list[i].pid, clients.list[i].windows,
			clients.list[i].session);
	tmux_clients_free(&clients);
	return result;
}

static void what_tmux_prints(void **state)
{
	static const char text[] = "100 2 ssh_tmux\n200 1 ssh_tmux-7\nx\n300 3 mine\n";

	(void)state;
	memory_fail_each("tmux", read_clients, text, strlen(text));
	memory_fail_each_seed("tmux", read_clients, 0);
}

#define ROW(number, local, remote, state, inode)                                                   \
	"   " number ": " local " " remote " " state                                               \
	" 00000000:00000000 00:00000000 00000000     0        0 " inode " 1 0 100 0 0 10 0\n"
#define TABLE                                                                                      \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n" ROW( \
		"0", "00000000:0016", "00000000:0000", "0A", "10")                                 \
		ROW("1", "0200000A:0016", "0100000A:C350", "01", "20")                             \
			ROW("2", "0100007F:270F", "00000000:0000", "0A", "21")                     \
				ROW("3", "0100007F:D431", "0100007F:1F90", "01", "22")             \
					ROW("4", "00000000:1F90", "00000000:0000", "0A", "30")

/* sshd, a session of root's with a forwarded port, and a service. */
static void fill(struct net_snapshot *snapshot)
{
	static char titles[][32] = {
		"sshd: /usr/sbin/sshd [listener]", "sshd: root [priv]", "sshd: root@pts/0"};
	static struct net_process processes[] = {
		{.pid = 50, .parent = 1, .comm = "sshd", .title = titles[0]},
		{.pid = 60, .parent = 50, .comm = "sshd", .title = titles[2]},
		{.pid = 70, .parent = 1, .comm = "python3"},
	};
	static struct net_holder holders[] = {{.inode = 10, .process = 0},
		{.inode = 20, .process = 1}, {.inode = 21, .process = 1},
		{.inode = 22, .process = 1}, {.inode = 30, .process = 2}};

	for (size_t i = 0; i < 3; i++) {
		processes[i].readable = true;
		processes[i].server = processes[i].title != NULL;
	}
	snapshot->processes.list = processes;
	snapshot->processes.count = 3;
	snapshot->processes.holders = holders;
	snapshot->processes.holder_count = 5;
}

static int build_sessions(const struct net_snapshot *snapshot, FILE *outcome)
{
	struct net_sessions sessions = {0};
	int result = net_sessions_build(&sessions, snapshot);

	for (size_t i = 0; result == 0 && i < sessions.count; i++)
		fprintf(outcome, "%d %s %s %s\n", sessions.list[i].pid, sessions.list[i].user,
			sessions.list[i].client, sessions.list[i].tty);
	net_sessions_free(&sessions);
	return result;
}

static int build_forwards(const struct net_snapshot *snapshot, FILE *outcome)
{
	struct net_forwards forwards = {0};
	int result = net_forwards_build(&forwards, snapshot);

	for (size_t i = 0; result == 0 && i < forwards.count; i++)
		fprintf(outcome, "%d %s %s %u %s\n", (int)forwards.list[i].type,
			forwards.list[i].listen ? forwards.list[i].listen : "",
			forwards.list[i].target ? forwards.list[i].target : "",
			forwards.list[i].connections, forwards.list[i].client);
	net_forwards_free(&forwards);
	return result;
}

static int build_services(const struct net_snapshot *snapshot, FILE *outcome)
{
	static struct net_mapping mapping;
	static struct net_portal portal;
	const struct net_way_in way = {&mapping, &portal, "root"};
	struct net_services services = {0};
	int result;

	mapping.count = 0;
	net_mapping_set(&mapping, "PUBLIC_IPADDR", "192.0.2.1");
	net_mapping_set(&mapping, "VAST_TCP_PORT_22", "20544");
	net_mapping_set(&mapping, "VAST_TCP_PORT_8080", "40080");
	result = net_services_build(&services, snapshot, &way);
	for (size_t i = 0; result == 0 && i < services.count; i++) {
		const struct net_service *service = &services.list[i];

		fprintf(outcome, "%d %s %s %s %s\n", service->pid,
			service->process ? service->process : "",
			service->public ? service->public : "", service->url ? service->url : "",
			service->command ? service->command : "");
	}
	net_services_free(&services);
	return result;
}

static int look_at_machine(const char *text, size_t length, FILE *outcome)
{
	struct net_snapshot snapshot = {.complete = true};
	int result;

	(void)length;
	fill(&snapshot);
	result = socket_parse_proc(AF_INET, text, &snapshot.sockets);
	if (result == 0)
		result = net_connections_join(
			&snapshot.connections, &snapshot.processes, &snapshot.sockets);
	if (result == 0 && (build_sessions(&snapshot, outcome) != 0 ||
				   build_forwards(&snapshot, outcome) != 0 ||
				   build_services(&snapshot, outcome) != 0))
		result = -1;
	net_connections_free(&snapshot.connections);
	net_sockets_free(&snapshot.sockets);
	return result;
}

static void the_machine(void **state)
{
	FILE *outcome = tmpfile();
	char line[512];
	int lines = 0;

	(void)state;
	/* It finds what there is to be found: a session, two forwards, two services. */
	assert_int_equal(look_at_machine(TABLE, strlen(TABLE), outcome), 0);
	rewind(outcome);
	while (fgets(line, sizeof(line), outcome))
		lines++;
	fclose(outcome);
	assert_int_equal(lines, 5);
	memory_fail_each("the machine", look_at_machine, TABLE, strlen(TABLE));
}

static int read_sockets(const char *data, size_t length, FILE *outcome)
{
	static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
	struct socket_dump dump = {.sequence = 1};
	struct net_sockets sockets = {0};
	unsigned form = (unsigned char)*data % 4;
	int result = form == 3 ? socket_parse_netlink(data + 1, length - 1, &dump, &sockets)
			       : socket_parse_proc(families[form], data + 1, &sockets);

	if (result != 0 && errno == EBADMSG)
		result = 0;
	for (size_t i = 0; result == 0 && i < sockets.count; i++)
		fprintf(outcome, "%u %s\n", sockets.list[i].inode,
			sockets.list[i].path ? sockets.list[i].path : "");
	net_sockets_free(&sockets);
	return result;
}

static void the_kernels_tables(void **state)
{
	(void)state;
	memory_fail_each_seed("sockets", read_sockets, 0);
}

static const char *answer;
static size_t answer_length;
static int far_end;

int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);

/* One whose other end has answered and hung up already. */
int __wrap_socket(int domain, int type, int protocol)
{
	int ends[2];

	(void)type;
	assert_int_equal(socketpair(domain, SOCK_STREAM | SOCK_CLOEXEC, protocol, ends), 0);
	far_end = ends[1];
	send(far_end, answer, answer_length, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(far_end, SHUT_WR);
	return ends[0];
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	(void)fd;
	(void)address;
	(void)length;
	return 0;
}

static int ask(const char *text, size_t length, FILE *outcome)
{
	json_t *body = json_pack("{ss}", "key", "value"), *json = NULL;
	struct control_request request = {.method = "POST", .path = "/v1/keys", .body = body};
	struct error error = {0}, failure = {0};
	int status = 0, result = 0;

	answer = text;
	answer_length = length;
	far_end = -1;
	if (body)
		status = control_ask("/agent.sock", &request, 1000, &json, &error);
	if (far_end >= 0)
		close(far_end);
	if (!body || (status < 0 && memory_note_error(&error, outcome) != 0))
		result = -1;
	fprintf(outcome, "%d %d ", status, json != NULL);
	if (json && status != 200 && failure_unpack(json, &failure) == 0) {
		json_t *again = failure_pack(&failure);

		fprintf(outcome, "%s", failure.message);
		result = again ? result : -1;
		json_decref(again);
	} else if (json && status != 200 && json_object_get(json, "error")) {
		result = -1;
	}
	json_decref(json);
	json_decref(body);
	return result;
}

static void an_answer_of_the_agent(void **state)
{
	(void)state;
	/* What jansson allocates is seen by their names only. */
	json_set_alloc_funcs(malloc, free);
	memory_fail_each_seed("client", ask, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_configuration),
		cmocka_unit_test(the_settings_of_sshd),
		cmocka_unit_test(an_environment),
		cmocka_unit_test(a_start_up_file),
		cmocka_unit_test(what_tmux_prints),
		cmocka_unit_test(the_machine),
		cmocka_unit_test(the_kernels_tables),
		cmocka_unit_test(an_answer_of_the_agent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
