#include "net/socket_parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"
#include "net/sockets.h"

/* Linux 5.3; older headers lack it. */
#define UNIX_DIAG_UID_ATTRIBUTE 7

/* A name may hold any byte; four characters stand for one that cannot be shown. */
static char *show_path(const char *bytes, size_t length)
{
	char visible[4 * 108 + 2];
	size_t used = 0;

	if (length > 108)
		length = 108;
	if (length > 0 && bytes[0] == '\0') {
		visible[used++] = '@';
		bytes++;
		length--;
	} else {
		length = strnlen(bytes, length);
	}
	text_visible(visible + used, sizeof(visible) - used, bytes, length);
	return strdup(visible);
}

static int add_inet(const char *payload, size_t length, struct net_sockets *sockets)
{
	struct inet_diag_msg message;
	struct net_socket socket = {.type = SOCK_STREAM};

	if (length < sizeof(message)) {
		errno = EBADMSG;
		return -1;
	}
	memcpy(&message, payload, sizeof(message));
	socket.family = message.idiag_family;
	socket.state = message.idiag_state;
	socket.inode = message.idiag_inode;
	socket.uid = message.idiag_uid;
	socket.local = net_address_make(
		message.idiag_family, message.id.idiag_src, ntohs(message.id.idiag_sport));
	socket.remote = net_address_make(
		message.idiag_family, message.id.idiag_dst, ntohs(message.id.idiag_dport));
	return net_sockets_add(sockets, &socket);
}

static int read_attribute(
	const struct rtattr *header, const char *value, size_t length, struct net_socket *socket)
{
	uint32_t number = 0;

	if (length >= sizeof(number))
		memcpy(&number, value, sizeof(number));
	if (header->rta_type == UNIX_DIAG_NAME && !socket->path && length > 0) {
		socket->path = show_path(value, length);
		if (!socket->path)
			return -1;
	} else if (header->rta_type == UNIX_DIAG_PEER && length >= sizeof(number)) {
		socket->peer = number;
	} else if (header->rta_type == UNIX_DIAG_UID_ATTRIBUTE && length >= sizeof(number)) {
		socket->uid = number;
	}
	return 0;
}

static int add_unix(const char *payload, size_t length, struct net_sockets *sockets)
{
	struct unix_diag_msg message;
	struct rtattr header;
	struct net_socket socket = {.family = AF_UNIX, .uid = NET_UID_UNKNOWN};
	size_t at = NLMSG_ALIGN(sizeof(message));

	if (length < sizeof(message)) {
		errno = EBADMSG;
		return -1;
	}
	memcpy(&message, payload, sizeof(message));
	socket.type = message.udiag_type;
	socket.state = message.udiag_state;
	socket.inode = message.udiag_ino;
	while (at < length && length - at >= sizeof(header)) {
		memcpy(&header, payload + at, sizeof(header));
		if (header.rta_len < sizeof(header) || header.rta_len > length - at) {
			free(socket.path);
			errno = EBADMSG;
			return -1;
		}
		if (read_attribute(&header, payload + at + sizeof(header),
			    header.rta_len - sizeof(header), &socket) != 0)
			return -1;
		at += RTA_ALIGN((size_t)header.rta_len);
	}
	return net_sockets_add(sockets, &socket);
}

static int add_message(const struct nlmsghdr *header, const char *payload, size_t length,
	struct socket_dump *dump, struct net_sockets *sockets)
{
	int32_t code = 0;

	if (header->nlmsg_flags & NLM_F_DUMP_INTR)
		dump->interrupted = true;
	if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) {
		/* Both carry a negative errno; a dump can fail at its end too. */
		if (length >= sizeof(code))
			memcpy(&code, payload, sizeof(code));
		dump->refused = code < 0 && code > -4096 ? -code : 0;
		dump->done = true;
		return 0;
	}
	if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || length < 1)
		return 0;
	if (payload[0] == AF_UNIX)
		return add_unix(payload, length, sockets);
	if (payload[0] == AF_INET || payload[0] == AF_INET6)
		return add_inet(payload, length, sockets);
	return 0;
}

