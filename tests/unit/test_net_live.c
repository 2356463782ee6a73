/*
 * Sessions and forwards of a real sshd (and dropbear, where it is installed), asked for
 * by real clients, in namespaces of this test's own. With the argument "docker" all of
 * it runs with Docker's default capabilities.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "net/forwards.h"
#include "net/sessions.h"

#define DIR_TEST  "/run/test"
#define SSH_PORT  "2222"
#define ALICE_UID 1500

enum { DEADLINE_MS = 20000, TOTAL_SECONDS = 110, ARGUMENTS_MAX = 40, SKIPPED = 77 };

struct program {
	pid_t pid;
	int in, out; /* our ends of its standard input and output */
};

static pid_t running[64]; /* what the tests started, 0: free */
static char this_program[32];
static bool in_docker;
/* From NET_TEST_ROOT: a system whose sshd is to be used, as debootstrap(8) makes it. */
static const char *other_root;
static struct program sshd;
static struct net_sessions sessions;
static struct net_forwards forwards;
static bool complete;

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_briefly(void)
{
	const struct timespec moment = {.tv_nsec = 20 * 1000 * 1000};

	nanosleep(&moment, NULL);
}

static void swap_running(pid_t from, pid_t to)
{
	for (size_t i = 0; i < sizeof(running) / sizeof(running[0]); i++)
		if (running[i] == from) {
			running[i] = to;
			return;
		}
	fail_msg("too many programs");
}

static void start(
	struct program *program, const char *const argv[], const char *const envp[], uid_t uid)
{
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	program->pid = fork();
	assert_true(program->pid >= 0);
	if (program->pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		if (uid && (setgid(uid) != 0 || setuid(uid) != 0))
			_exit(126);
		execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)envp);
		_exit(127);
	}
	swap_running(0, program->pid);
	close(in[0]);
	close(out[1]);
	program->in = in[1];
	program->out = out[0];
}

static void stop(struct program *program)
{
	swap_running(program->pid, 0);
	kill(program->pid, SIGTERM);
	assert_int_equal(waitpid(program->pid, NULL, 0), program->pid);
	close(program->in);
	close(program->out);
}

/* ssh USER@127.0.0.1 ARGUMENTS…, ended by NULL. */
static void start_ssh(struct program *program, const char *user, const char *port, ...)
{
	static const char *const common[] = {"/usr/bin/ssh", "-F", "none", "-i", DIR_TEST "/id",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
		"LogLevel=ERROR", "-o", "ExitOnForwardFailure=yes"};
	static const char *const environment[] = {"PATH=/usr/bin:/bin", "DISPLAY=:0",
		"SSH_AUTH_SOCK=" DIR_TEST "/agent.sock", "TERM=xterm", "SSH_ASKPASS_REQUIRE=force",
		"SSH_ASKPASS=" DIR_TEST "/askpass", NULL};
	const char *argv[ARGUMENTS_MAX] = {NULL};
	char host[64];
	size_t count = sizeof(common) / sizeof(common[0]);
	va_list more;

	memcpy(argv, common, sizeof(common));
	snprintf(host, sizeof(host), "%s@127.0.0.1", user);
	argv[count++] = "-p";
	argv[count++] = port;
	argv[count++] = host;
	va_start(more, port);
	while (count < ARGUMENTS_MAX - 1 && (argv[count] = va_arg(more, const char *)))
		count++;
	va_end(more);
	start(program, argv, environment, 0);
}

static void read_line(int fd, char *line, size_t size)
{
	size_t used = 0;

	while (used < size - 1 && read(fd, line + used, 1) == 1 && line[used] != '\n')
		used++;
	while (used > 0 && line[used - 1] == '\r')
		used--;
	line[used] = '\0';
}

static struct sockaddr_in6 *internet(struct sockaddr_in6 *address, bool six, uint16_t port)
{
	struct sockaddr_in *four = (struct sockaddr_in *)address;

	memset(address, 0, sizeof(*address));
	if (six) {
		address->sin6_family = AF_INET6;
		address->sin6_addr = in6addr_loopback;
		address->sin6_port = htons(port);
	} else {
		four->sin_family = AF_INET;
		four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		four->sin_port = htons(port);
	}
	return address;
}

