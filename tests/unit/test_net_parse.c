#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/address.h"
#include "net/process_parse.h"
#include "net/processes.h"
#include "net/socket_parse.h"
#include "net/sockets.h"
#include "net/tmux_clients.h"
#include "net/user_view.h"

/*
 * Captured from Linux 6.18: a listener at 127.0.0.1:8080 with one connection, one at
 * [::]:8081 with a connection from 127.0.0.1, a unix listener with a connection, and
 * one with an abstract name that holds a control byte.
 */
/* clang-format off */
static const char dump_inet[] =
	"\x7c\x00\x00\x00\x14\x00\x02\x00\x07\x00\x00\x00\xe4\x5a\x00\x00\x02\x0a\x00\x00\x1f\x90\x00\x00"
	"\x7f\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xf4\x7e\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\xbd\x90\x08\x00\x05\x00\x08\x00\x00\x00\x00\x00"
	"\x08\x00\x0f\x00\x00\x00\x00\x00\x0c\x00\x15\x00\x01\x00\x00\x00\x00\x00\x00\x00\x06\x00\x16\x00"
	"\x52\x00\x00\x00\x7c\x00\x00\x00\x14\x00\x02\x00\x07\x00\x00\x00\xe4\x5a\x00\x00\x02\x01\x00\x00"
	"\x8e\xc8\x1f\x90\x7f\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\x00\x00\x01"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xf5\x7e\x00\x00\x00\x00\x00\x00"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xbe\x90\x08\x00\x05\x00\x08\x00"
	"\x00\x00\x00\x00\x08\x00\x0f\x00\x00\x00\x00\x00\x0c\x00\x15\x00\x01\x00\x00\x00\x00\x00\x00\x00"
	"\x06\x00\x16\x00\x52\x00\x00\x00\x7c\x00\x00\x00\x14\x00\x02\x00\x07\x00\x00\x00\xe4\x5a\x00\x00"
	"\x02\x01\x00\x00\xa9\xe0\x1f\x91\x7f\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\x7f\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xf6\x7e\x00\x00"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc1\x90\x08\x00"
	"\x05\x00\x08\x00\x00\x00\x00\x00\x08\x00\x0f\x00\x00\x00\x00\x00\x0c\x00\x15\x00\x01\x00\x00\x00"
	"\x00\x00\x00\x00\x06\x00\x16\x00\x52\x00\x00\x00\x7c\x00\x00\x00\x14\x00\x02\x00\x07\x00\x00\x00"
	"\xe4\x5a\x00\x00\x02\x01\x00\x00\x1f\x90\x8e\xc8\x7f\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"
	"\x00\x00\x00\x00\x7f\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\xf7\x7e\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\xbf\x90\x08\x00\x05\x00\x08\x00\x00\x00\x00\x00\x08\x00\x0f\x00\x00\x00\x00\x00\x0c\x00\x15\x00"
	"\x01\x00\x00\x00\x00\x00\x00\x00\x06\x00\x16\x00\x52\x00\x00\x00\x14\x00\x00\x00\x03\x00\x02\x00"
	"\x07\x00\x00\x00\xe4\x5a\x00\x00\x00\x00\x00\x00";

static const char dump_inet6[] =
	"\x84\x00\x00\x00\x14\x00\x02\x00\x07\x00\x00\x00\xe4\x5a\x00\x00\x0a\x0a\x00\x00\x1f\x91\x00\x00"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xf8\x7e\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\xc0\x90\x08\x00\x05\x00\x08\x00\x00\x00\x00\x00"
	"\x05\x00\x0b\x00\x00\x00\x00\x00\x08\x00\x0f\x00\x00\x00\x00\x00\x0c\x00\x15\x00\x01\x00\x00\x00"
	"\x00\x00\x00\x00\x06\x00\x16\x00\x12\x00\x00\x00\x7c\x00\x00\x00\x14\x00\x02\x00\x07\x00\x00\x00"
	"\xe4\x5a\x00\x00\x0a\x01\x00\x00\x1f\x91\xa9\xe0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"
	"\x7f\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x7f\x00\x00\x01\x00\x00\x00\x00"
	"\xf9\x7e\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\xc2\x90\x08\x00\x05\x00\x08\x00\x00\x00\x00\x00\x08\x00\x0f\x00\x00\x00\x00\x00\x0c\x00\x15\x00"
	"\x01\x00\x00\x00\x00\x00\x00\x00\x06\x00\x16\x00\x12\x00\x00\x00\x14\x00\x00\x00\x03\x00\x02\x00"
	"\x07\x00\x00\x00\xe4\x5a\x00\x00\x00\x00\x00\x00";