int socket_parse_netlink(
	const void *data, size_t length, struct socket_dump *dump, struct net_sockets *sockets)
{
	const char *bytes = data;
	const size_t head = NLMSG_HDRLEN;
	struct nlmsghdr header;
	size_t at = 0;

	while (at < length && !dump->done) {
		if (length - at < head) {
			errno = EBADMSG;
			return -1;
		}
		memcpy(&header, bytes + at, sizeof(header));
		if (header.nlmsg_len < head || header.nlmsg_len > length - at) {
			errno = EBADMSG;
			return -1;
		}
		if (header.nlmsg_seq == dump->sequence &&
			add_message(&header, bytes + at + head, header.nlmsg_len - head, dump,
				sockets) != 0)
			return -1;
		at += NLMSG_ALIGN((size_t)header.nlmsg_len);
	}
	return 0;
}

/* Addresses in /proc/net/tcp are 32-bit words of the machine's order, in hexadecimal. */
static int read_proc_address(int family, const char *hex, unsigned port, struct net_address *out)
{
	size_t words = family == AF_INET ? 1 : 4;
	uint32_t bytes[4] = {0};

	if (strlen(hex) != words * 8 || port > UINT16_MAX)
		return -1;
	for (size_t i = 0; i < words; i++)
		if (sscanf(hex + 8 * i, "%8" SCNx32, &bytes[i]) != 1)
			return -1;
	*out = net_address_make(family, bytes, (uint16_t)port);
	return 0;
}

static int add_proc_tcp(int family, const char *line, struct net_sockets *sockets)
{
	struct net_socket socket = {.family = (uint8_t)family, .type = SOCK_STREAM};
	char local[33], remote[33];
	unsigned local_port, remote_port, state;

	if (sscanf(line,
		    " %*[0-9]: %32[0-9A-F]:%4x %32[0-9A-F]:%4x %2x %*s %*s %*s %" SCNu32
		    " %*s %" SCNu32,
		    local, &local_port, remote, &remote_port, &state, &socket.uid,
		    &socket.inode) != 7 ||
		read_proc_address(family, local, local_port, &socket.local) != 0 ||
		read_proc_address(family, remote, remote_port, &socket.remote) != 0)
		return 0;
	socket.state = (uint8_t)state;
	return net_sockets_add(sockets, &socket);
}

static int add_proc_unix(const char *line, struct net_sockets *sockets)
{
	enum { SO_ACCEPTCON_FLAG = 0x10000, SS_CONNECTED_STATE = 3 };
	struct net_socket socket = {.family = AF_UNIX, .uid = NET_UID_UNKNOWN};
	unsigned flags, type, state;
	int path = 0;

	if (sscanf(line, "%*[0-9a-fA-F]: %*x %*x %x %x %x %" SCNu32 "%n", &flags, &type, &state,
		    &socket.inode, &path) != 4)
		return 0;
	socket.type = (uint8_t)type;
	socket.state = flags & SO_ACCEPTCON_FLAG     ? TCP_LISTEN
		       : state == SS_CONNECTED_STATE ? TCP_ESTABLISHED
						     : TCP_CLOSE;
	if (line[path] == ' ' && line[path + 1]) {
		socket.path = show_path(line + path + 1, strlen(line + path + 1));
		if (!socket.path)
			return -1;
	}
	return net_sockets_add(sockets, &socket);
}

int socket_parse_proc(int family, const char *text, struct net_sockets *sockets)
{
	char line[512];
	size_t length;
	int result = 0;

	for (; *text && result == 0; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", length < 511 ? (int)length : 511, text);
		result = family == AF_UNIX ? add_proc_unix(line, sockets)
					   : add_proc_tcp(family, line, sockets);
	}
	return result;
}