static int listen_at(bool six, uint16_t port)
{
	struct sockaddr_in6 address;
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	assert_int_equal(bind(fd, (struct sockaddr *)internet(&address, six, port),
				 six ? sizeof(address) : sizeof(struct sockaddr_in)),
		0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static int connect_to(uint16_t port)
{
	const long long deadline = now_ms() + DEADLINE_MS;
	struct sockaddr_in6 address;

	internet(&address, false, port);
	while (now_ms() < deadline) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(fd, (struct sockaddr *)&address, sizeof(struct sockaddr_in)) == 0)
			return fd;
		close(fd);
		pause_briefly();
	}
	fail_msg("nobody listens at port %u", (unsigned)port);
	return -1;
}

static int unix_at(const char *path, bool listening)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const long long deadline = now_ms() + DEADLINE_MS;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (listening) {
		assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
		assert_int_equal(chmod(path, 0666), 0);
		assert_int_equal(listen(fd, 16), 0);
		return fd;
	}
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		assert_true(now_ms() < deadline);
		pause_briefly();
	}
	return fd;
}

/* At the end of a child: nothing has leaked. Returns the status. */
static int freed(int status)
{
	net_sessions_free(&sessions);
	net_forwards_free(&forwards);
	return status;
}

static void refresh(void)
{
	struct error error = {0};

	freed(0);
	/* In this order, so that the session of a forward that begins now is there too. */
	if (net_forwards_read(&forwards, &complete, &error) != 0 ||
		net_sessions_read(&sessions, &error) != 0)
		fail_msg("%s", error.message);
}

/* Looks until there are so many sessions, or the time is up. */
static void expect_sessions(size_t count)
{
	const long long deadline = now_ms() + DEADLINE_MS;

	for (refresh(); sessions.count != count && now_ms() < deadline; refresh())
		pause_briefly();
	assert_int_equal(sessions.count, count);
}

static bool is_text(const char *text, const char *expected)
{
	return text && expected ? strcmp(text, expected) == 0 : text == expected;
}

static const struct net_forward *find_forward(
	enum net_forward_type type, const char *listen, const char *target, unsigned connections)
{
	for (size_t i = 0; i < forwards.count; i++) {
		const struct net_forward *forward = &forwards.list[i];

		/* Some names are made up by the server: "*" stands for any. */
		if (forward->type == type && forward->connections == connections &&
			(is_text(listen, "*") || is_text(forward->listen, listen)) &&
			is_text(forward->target, target))
			return forward;
	}
	return NULL;
}

static void print_forwards(void)
{
	for (size_t i = 0; i < forwards.count; i++) {
		const struct net_forward *forward = &forwards.list[i];

		print_message("%s listen=%s target=%s connections=%u %s pid=%d user=%s\n",
			net_forward_type_name(forward->type),
			forward->listen ? forward->listen : "-",
			forward->target ? forward->target : "-", forward->connections,
			forward->attributed, (int)forward->pid,
			forward->user ? forward->user : "-");
	}
}

static const struct net_forward *expect_forward(
	enum net_forward_type type, const char *listen, const char *target, unsigned connections)
{
	const long long deadline = now_ms() + DEADLINE_MS;
	const struct net_forward *found = NULL;

	for (;;) {
		refresh();
		found = find_forward(type, listen, target, connections);
		if (found || now_ms() > deadline)
			break;
		pause_briefly();
	}
	if (!found) {
		print_forwards();
		fail_msg("no %s %s %s %u", net_forward_type_name(type), listen ? listen : "-",
			target ? target : "-", connections);
	}
	return found;
}

static void expect_no_forwards(void)
{
	const long long deadline = now_ms() + DEADLINE_MS;

	for (refresh(); forwards.count > 0 && now_ms() < deadline; refresh())
		pause_briefly();
	print_forwards();
	assert_int_equal(forwards.count, 0);
}

/* What the session itself says of its connection, as sshd(8) puts it there. */
static void check_login(const char *user, const char *port)
{
	const time_t before = time(NULL);
	struct program ssh;
	char connection[128], tty[64], client[64], *space;

	start_ssh(&ssh, user, port, "-tt", "echo $SSH_CONNECTION; tty; exec cat", NULL);
	read_line(ssh.out, connection, sizeof(connection));
	read_line(ssh.out, tty, sizeof(tty));
	assert_ptr_equal(strstr(connection, "127.0.0.1 "), connection);
	space = strchr(connection + 10, ' ');
	assert_non_null(space);
	snprintf(client, sizeof(client), "127.0.0.1:%.*s", (int)(space - connection - 10),
		connection + 10);
	expect_sessions(1);
	assert_string_equal(sessions.list[0].user, user);
	assert_string_equal(sessions.list[0].client, client);
	assert_string_equal(sessions.list[0].tty, tty + strlen("/dev/"));
	assert_in_range(sessions.list[0].since, before - 1, time(NULL) + 1);
	assert_false(sessions.list[0].forwards_only);
	assert_int_equal(kill(sessions.list[0].pid, 0), 0);
	/* Its own connection and its terminal are no forwards. */
	assert_int_equal(forwards.count, 0);
	assert_int_equal(complete, !in_docker || strcmp(user, "root") == 0);
	stop(&ssh);
	expect_sessions(0);
}