static const char dump_local[] =
	"\x40\x00\x00\x00\x14\x00\x02\x00\x07\x00\x00\x00\xe4\x5a\x00\x00\x01\x01\x0a\x00\xc3\x90\x08\x00"
	"\xfa\x7e\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x2f\x72\x75\x6e\x2f\x75\x2e\x73\x6f\x63\x6b\x00"
	"\x05\x00\x06\x00\x00\x00\x00\x00\x08\x00\x07\x00\x00\x00\x00\x00\x38\x00\x00\x00\x14\x00\x02\x00"
	"\x07\x00\x00\x00\xe4\x5a\x00\x00\x01\x01\x01\x00\xc4\x90\x08\x00\xfb\x7e\x00\x00\x00\x00\x00\x00"
	"\x08\x00\x02\x00\xc5\x90\x08\x00\x05\x00\x06\x00\x00\x00\x00\x00\x08\x00\x07\x00\x00\x00\x00\x00"
	"\x48\x00\x00\x00\x14\x00\x02\x00\x07\x00\x00\x00\xe4\x5a\x00\x00\x01\x01\x01\x00\xc5\x90\x08\x00"
	"\xfc\x7e\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x2f\x72\x75\x6e\x2f\x75\x2e\x73\x6f\x63\x6b\x00"
	"\x08\x00\x02\x00\xc4\x90\x08\x00\x05\x00\x06\x00\x00\x00\x00\x00\x08\x00\x07\x00\x00\x00\x00\x00"
	"\x3c\x00\x00\x00\x14\x00\x02\x00\x07\x00\x00\x00\xe4\x5a\x00\x00\x01\x01\x0a\x00\xc6\x90\x08\x00"
	"\xfd\x7e\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x00\x00\x61\x62\x73\x01\x78\x00\x00\x05\x00\x06\x00"
	"\x00\x00\x00\x00\x08\x00\x07\x00\x00\x00\x00\x00\x14\x00\x00\x00\x03\x00\x02\x00\x07\x00\x00\x00"
	"\xe4\x5a\x00\x00\x00\x00\x00\x00";
/* clang-format on */

enum { FIRST_INODE = 561341, SEQUENCE = 7 };

