#include "login/connection.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* After netinet/in.h, whose names it shares. */
#include <linux/tcp.h>

#define HEARD_MS 2000
#define TIMEOUTS 3

struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 body;
};

enum connection_state connection_judge(const struct connection_info *info)
{
	if (info->retransmits >= TIMEOUTS || info->probes >= TIMEOUTS)
		return CONNECTION_DEAD;
	if (info->last_ack < HEARD_MS)
		return CONNECTION_ALIVE;
	if (info->unacked || info->retransmits || info->probes)
		return CONNECTION_WAITING;
	return CONNECTION_QUIET;
}

static int parse_address(const char *text, uint8_t *family, uint32_t out[4])
{
	char address[64];

	snprintf(address, sizeof(address), "%s", text);
	/* "fe80::1%eth0": the kernel is asked without the interface. */
	address[strcspn(address, "%")] = '\0';
	*family = strchr(address, ':') ? AF_INET6 : AF_INET;
	return inet_pton(*family, address, out) == 1 ? 0 : -1;
}

/* The server is the local side, so its address and port are the "source". */
static int parse_name(const char *name, struct inet_diag_req_v2 *body)
{
	char client[64], server[64];
	uint16_t client_port, server_port;
	uint8_t family;

	if (sscanf(name, "%63s %hu %63s %hu", client, &client_port, server, &server_port) != 4)
		return -1;
	if (parse_address(server, &body->sdiag_family, body->id.idiag_src) != 0 ||
		parse_address(client, &family, body->id.idiag_dst) != 0 ||
		family != body->sdiag_family)
		return -1;
	body->id.idiag_sport = htons(server_port);
	body->id.idiag_dport = htons(client_port);
	return 0;
}

/* The attribute may be shorter than struct tcp_info: an older kernel. */
static int find_info(struct nlmsghdr *header, struct connection_info *info)
{
	struct inet_diag_msg *message = NLMSG_DATA(header);
	struct rtattr *attribute = (struct rtattr *)(message + 1);
	long left = (long)header->nlmsg_len - (long)NLMSG_LENGTH(sizeof(*message));
	struct tcp_info tcp = {0};

	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		if (attribute->rta_type != INET_DIAG_INFO)
			continue;
		if (RTA_PAYLOAD(attribute) < offsetof(struct tcp_info, tcpi_pmtu))
			return -1;
		memcpy(&tcp, RTA_DATA(attribute),
			RTA_PAYLOAD(attribute) < sizeof(tcp) ? RTA_PAYLOAD(attribute)
							     : sizeof(tcp));
		*info = (struct connection_info){.retransmits = tcp.tcpi_retransmits,
			.probes = tcp.tcpi_probes,
			.unacked = tcp.tcpi_unacked,
			.last_ack = tcp.tcpi_last_ack_recv};
		return 0;
	}
	return -1;
}

static int ask(int fd, const struct request *request, struct connection_info *info)
{
	union {
		struct nlmsghdr header;
		char bytes[8192];
	} answer;
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t got;

	if (sendto(fd, request, sizeof(*request), 0, (const struct sockaddr *)&kernel,
		    sizeof(kernel)) < 0)
		return -1;
	got = recv(fd, &answer, sizeof(answer), 0);
	if (got < (ssize_t)NLMSG_LENGTH(sizeof(struct inet_diag_msg)) ||
		!NLMSG_OK(&answer.header, (size_t)got) ||
		answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return -1;
	return find_info(&answer.header, info);
}

enum connection_state connection_look(const char *name)
{
	const struct timeval limit = {.tv_sec = 1};
	struct request request = {.header = {.nlmsg_len = sizeof(request),
					  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
					  .nlmsg_flags = NLM_F_REQUEST},
		.body = {.sdiag_protocol = IPPROTO_TCP,
			.idiag_ext = 1 << (INET_DIAG_INFO - 1),
			.idiag_states = UINT32_MAX,
			.id.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}};
	struct connection_info info;
	int fd, result;

	if (parse_name(name, &request.body) != 0)
		return CONNECTION_UNKNOWN;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0)
		return CONNECTION_UNKNOWN;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	result = ask(fd, &request, &info);
	close(fd);
	return result == 0 ? connection_judge(&info) : CONNECTION_UNKNOWN;
}