static void a_login_is_a_session(void **state)
{
	(void)state;
	check_login("root", SSH_PORT);
}

static void another_accounts_login_is_a_session(void **state)
{
	(void)state;
	check_login("alice", SSH_PORT);
}

static void commands_and_transfers_are_sessions_without_a_terminal(void **state)
{
	struct program command, sftp;
	char line[32];

	(void)state;
	start_ssh(&command, "root", SSH_PORT, "echo ready; exec cat", NULL);
	read_line(command.out, line, sizeof(line));
	assert_string_equal(line, "ready");
	expect_sessions(1);
	assert_null(sessions.list[0].tty);
	/* sftp inside sshd is one more process called sshd. */
	start_ssh(&sftp, "alice", SSH_PORT, "-s", "sftp", NULL);
	assert_int_equal(write(sftp.in, "\0\0\0\5\1\0\0\0\3", 9), 9);
	assert_int_equal(read(sftp.out, line, 1), 1);
	expect_sessions(2);
	stop(&sftp);
	stop(&command);
	expect_sessions(0);
}

static void who_has_not_logged_in_has_no_session(void **state)
{
	const long long deadline = now_ms() + DEADLINE_MS;
	struct program ssh;
	char banner[64];
	int fd = connect_to(2222);

	(void)state;
	read_line(fd, banner, sizeof(banner));
	assert_ptr_equal(strstr(banner, "SSH-2.0-"), banner);
	/* This one hangs where its password is asked for: "alice [priv]", "alice [net]". */
	unlink(DIR_TEST "/asked");
	start_ssh(&ssh, "alice", SSH_PORT, "-o", "PubkeyAuthentication=no", "true", NULL);
	while (access(DIR_TEST "/asked", F_OK) != 0 && now_ms() < deadline)
		pause_briefly();
	assert_int_equal(access(DIR_TEST "/asked", F_OK), 0);
	expect_sessions(0);
	assert_int_equal(forwards.count, 0);
	stop(&ssh);
	close(fd);
}

/* SOCKS5 (RFC 1928), no authentication, to [::1]. */
static int connect_by_socks(uint16_t proxy, uint16_t port)
{
	/* Version, command, 0, type of address, 16 bytes of it, port. */
	char request[22] = {5, 1, 0, 4, [19] = 1}, answer[64];
	int fd = connect_to(proxy);

	request[20] = (char)(port >> 8);
	request[21] = (char)(port & 0xff);
	assert_int_equal(write(fd, "\5\1\0", 3), 3);
	assert_int_equal(read(fd, answer, 2), 2);
	assert_memory_equal(answer, "\5\0", 2);
	assert_int_equal(write(fd, request, sizeof(request)), sizeof(request));
	assert_in_range(read(fd, answer, sizeof(answer)), 10, 22);
	assert_int_equal(answer[1], 0);
	return fd;
}

static void check_owner(const struct net_forward *forward, const char *user, bool by_pid)
{
	assert_string_equal(forward->user, user);
	assert_string_equal(forward->attributed, by_pid ? "pid" : "uid");
	assert_int_equal(complete, by_pid);
	if (by_pid) {
		assert_int_equal(forward->pid, sessions.list[0].pid);
		assert_string_equal(forward->client, sessions.list[0].client);
	} else {
		assert_int_equal(forward->pid, 0);
		assert_int_equal(forward->uid, ALICE_UID);
	}
}