static int parse(
	const char *bytes, size_t length, struct socket_dump *dump, struct net_sockets *sockets)
{
	/* A copy without a byte to spare, so that a sanitizer sees any step past the end. */
	char *copy = malloc(length ? length : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	*sockets = (struct net_sockets){.complete = true};
	*dump = (struct socket_dump){.sequence = SEQUENCE};
	result = socket_parse_netlink(copy, length, dump, sockets);
	free(copy);
	return result;
}

static void check_tcp(const struct net_socket *socket, uint8_t state, const char *local,
	const char *remote, uint32_t inode)
{
	char text[NET_ADDRESS_TEXT];

	assert_int_equal(socket->state, state);
	assert_string_equal(net_address_format(text, &socket->local), local);
	assert_string_equal(net_address_format(text, &socket->remote), remote);
	assert_int_equal(socket->inode, inode);
	assert_int_equal(socket->uid, 0);
}

static void a_dump_of_tcp_sockets_is_read(void **state)
{
	struct net_sockets sockets;
	struct socket_dump dump;
	int listeners = 0, at_8080 = 0;

	(void)state;
	assert_int_equal(parse(dump_inet, sizeof(dump_inet) - 1, &dump, &sockets), 0);
	assert_true(dump.done);
	assert_false(dump.interrupted);
	assert_int_equal(dump.refused, 0);
	assert_int_equal(sockets.count, 4);
	/* The kernel's hash tables know no order. */
	for (size_t i = 0; i < sockets.count; i++) {
		const struct net_socket *socket = &sockets.list[i];

		if (socket->inode == FIRST_INODE)
			check_tcp(socket, TCP_LISTEN, "127.0.0.1:8080", "0.0.0.0:0", FIRST_INODE);
		else
			assert_int_equal(socket->state, TCP_ESTABLISHED);
		listeners += socket->state == TCP_LISTEN;
		at_8080 += socket->local.port == 8080;
	}
	assert_int_equal(listeners, 1);
	assert_int_equal(at_8080, 2);
	net_sockets_free(&sockets);
}

static void mapped_addresses_are_shown_as_ipv4(void **state)
{
	struct net_sockets sockets;
	struct socket_dump dump;

	(void)state;
	assert_int_equal(parse(dump_inet6, sizeof(dump_inet6) - 1, &dump, &sockets), 0);
	assert_int_equal(sockets.count, 2);
	check_tcp(&sockets.list[0], TCP_LISTEN, "[::]:8081", "[::]:0", FIRST_INODE + 3);
	assert_int_equal(sockets.list[1].local.family, AF_INET);
	assert_true(net_address_reaches(&sockets.list[0].local, &sockets.list[1].local));
	net_sockets_free(&sockets);
}

static void a_dump_of_unix_sockets_is_read(void **state)
{
	struct net_sockets sockets;
	struct socket_dump dump;
	const struct net_socket *found[4] = {0};

	(void)state;
	assert_int_equal(parse(dump_local, sizeof(dump_local) - 1, &dump, &sockets), 0);
	assert_int_equal(sockets.count, 4);
	for (size_t i = 0; i < 4; i++) {
		size_t place = sockets.list[i].inode - FIRST_INODE - 6;

		assert_in_range(place, 0, 3);
		found[place] = &sockets.list[i];
	}
	assert_string_equal(found[0]->path, "/run/u.sock");
	assert_int_equal(found[0]->state, TCP_LISTEN);
	assert_null(found[1]->path);
	assert_int_equal(found[1]->peer, found[2]->inode);
	assert_int_equal(found[2]->peer, found[1]->inode);
	assert_string_equal(found[2]->path, "/run/u.sock");
	assert_string_equal(found[3]->path, "@abs\\x01x");
	assert_int_equal(found[3]->uid, 0);
	net_sockets_free(&sockets);
}

static void check_cut(const char *bytes, size_t length)
{
	struct net_sockets sockets;
	struct socket_dump dump;

	for (size_t cut = 0; cut < length; cut++) {
		int result = parse(bytes, cut, &dump, &sockets);

		/* Only at the end of a message is a cut not seen, and then no end was told. */
		assert_true(result == 0 || errno == EBADMSG);
		assert_false(dump.done);
		net_sockets_free(&sockets);
	}
}

static void a_cut_dump_has_no_end(void **state)
{
	(void)state;
	/* The last message, NLMSG_DONE, is 20 bytes long. */
	check_cut(dump_inet, sizeof(dump_inet) - 1);
	check_cut(dump_inet6, sizeof(dump_inet6) - 1);
	check_cut(dump_local, sizeof(dump_local) - 1);
}

/* Every byte takes every value in turn: nothing to expect but that memory stays whole. */
static void check_damage(const char *bytes, size_t length)
{
	char *copy = malloc(length);
	struct net_sockets sockets;
	struct socket_dump dump;

	assert_non_null(copy);
	for (size_t at = 0; at < length; at++)
		for (int value = 0; value < 256; value += 15) {
			memcpy(copy, bytes, length);
			copy[at] = (char)value;
			assert_in_range(parse(copy, length, &dump, &sockets) + 1, 0, 1);
			assert_in_range(sockets.count, 0, 5);
			for (size_t i = 0; i < sockets.count; i++)
				assert_int_not_equal(sockets.list[i].inode, 0);
			net_sockets_free(&sockets);
		}
	free(copy);
}

static void a_damaged_dump_harms_nothing(void **state)
{
	(void)state;
	check_damage(dump_inet, sizeof(dump_inet) - 1);
	check_damage(dump_inet6, sizeof(dump_inet6) - 1);
	check_damage(dump_local, sizeof(dump_local) - 1);
}

static void answers_to_others_and_refusals(void **state)
{
	char bytes[sizeof(dump_inet)];
	/* NLMSG_ERROR with -ENOENT: no such protocol in this kernel. */
	static const char refusal[] =
		"\x24\x00\x00\x00\x02\x00\x00\x00\x07\x00\x00\x00\x01\x00\x00\x00"
		"\xfe\xff\xff\xff\x48\x00\x00\x00\x14\x00\x01\x03\x07\x00\x00\x00"
		"\x00\x00\x00\x00";
	struct net_sockets sockets;
	struct socket_dump dump;

	(void)state;
	memcpy(bytes, dump_inet, sizeof(bytes));
	bytes[8] = SEQUENCE + 1;
	assert_int_equal(parse(bytes, sizeof(bytes) - 1, &dump, &sockets), 0);
	assert_int_equal(sockets.count, 3);
	net_sockets_free(&sockets);
	bytes[8] = SEQUENCE;
	bytes[6] |= 0x10; /* NLM_F_DUMP_INTR */
	assert_int_equal(parse(bytes, sizeof(bytes) - 1, &dump, &sockets), 0);
	assert_true(dump.interrupted);
	net_sockets_free(&sockets);
	assert_int_equal(parse(refusal, sizeof(refusal) - 1, &dump, &sockets), 0);
	assert_true(dump.done);
	assert_int_equal(dump.refused, ENOENT);
	net_sockets_free(&sockets);
}

static void the_texts_of_proc_say_the_same(void **state)
{
	static const char tcp[] =
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid "
		" timeout inode\n"
		"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0 "
		"       0 539963 1 00000000fe9dd1a0 100 0 0 10 0\n"
		"   1: 0100007F:1F90 0100007F:E4A8 01 00000000:00000000 00:00000000 00000000  1500 "
		"       0 539965 1 0000000069dc382f 20 0 0 10 -1\n"
		"   2: 0100007F:1F90 0100007F:E4AA 06 00000000:00000000 03:000017CC 00000000     0 "
		"       0 0 3 0000000069dc382f\n";
	static const char tcp6[] =
		"   1: 0000000000000000FFFF00000100007F:1F91 0000000000000000FFFF00000100007F:856C "
		"01 00000000:00000000 00:00000000 00000000     0        0 539968 1 "
		"000000002b518fc4 "
		"20 0 0 10 -1\n";
	static const char local[] =
		"Num       RefCount Protocol Flags    Type St Inode Path\n"
		"000000006b86593e: 00000002 00000000 00010000 0001 01 539969 /run/with space\n"
		"00000000433a0ea8: 00000003 00000000 00000000 0001 03 539970\n"
		"00000000f3697063: 00000002 00000000 00010000 0001 01 539972 @abs\x01x\n";
	struct net_sockets sockets = {.complete = true};

	(void)state;
	assert_int_equal(socket_parse_proc(AF_INET, tcp, &sockets), 0);
	assert_int_equal(socket_parse_proc(AF_INET6, tcp6, &sockets), 0);
	assert_int_equal(socket_parse_proc(AF_UNIX, local, &sockets), 0);
	assert_int_equal(sockets.count, 6);
	check_tcp(&sockets.list[0], TCP_LISTEN, "127.0.0.1:8080", "0.0.0.0:0", 539963);
	assert_int_equal(sockets.list[1].uid, 1500);
	check_tcp(&sockets.list[2], TCP_ESTABLISHED, "127.0.0.1:8081", "127.0.0.1:34156", 539968);
	assert_string_equal(sockets.list[3].path, "/run/with space");
	assert_int_equal(sockets.list[3].state, TCP_LISTEN);
	assert_null(sockets.list[4].path);
	assert_int_equal(sockets.list[4].state, TCP_ESTABLISHED);
	assert_string_equal(sockets.list[5].path, "@abs\\x01x");
	assert_int_equal(
		socket_parse_proc(AF_INET, "\n 0: x\n: \n 0: 01:02 03:04 05 6", &sockets), 0);
	assert_int_equal(socket_parse_proc(AF_UNIX, "0: 0 0 0", &sockets), 0);
	assert_int_equal(sockets.count, 6);
	net_sockets_free(&sockets);
}

static void a_process_line_may_hold_anything_in_its_name(void **state)
{
	struct net_process process = {0};
	unsigned long long start = 0;

	(void)state;
	assert_int_equal(process_parse_stat("43 (a) R 1 (b) S 7 43 43 34817 46 4194304 1 2 3 4 5 6 "
					    "7 8 20 0 1 0 123456 99 0 0\n",
				 &process, &start),
		0);
	assert_int_equal(process.pid, 43);
	assert_int_equal(process.parent, 7);
	assert_int_equal(process.tty, 34817);
	assert_int_equal(start, 123456);
	assert_string_equal(process.comm, "a) R 1 (b");
	assert_int_equal(process_parse_stat("", &process, &start), -1);
	assert_int_equal(process_parse_stat("43 (sshd", &process, &start), -1);
	assert_int_equal(process_parse_stat("43 )sshd( S 7", &process, &start), -1);
	assert_int_equal(process_parse_stat("43 (sshd) S 7 43 43", &process, &start), -1);
}

static void uids_and_links_are_read(void **state)
{
	uid_t uid = 1;
	uint32_t inode = 0;
	bool pipe = true;

	(void)state;
	assert_int_equal(process_parse_uid("Name:\tsshd\nUid:\t1500\t0\t0\t0\n", &uid), 0);
	assert_int_equal(uid, 1500);
	assert_int_equal(process_parse_uid("Name:\tUid: 0\nUmask:\t0022\n", &uid), -1);
	assert_true(process_parse_link("socket:[4294967295]", &pipe, &inode));
	assert_false(pipe);
	assert_int_equal(inode, UINT32_MAX);
	assert_true(process_parse_link("pipe:[12]", &pipe, &inode));
	assert_true(pipe);
	assert_false(process_parse_link("socket:[4294967296]", &pipe, &inode));
	assert_false(process_parse_link("/dev/null", &pipe, &inode));
	assert_false(process_parse_link("socket:[", &pipe, &inode));
}

static void check_title(const char *text, enum title_kind kind, const char *name, const char *tty)
{
	struct title title;

	process_parse_title(text, &title);
	assert_int_equal(title.kind, kind);
	assert_string_equal(title.name, name);
	assert_string_equal(title.tty, tty);
	if (kind == TITLE_SESSION)
		assert_int_equal(title.idle, strchr(text, '@') == NULL || strstr(text, "corp"));
}

/* As seen with OpenSSH 9.2 on Debian 12, and as sshd-session.c of 9.8 and later has it. */
static void titles_tell_what_a_server_process_does(void **state)
{
	(void)state;
	check_title("sshd: /usr/sbin/sshd -D -p 2222 [listener] 1 of 10-100 startups", TITLE_OTHER,
		"", "");
	check_title("/usr/sbin/sshd", TITLE_OTHER, "", "");
	check_title("", TITLE_OTHER, "", "");
	check_title("bash", TITLE_OTHER, "", "");
	check_title("sshd: [accepted]", TITLE_UNAUTHENTICATED, "", "");
	check_title("sshd: [net]", TITLE_UNAUTHENTICATED, "", "");
	check_title("sshd: unknown [priv]", TITLE_MONITOR, "unknown", "");
	check_title("sshd: alice [net]", TITLE_UNAUTHENTICATED, "alice", "");
	check_title("sshd: alice [pam]", TITLE_UNAUTHENTICATED, "alice", "");
	check_title("sshd: alice [priv]   ", TITLE_MONITOR, "alice", "");
	check_title("sshd: alice", TITLE_SESSION, "alice", "");
	check_title("sshd: alice@notty", TITLE_SESSION, "alice", "");
	check_title("sshd: root@pts/2", TITLE_SESSION, "root", "pts/2");
	check_title("sshd: root@pts/2,pts/3", TITLE_SESSION, "root", "pts/2,pts/3");
	check_title("sshd: eve@corp.example", TITLE_SESSION, "eve@corp.example", "");
	check_title("sshd-session: root@pts/0", TITLE_SESSION, "root", "pts/0");
	check_title("sshd-session: alice [priv]", TITLE_MONITOR, "alice", "");
	check_title("sshd-auth: alice [net]", TITLE_UNAUTHENTICATED, "alice", "");
	check_title("sshd: ", TITLE_OTHER, "", "");
	assert_true(process_is_server("sshd-session.pa"));
	assert_true(process_is_server("dropbear"));
	assert_false(process_is_server("ssh"));
	assert_false(process_is_server("bash"));
}

static void what_an_account_sees_must_come_to_its_end(void **state)
{
	static const char text[] = "socket 30 7\nsocket 20 8\n"
				   "session 43 192.0.2.1 50000 ::1 22\n"
				   "display 43 localhost:10.0\ndisplay 44 \ndisplay 45 x:70000\n"
				   "session 44 nonsense\nsession 45 192.0.2.1 99999 ::1 22\nend\n";
	struct user_view view = {0};
	char client[NET_ADDRESS_TEXT];

	(void)state;
	assert_int_equal(user_view_parse(&view, text), 0);
	assert_true(view.valid);
	assert_int_equal(user_view_holder(&view, 20), 8);
	assert_int_equal(user_view_holder(&view, 30), 7);
	assert_int_equal(user_view_holder(&view, 25), 0);
	assert_int_equal(view.display_count, 3);
	assert_int_equal(view.displays[0].session, 43);
	assert_int_equal(view.displays[0].number, 10);
	assert_int_equal(view.displays[1].number, -1);
	assert_int_equal(view.displays[2].number, -1);
	assert_int_equal(view.connection_count, 1);
	assert_int_equal(view.connections[0].session, 43);
	assert_string_equal(
		net_address_format(client, &view.connections[0].client), "192.0.2.1:50000");
	user_view_free(&view);
	assert_int_equal(user_view_parse(&view, "socket 30 7\n"), -1);
	assert_false(view.valid);
	user_view_free(&view);
	assert_int_equal(user_view_parse(&view, "socket x 7\nend\n"), -1);
	user_view_free(&view);
	assert_int_equal(user_view_parse(&view, "socket 7\nend\n"), -1);
	user_view_free(&view);
}

/* line is a command line with '|' for NUL. */
static void check_server(const char *line, const char *option, const char *value)
{
	char copy[128];
	const char *words[2] = {NULL};
	size_t length = strlen(line), count;

	memcpy(copy, line, length + 1);
	for (size_t i = 0; i < length; i++)
		if (copy[i] == '|')
			copy[i] = '\0';
	tmux_clients_server(copy, length + 1, words, &count);
	assert_int_equal(count, option ? 2 : 0);
	if (option) {
		assert_string_equal(words[0], option);
		assert_string_equal(words[1], value);
	}
}

static void tmux_tells_what_its_clients_look_at(void **state)
{
	struct tmux_clients clients = {0};

	(void)state;
	assert_int_equal(tmux_clients_parse(&clients, "12 3 ssh_tmux\nno server running\n"
						      "13 1 two words\n-1 1 x\n14 1 \n15 1"),
		0);
	assert_int_equal(clients.count, 2);
	assert_int_equal(clients.list[0].pid, 12);
	assert_int_equal(clients.list[0].windows, 3);
	assert_string_equal(clients.list[0].session, "ssh_tmux");
	assert_string_equal(clients.list[1].session, "two words");
	tmux_clients_free(&clients);
	assert_true(tmux_client_is("tmux: client"));
	assert_false(tmux_client_is("tmux: server"));
	check_server("tmux|attach", NULL, NULL);
	check_server("tmux", NULL, NULL);
	check_server("", NULL, NULL);
	check_server("tmux|-u|-L|mine|new|-S|x", "-L", "mine");
	check_server("tmux|-uS/tmp/s|a", "-S", "/tmp/s");
	check_server("tmux|-f|-L|-2Lmine", "-L", "mine");
	check_server("tmux|-L", NULL, NULL);
}

static void addresses_are_read_and_shown(void **state)
{
	struct net_address address, other;
	char text[NET_ADDRESS_TEXT];

	(void)state;
	assert_int_equal(net_address_parse("2001:db8::1", 22, &address), 0);
	assert_string_equal(net_address_format(text, &address), "[2001:db8::1]:22");
	assert_int_equal(net_address_parse("fe80::1%eth0", 22, &address), 0);
	assert_string_equal(net_address_format(text, &address), "[fe80::1]:22");
	assert_int_equal(net_address_parse("::ffff:192.0.2.1", 22, &address), 0);
	assert_int_equal(net_address_parse("192.0.2.1", 22, &other), 0);
	assert_true(net_address_equal(&address, &other));
	assert_false(net_address_is_loopback(&address));
	assert_int_equal(net_address_parse("127.8.8.8", 0, &address), 0);
	assert_true(net_address_is_loopback(&address));
	assert_int_equal(net_address_parse("::1", 0, &address), 0);
	assert_true(net_address_is_loopback(&address));
	assert_int_equal(net_address_parse("localhost", 0, &address), -1);
	assert_int_equal(net_address_parse("", 0, &address), -1);
	/* A wildcard of IPv4 takes no IPv6; another port is another listener. */
	assert_int_equal(net_address_parse("0.0.0.0", 22, &other), 0);
	assert_int_equal(net_address_parse("2001:db8::1", 22, &address), 0);
	assert_false(net_address_reaches(&other, &address));
	assert_int_equal(net_address_parse("192.0.2.1", 23, &address), 0);
	assert_false(net_address_reaches(&other, &address));
	other.port = 23;
	assert_true(net_address_reaches(&other, &address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dump_of_tcp_sockets_is_read),
		cmocka_unit_test(mapped_addresses_are_shown_as_ipv4),
		cmocka_unit_test(a_dump_of_unix_sockets_is_read),
		cmocka_unit_test(a_cut_dump_has_no_end),
		cmocka_unit_test(a_damaged_dump_harms_nothing),
		cmocka_unit_test(answers_to_others_and_refusals),
		cmocka_unit_test(the_texts_of_proc_say_the_same),
		cmocka_unit_test(a_process_line_may_hold_anything_in_its_name),
		cmocka_unit_test(uids_and_links_are_read),
		cmocka_unit_test(titles_tell_what_a_server_process_does),
		cmocka_unit_test(what_an_account_sees_must_come_to_its_end),
		cmocka_unit_test(tmux_tells_what_its_clients_look_at),
		cmocka_unit_test(addresses_are_read_and_shown),
	};

	return cmocka_run_group_tests_name("net_parse", tests, NULL, NULL);
}
