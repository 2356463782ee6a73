#include "net/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "net/array.h"
#include "net/socket_parse.h"

enum {
	RECEIVE_BYTES = 64 * 1024, /* a dump comes in datagrams of at most 32 KiB */
	RECEIVE_SECONDS = 3,
	DUMP_ATTEMPTS = 3,
	PROC_LIMIT = 64 * 1024 * 1024,
	DISPLAYS = 1000, /* as many as sshd tries, MAX_DISPLAYS in its channels.c */
};

#define UDIAG_SHOW_UID_BIT 0x40 /* Linux 5.3, ignored before */

/* Of the rest nothing has an owner: orphans, TIME_WAIT, half-open requests. */
#define TCP_STATES                                                                                 \
	((1U << TCP_ESTABLISHED) | (1U << TCP_SYN_SENT) | (1U << TCP_FIN_WAIT1) |                  \
		(1U << TCP_FIN_WAIT2) | (1U << TCP_CLOSE_WAIT) | (1U << TCP_LISTEN))
#define UNIX_STATES ((1U << TCP_ESTABLISHED) | (1U << TCP_LISTEN))

struct request {
	struct nlmsghdr header;
	union {
		struct inet_diag_req_v2 inet;
		struct unix_diag_req local;
	} body;
};

int net_sockets_add(struct net_sockets *sockets, const struct net_socket *socket)
{
	struct net_socket *list;

	if (socket->inode == 0 || sockets->count >= NET_SOCKETS_MAX) {
		if (socket->inode != 0)
			sockets->complete = false;
		free(socket->path);
		return 0;
	}
	list = array_grow(sockets->list, sockets->count, &sockets->capacity, sizeof(*list));
	if (!list) {
		free(socket->path);
		errno = ENOMEM;
		return -1;
	}
	sockets->list = list;
	list[sockets->count++] = *socket;
	return 0;
}

bool net_socket_may_be_display(const struct net_socket *socket)
{
	return socket->family != AF_UNIX && socket->state == TCP_LISTEN &&
	       socket->local.port >= NET_DISPLAY_PORT &&
	       socket->local.port < NET_DISPLAY_PORT + DISPLAYS;
}

static void drop_from(struct net_sockets *sockets, size_t count)
{
	while (sockets->count > count)
		free(sockets->list[--sockets->count].path);
}

void net_sockets_free(struct net_sockets *sockets)
{
	drop_from(sockets, 0);
	free(sockets->list);
	*sockets = (struct net_sockets){0};
}

static int open_netlink(void)
{
	const struct timeval patience = {.tv_sec = RECEIVE_SECONDS};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int send_request(int fd, int family, uint32_t sequence)
{
	struct request request = {0};
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	size_t body = family == AF_UNIX ? sizeof(request.body.local) : sizeof(request.body.inet);

	request.header.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + body);
	request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request.header.nlmsg_seq = sequence;
	if (family == AF_UNIX) {
		request.body.local.sdiag_family = AF_UNIX;
		request.body.local.udiag_states = UNIX_STATES;
		request.body.local.udiag_show =
			UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_UID_BIT;
	} else {
		request.body.inet.sdiag_family = (uint8_t)family;
		request.body.inet.sdiag_protocol = IPPROTO_TCP;
		request.body.inet.idiag_states = TCP_STATES;
	}
	return sendto(fd, &request, request.header.nlmsg_len, 0, (const struct sockaddr *)&kernel,
		       sizeof(kernel)) < 0
		       ? -1
		       : 0;
}

static int receive_dump(int fd, char *buffer, struct socket_dump *dump, struct net_sockets *sockets)
{
	while (!dump->done) {
		struct sockaddr_nl sender = {0};
		struct iovec part = {.iov_base = buffer, .iov_len = RECEIVE_BYTES};
		struct msghdr message = {.msg_name = &sender,
			.msg_namelen = sizeof(sender),
			.msg_iov = &part,
			.msg_iovlen = 1};
		ssize_t got = recvmsg(fd, &message, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		/* Anybody on the machine may send to a netlink socket; the kernel is port 0. */
		if (sender.nl_pid != 0)
			continue;
		if (message.msg_flags & MSG_TRUNC) {
			errno = EBADMSG;
			return -1;
		}
		if (socket_parse_netlink(buffer, (size_t)got, dump, sockets) != 0)
			return -1;
	}
	errno = dump->refused;
	return dump->refused ? -1 : 0;
}

/* One family; again if the tables changed meanwhile, and with what there is at last. */
static int dump_family(int family, char *buffer, struct net_sockets *sockets)
{
	const size_t before = sockets->count;

	for (uint32_t attempt = 1; attempt <= DUMP_ATTEMPTS; attempt++) {
		struct socket_dump dump = {.sequence = attempt};
		int fd = open_netlink();
		int result, saved;

		if (fd < 0)
			return -1;
		drop_from(sockets, before);
		result = send_request(fd, family, dump.sequence);
		if (result == 0)
			result = receive_dump(fd, buffer, &dump, sockets);
		saved = errno;
		close(fd);
		errno = saved;
		if (result != 0)
			return -1;
		if (!dump.interrupted)
			return 0;
	}
	sockets->complete = false;
	return 0;
}

static int read_whole(const char *path, struct buffer *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 1;

	if (fd < 0)
		return -1;
	while (got > 0 && text->length < PROC_LIMIT) {
		char *room = buffer_reserve(text, RECEIVE_BYTES);

		if (!room)
			break;
		got = read(fd, room, RECEIVE_BYTES);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got > 0)
			text->length += (size_t)got;
	}
	close(fd);
	if (text->failed)
		errno = ENOMEM;
	return text->failed || got < 0 ? -1 : buffer_add(text, "", 1);
}

static int read_proc(int family, struct net_sockets *sockets)
{
	const char *path = family == AF_INET    ? "/proc/net/tcp"
			   : family == AF_INET6 ? "/proc/net/tcp6"
						: "/proc/net/unix";
	struct buffer text = BUFFER_EMPTY;
	int result = read_whole(path, &text);

	if (result == 0)
		result = socket_parse_proc(family, text.data, sockets);
	/* No file for a family: the kernel has no sockets of it. */
	else if (errno == ENOENT)
		result = 0;
	buffer_free(&text);
	return result;
}

static int read_family(int family, char *buffer, struct net_sockets *sockets)
{
	const size_t before = sockets->count;

	if (dump_family(family, buffer, sockets) == 0)
		return 0;
	if (errno == ENOMEM)
		return -1;
	drop_from(sockets, before);
	if (family == AF_UNIX)
		sockets->peers = false;
	return read_proc(family, sockets);
}

int net_sockets_read(struct net_sockets *sockets, bool with_unix, struct error *error)
{
	char *buffer = malloc(RECEIVE_BYTES);
	int result = -1;

	*sockets = (struct net_sockets){.complete = true, .peers = with_unix};
	if (buffer && read_family(AF_INET, buffer, sockets) == 0 &&
		read_family(AF_INET6, buffer, sockets) == 0 &&
		(!with_unix || read_family(AF_UNIX, buffer, sockets) == 0))
		result = 0;
	else
		error_set_errno(error, ERROR_INTERNAL, "cannot read the sockets of this machine");
	free(buffer);
	return result;
}