static void check_forwards(const char *user, bool by_pid)
{
	struct program ssh;
	int four = listen_at(false, 9000), six = listen_at(true, 9001);
	int local = unix_at("/tmp/target.sock", true), held[7];

	start_ssh(&ssh, user, SSH_PORT, "-N", "-L", "8001:127.0.0.1:9000", "-D", "6001", "-R",
		"127.0.0.1:7001:127.0.0.1:9000", "-R", "*:7002:127.0.0.1:9000", "-L",
		"8002:/tmp/target.sock", "-R", "/tmp/remote.sock:127.0.0.1:9000", NULL);
	check_owner(expect_forward(NET_FORWARD_REMOTE, "127.0.0.1:7001", NULL, 0), user, by_pid);
	expect_forward(NET_FORWARD_REMOTE_UNIX, "/tmp/remote.sock", NULL, 0);
	expect_forward(NET_FORWARD_REMOTE, "[::]:7002", NULL, 0);
	/* Nobody uses -L and -D yet: the server knows nothing of them. */
	expect_forward(NET_FORWARD_REMOTE, "0.0.0.0:7002", NULL, 0);
	assert_int_equal(forwards.count, 4);
	assert_true(sessions.list[0].forwards_only);

	held[0] = connect_to(8001);
	check_owner(expect_forward(NET_FORWARD_LOCAL, NULL, "127.0.0.1:9000", 1), user, by_pid);
	held[1] = connect_to(8001);
	expect_forward(NET_FORWARD_LOCAL, NULL, "127.0.0.1:9000", 2);
	close(accept(four, NULL, NULL));
	held[2] = connect_by_socks(6001, 9001);
	expect_forward(NET_FORWARD_LOCAL, NULL, "[::1]:9001", 1);
	held[3] = connect_to(7001);
	expect_forward(NET_FORWARD_REMOTE, "127.0.0.1:7001", NULL, 1);
	held[4] = connect_to(8002);
	/* Until it is accepted, the kernel does not tell who is at the other end. */
	held[6] = accept4(local, NULL, NULL, SOCK_CLOEXEC);
	assert_true(held[6] >= 0);
	expect_forward(NET_FORWARD_LOCAL_UNIX, NULL, "/tmp/target.sock", 1);
	held[5] = unix_at("/tmp/remote.sock", false);
	expect_forward(NET_FORWARD_REMOTE_UNIX, "/tmp/remote.sock", NULL, 1);
	if (forwards.count != 7)
		print_forwards();
	assert_int_equal(forwards.count, 7);
	assert_int_equal(sessions.count, 1);

	/* One is closed at both ends, its target's above. */
	close(held[0]);
	expect_forward(NET_FORWARD_LOCAL, NULL, "127.0.0.1:9000", 1);
	stop(&ssh);
	expect_sessions(0);
	expect_no_forwards();
	for (size_t i = 0; i < 7; i++)
		if (i != 0)
			close(held[i]);
	close(four);
	close(six);
	close(local);
	unlink("/tmp/target.sock");
	unlink("/tmp/remote.sock");
}

static void forwards_of_root_are_seen_and_go(void **state)
{
	(void)state;
	check_forwards("root", true);
}

/* Another account's session cannot be looked into in a container, its programs can. */
static void forwards_of_another_account_are_seen_and_go(void **state)
{
	const char *argv[] = {this_program, "serve", "8888", NULL};
	static const char *const nothing[] = {NULL};
	struct program serve;
	char line[16];

	(void)state;
	start(&serve, argv, nothing, ALICE_UID);
	read_line(serve.out, line, sizeof(line));
	assert_string_equal(line, "ready");
	check_forwards("alice", !in_docker);
	stop(&serve);
}

static void an_agent_is_a_forward(void **state)
{
	static const char *const argv[] = {
		"/usr/bin/ssh-agent", "-D", "-a", DIR_TEST "/agent.sock", NULL};
	static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
	struct program agent, ssh;
	const struct net_forward *forward;
	char path[128];
	int fd;

	(void)state;
	start(&agent, argv, environment, 0);
	close(unix_at(DIR_TEST "/agent.sock", false));
	start_ssh(&ssh, "root", SSH_PORT, "-A", "echo $SSH_AUTH_SOCK; exec cat", NULL);
	read_line(ssh.out, path, sizeof(path));
	forward = expect_forward(NET_FORWARD_AGENT, path, NULL, 0);
	check_owner(forward, "root", true);
	fd = unix_at(path, false);
	expect_forward(NET_FORWARD_AGENT, path, NULL, 1);
	assert_int_equal(forwards.count, 1);
	close(fd);
	stop(&ssh);
	stop(&agent);
	expect_no_forwards();
}

static void check_display(const char *user)
{
	struct program plain, ssh;
	char line[64];

	if (access("/usr/bin/xauth", X_OK) != 0 || other_root) {
		print_message("skipped: xauth is not installed\n");
		skip();
	}
	/* It looks like a display to those who look at the port only. */
	start_ssh(
		&plain, user, SSH_PORT, "-R", "6010:127.0.0.1:9000", "echo ready; exec cat", NULL);
	read_line(plain.out, line, sizeof(line));
	start_ssh(&ssh, user, SSH_PORT, "-Y", "-R", "6012:127.0.0.1:9000",
		"echo $DISPLAY; exec cat", NULL);
	read_line(ssh.out, line, sizeof(line));
	assert_string_equal(line, "localhost:11.0");
	expect_forward(NET_FORWARD_X11, "127.0.0.1:6011", NULL, 0);
	expect_forward(NET_FORWARD_X11, "[::1]:6011", NULL, 0);
	expect_forward(NET_FORWARD_REMOTE, "127.0.0.1:6010", NULL, 0);
	expect_forward(NET_FORWARD_REMOTE, "[::1]:6010", NULL, 0);
	expect_forward(NET_FORWARD_REMOTE, "127.0.0.1:6012", NULL, 0);
	assert_int_equal(forwards.count, 6);
	stop(&plain);
	stop(&ssh);
	expect_no_forwards();
}

static void a_display_is_a_forward(void **state)
{
	(void)state;
	check_display("root");
	check_display("alice");
}

/* The machine is both ends, twice: a jump to itself. */
static void a_jump_to_itself_is_two_sessions(void **state)
{
	struct program ssh;
	char line[32];

	(void)state;
	start_ssh(&ssh, "root", SSH_PORT, "-o",
		"ProxyCommand=/usr/bin/ssh -F none -i " DIR_TEST
		"/id -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
		"-o LogLevel=ERROR -p " SSH_PORT " -W 127.0.0.1:" SSH_PORT " alice@127.0.0.1",
		"echo ready; exec cat", NULL);
	read_line(ssh.out, line, sizeof(line));
	assert_string_equal(line, "ready");
	expect_sessions(2);
	expect_forward(NET_FORWARD_LOCAL, NULL, "127.0.0.1:" SSH_PORT, 1);
	assert_int_equal(forwards.count, 1);
	assert_string_equal(forwards.list[0].user, "alice");
	stop(&ssh);
	expect_sessions(0);
}

static void many_sessions_are_told_apart(void **state)
{
	enum { MANY = 24 };
	struct program ssh[MANY];
	char connection[MANY][128], line[64];

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		start_ssh(&ssh[i], "root", SSH_PORT, "echo $SSH_CONNECTION; exec cat", NULL);
		read_line(ssh[i].out, connection[i], sizeof(connection[i]));
	}
	expect_sessions(MANY);
	for (size_t i = 0; i < MANY; i++) {
		size_t found = 0;
		unsigned port;

		assert_int_equal(sscanf(connection[i], "127.0.0.1 %u ", &port), 1);
		snprintf(line, sizeof(line), "127.0.0.1:%u", port);
		for (size_t k = 0; k < sessions.count; k++)
			found += is_text(sessions.list[k].client, line);
		assert_int_equal(found, 1);
	}
	for (size_t i = 0; i < MANY; i++)
		stop(&ssh[i]);
	expect_sessions(0);
}

/* A kernel without sock_diag, or a filter that keeps a container from it. */
static void forbid_netlink(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(120);
}

/* In a process of its own: looks, and tells by its status what it did not see. */
static int look_without_netlink(const char *client)
{
	struct error error = {0};

	forbid_netlink();
	if (socket(AF_NETLINK, SOCK_RAW, 0) >= 0)
		return 121;
	if (net_forwards_read(&forwards, &complete, &error) != 0 ||
		net_sessions_read(&sessions, &error) != 0)
		return 122;
	if (sessions.count != 1 || !is_text(sessions.list[0].client, client))
		return 123;
	print_forwards();
	if (!find_forward(NET_FORWARD_LOCAL, NULL, "127.0.0.1:9000", 1) ||
		!find_forward(NET_FORWARD_REMOTE, "127.0.0.1:7001", NULL, 0) ||
		!find_forward(NET_FORWARD_REMOTE_UNIX, "/tmp/remote.sock", NULL, 0))
		return 124;
	/* /proc/net/unix does not tell who is connected with whom. */
	return complete ? 125 : 0;
}

static void without_sock_diag_proc_says_the_same(void **state)
{
	struct program ssh;
	int target = listen_at(false, 9000), fd, status;
	pid_t child;

	(void)state;
	start_ssh(&ssh, "root", SSH_PORT, "-N", "-L", "8001:127.0.0.1:9000", "-R",
		"127.0.0.1:7001:127.0.0.1:9000", "-R", "/tmp/remote.sock:127.0.0.1:9000", NULL);
	fd = connect_to(8001);
	expect_forward(NET_FORWARD_LOCAL, NULL, "127.0.0.1:9000", 1);
	child = fork();
	if (child == 0) {
		char client[64];

		snprintf(client, sizeof(client), "%s", sessions.list[0].client);
		freed(0);
		_exit(freed(look_without_netlink(client)));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(fd);
	close(target);
	stop(&ssh);
	unlink("/tmp/remote.sock");
	expect_sessions(0);
}

/* Docker's default set, moby/profiles: oci/caps/defaults.go. */
static int drop_capabilities(void)
{
	static const int kept[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FSETID, CAP_FOWNER, CAP_MKNOD,
		CAP_NET_RAW, CAP_SETGID, CAP_SETUID, CAP_SETFCAP, CAP_SETPCAP, CAP_NET_BIND_SERVICE,
		CAP_SYS_CHROOT, CAP_KILL, CAP_AUDIT_WRITE};
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	uint64_t set = 0;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		set |= UINT64_C(1) << kept[i];
	for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (!(set >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0)
			return -1;
	data[0].effective = data[0].permitted = (uint32_t)set;
	data[1].effective = data[1].permitted = (uint32_t)(set >> 32);
	return (int)syscall(SYS_capset, &header, data);
}

/* proc(5): to whom /proc shows processes of others. */
static int look_at_hidden(const char *options, bool sees)
{
	struct error error = {0};

	if (unshare(CLONE_NEWNS) != 0 ||
		mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
		mount("proc", "/proc", "proc", 0, options) != 0)
		return 120;
	if (!sees && drop_capabilities() != 0)
		return 121;
	if (net_sessions_read(&sessions, &error) != 0 ||
		net_forwards_read(&forwards, &complete, &error) != 0)
		return 122;
	if (sees)
		return sessions.count == 1 && forwards.count == 1 && complete ? 0 : 123;
	/* What is not seen is not made up, and it is said that something may be missing. */
	print_forwards();
	return complete ? 124 : forwards.count > 1 ? 125 : 0;
}

static void hidden_processes_are_missed_but_not_denied(void **state)
{
	static const char *const options[] = {"hidepid=1", "hidepid=2", "hidepid=4"};
	struct program ssh;

	(void)state;
	if (in_docker) /* which may not mount */
		skip();
	start_ssh(&ssh, "alice", SSH_PORT, "-N", "-R", "127.0.0.1:7001:127.0.0.1:9000", NULL);
	expect_forward(NET_FORWARD_REMOTE, "127.0.0.1:7001", NULL, 0);
	for (size_t i = 0; i < 2 * sizeof(options) / sizeof(options[0]); i++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			freed(0);
			_exit(freed(look_at_hidden(options[i / 2], i % 2)));
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		print_message("%s, %s CAP_SYS_PTRACE: %d\n", options[i / 2],
			i % 2 ? "with" : "without", WEXITSTATUS(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	stop(&ssh);
	expect_sessions(0);
}

static void start_sshd(void)
{
	const char *const argv[] = {"/usr/sbin/chroot", other_root ? other_root : "/",
		"/usr/sbin/sshd", "-D", "-e", "-f", DIR_TEST "/config", "-p", SSH_PORT, NULL};
	static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};

	start(&sshd, argv, environment, 0);
	close(connect_to(2222));
}

/* sshd may be stopped while its sessions live on: nobody listens at their port then. */
static void sessions_outlive_their_listener(void **state)
{
	struct program ssh;
	char connection[128], client[64];
	int target = listen_at(false, 9000), fd;
	unsigned port;

	(void)state;
	start_ssh(&ssh, "root", SSH_PORT, "-L", "8001:127.0.0.1:9000", "-R",
		"127.0.0.1:7001:127.0.0.1:9000", "echo $SSH_CONNECTION; exec cat", NULL);
	read_line(ssh.out, connection, sizeof(connection));
	assert_int_equal(sscanf(connection, "127.0.0.1 %u ", &port), 1);
	snprintf(client, sizeof(client), "127.0.0.1:%u", port);
	fd = connect_to(8001);
	expect_forward(NET_FORWARD_LOCAL, NULL, "127.0.0.1:9000", 1);
	stop(&sshd);
	refresh();
	assert_int_equal(sessions.count, 1);
	assert_string_equal(sessions.list[0].client, client);
	assert_int_equal(forwards.count, 2);
	assert_non_null(find_forward(NET_FORWARD_LOCAL, NULL, "127.0.0.1:9000", 1));
	assert_non_null(find_forward(NET_FORWARD_REMOTE, "127.0.0.1:7001", NULL, 0));
	close(fd);
	close(target);
	stop(&ssh);
	start_sshd();
	expect_sessions(0);
}

/* Processes that begin and end during the walk are no reason to fail. */
static void processes_come_and_go(void **state)
{
	static const char *const argv[] = {
		"/bin/sh", "-c", "echo ready; while :; do /bin/true; done", NULL};
	static const char *const nothing[] = {NULL};
	struct program churn, ssh;
	char line[32];

	(void)state;
	start(&churn, argv, nothing, 0);
	read_line(churn.out, line, sizeof(line));
	start_ssh(&ssh, "root", SSH_PORT, "-N", "-R", "127.0.0.1:7001:127.0.0.1:9000", NULL);
	expect_forward(NET_FORWARD_REMOTE, "127.0.0.1:7001", NULL, 0);
	for (int i = 0; i < 100; i++) {
		refresh();
		assert_int_equal(sessions.count, 1);
		assert_int_equal(forwards.count, 1);
	}
	stop(&ssh);
	stop(&churn);
	expect_sessions(0);
}

static void dropbear_is_read_too(void **state)
{
	static const char *const argv[] = {"/usr/sbin/dropbear", "-F", "-p", "127.0.0.1:2223", "-r",
		DIR_TEST "/dropbear", "-P", DIR_TEST "/pid", NULL};
	static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
	struct program dropbear, ssh;
	char banner[64];
	int fd, target;

	(void)state;
	if (access(argv[0], X_OK) != 0) {
		print_message("skipped: dropbear is not installed\n");
		skip();
	}
	assert_int_equal(
		system("dropbearkey -t ed25519 -f " DIR_TEST "/dropbear >/dev/null 2>&1"), 0);
	start(&dropbear, argv, environment, 0);
	close(connect_to(2223));
	check_login("root", "2223");
	/* A client that has not logged in. */
	fd = connect_to(2223);
	read_line(fd, banner, sizeof(banner));
	expect_sessions(0);
	close(fd);
	target = listen_at(false, 9000);
	start_ssh(&ssh, "root", "2223", "-N", "-L", "8001:127.0.0.1:9000", "-R",
		"7001:127.0.0.1:9000", NULL);
	expect_forward(NET_FORWARD_REMOTE, "127.0.0.1:7001", NULL, 0);
	fd = connect_to(8001);
	expect_forward(NET_FORWARD_LOCAL, NULL, "127.0.0.1:9000", 1);
	assert_int_equal(sessions.count, 1);
	assert_true(sessions.list[0].forwards_only);
	stop(&ssh);
	expect_no_forwards();
	close(fd);
	close(target);
	stop(&dropbear);
}

/* A test that failed half-way leaves nothing to the next one. */
static int end_programs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(running) / sizeof(running[0]); i++)
		if (running[i] && running[i] != sshd.pid) {
			kill(running[i], SIGKILL);
			waitpid(running[i], NULL, 0);
			running[i] = 0;
		}
	return 0;
}

/* The part of a user's own program: it listens, and is no forward. */
static int serve(const char *port)
{
	int fd = listen_at(false, (uint16_t)strtoul(port, NULL, 10));

	if (write(1, "ready\n", 6) != 6)
		return 1;
	pause();
	return fd < 0;
}

static int run(const char *command)
{
	int status = system(command);

	if (status != 0)
		fprintf(stderr, "failed: %s\n", command);
	return status;
}

static int prepare_files(void)
{
	return run("set -e; mkdir -m 755 /run/sshd " DIR_TEST " " DIR_TEST "/keys\n"
		   "cd " DIR_TEST "\n"
		   "ssh-keygen -q -t ed25519 -N '' -f host\n"
		   "ssh-keygen -q -t ed25519 -N '' -f id\n"
		   "cp id.pub keys/root; cp id.pub keys/alice; chmod 644 keys/*\n"
		   "mkdir -m 700 /root/.ssh; cp id.pub /root/.ssh/authorized_keys\n"
		   "printf '#!/bin/sh\\n: >" DIR_TEST "/asked; exec sleep 60\\n' >askpass\n"
		   "chmod 755 askpass\n"
		   "cp /etc/passwd passwd; cp /etc/shadow shadow; cp /etc/shells shells\n"
		   "echo 'alice:x:1500:1500::/tmp:/bin/sh' >>passwd\n"
		   "echo 'alice:*:20000:0:99999:7:::' >>shadow\n"
		   "mount --bind passwd /etc/passwd; mount --bind shadow /etc/shadow\n"
		   "cat >config <<END\n"
		   "HostKey " DIR_TEST "/host\n"
		   "AuthorizedKeysFile " DIR_TEST "/keys/%u\n"
		   "ListenAddress 127.0.0.1\n"
		   "PermitRootLogin yes\nPasswordAuthentication yes\nStrictModes no\nUsePAM no\n"
		   "PidFile none\nX11Forwarding yes\nGatewayPorts clientspecified\n"
		   "MaxStartups 100\nSubsystem sftp internal-sftp\n"
		   "END\n");
}

/* The other system's programs, with our files. */
static int prepare_other_root(void)
{
	if (!other_root)
		return 0;
	return run("set -e; cd \"$NET_TEST_ROOT\"\n"
		   "for d in run tmp root proc dev; do mount --rbind /$d $d; done\n"
		   "for f in passwd shadow; do\n"
		   "  touch " DIR_TEST "/other.$f\n"
		   "  cat etc/$f >" DIR_TEST "/other.$f; grep ^alice: /etc/$f >>" DIR_TEST
		   "/other.$f\n"
		   "  mount --bind " DIR_TEST "/other.$f etc/$f\n"
		   "done\n");
}

static int raise_loopback(void)
{
	struct ifreq request = {.ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "lo");
	return ioctl(fd, SIOCSIFFLAGS, &request) == 0 ? close(fd) : -1;
}

static int run_group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_login_is_a_session, end_programs),
		cmocka_unit_test_teardown(another_accounts_login_is_a_session, end_programs),
		cmocka_unit_test_teardown(
			commands_and_transfers_are_sessions_without_a_terminal, end_programs),
		cmocka_unit_test_teardown(who_has_not_logged_in_has_no_session, end_programs),
		cmocka_unit_test_teardown(forwards_of_root_are_seen_and_go, end_programs),
		cmocka_unit_test_teardown(
			forwards_of_another_account_are_seen_and_go, end_programs),
		cmocka_unit_test_teardown(an_agent_is_a_forward, end_programs),
		cmocka_unit_test_teardown(a_display_is_a_forward, end_programs),
		cmocka_unit_test_teardown(a_jump_to_itself_is_two_sessions, end_programs),
		cmocka_unit_test_teardown(many_sessions_are_told_apart, end_programs),
		cmocka_unit_test_teardown(sessions_outlive_their_listener, end_programs),
		cmocka_unit_test_teardown(processes_come_and_go, end_programs),
		cmocka_unit_test_teardown(without_sock_diag_proc_says_the_same, end_programs),
		cmocka_unit_test_teardown(hidden_processes_are_missed_but_not_denied, end_programs),
		cmocka_unit_test_teardown(dropbear_is_read_too, end_programs),
	};
	int failed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	start_sshd();
	failed = cmocka_run_group_tests_name(
		in_docker ? "net_live_docker" : "net_live", tests, NULL, NULL);
	net_sessions_free(&sessions);
	net_forwards_free(&forwards);
	return failed;
}

static int run_inside(void)
{
	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
		mount("proc", "/proc", "proc", 0, NULL) != 0 ||
		mount("run", "/run", "tmpfs", 0, "mode=755") != 0 ||
		mount("tmp", "/tmp", "tmpfs", 0, "mode=1777") != 0 ||
		mount("root", "/root", "tmpfs", 0, "mode=700") != 0 || raise_loopback() != 0) {
		perror("cannot prepare the namespaces");
		return 1;
	}
	if (prepare_files() != 0 || prepare_other_root() != 0)
		return 1;
	if (in_docker && drop_capabilities() != 0) {
		perror("cannot drop capabilities");
		return 1;
	}
	return run_group() == 0 ? 0 : 1;
}

static int skip_all(const char *reason)
{
	fprintf(stderr, "skipped: %s: %s\n", reason, strerror(errno));
	return getenv("CI") ? 1 : SKIPPED;
}

int main(int argc, char **argv)
{
	pid_t child;
	int status;

	if (argc > 2 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2]);
	/* In valgrind a link in /proc leads elsewhere once it is executed. */
	snprintf(this_program, sizeof(this_program), "/proc/self/fd/%d",
		open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	in_docker = argc > 1 && strcmp(argv[1], "docker") == 0;
	other_root = getenv("NET_TEST_ROOT");
	if (access("/usr/sbin/sshd", X_OK) != 0)
		return skip_all("no sshd");
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC) != 0)
		return skip_all("no namespaces");
	/* No call of the tests may hang for ever; all ends with this process. */
	alarm(TOTAL_SECONDS);
	/* The first process of a pid namespace takes all others with it when it ends. */
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		exit(run_inside());
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	/* A leak checker would want to fork here, into a namespace that has ended. */
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
