/* The kernel's tables of sockets, by netlink and as text. */
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/address.h"
#include "net/socket_parse.h"
#include "net/sockets.h"

static void check_address(const struct net_address *address)
{
	char text[NET_ADDRESS_TEXT];
	struct net_address again;

	net_address_format_host(text, address);
	require(strlen(text) < NET_ADDRESS_TEXT && fuzz_is_visible(text));
	if (net_address_parse(text, address->port, &again) == 0)
		require(memcmp(&again, address, sizeof(again)) == 0);
}

static void check(const struct net_sockets *sockets)
{
	require(sockets->count <= sockets->capacity);
	for (size_t i = 0; i < sockets->count; i++) {
		const struct net_socket *socket = &sockets->list[i];

		require(socket->inode != 0);
		require(socket->family == AF_UNIX || !socket->path);
		require(fuzz_is_visible(socket->path));
		if (socket->family != AF_UNIX) {
			check_address(&socket->local);
			check_address(&socket->remote);
		}
	}
}

/* The first byte says which form; netlink bytes are of the request with that number. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
	struct fuzz_input input = {data, size};
	struct socket_dump dump = {.sequence = 1};
	struct net_sockets sockets = {0};
	unsigned form = fuzz_byte(&input) % 4;
	char *copy = malloc(input.left + 1);

	require(copy != NULL);
	if (input.left)
		memcpy(copy, input.at, input.left);
	copy[input.left] = '\0';
	if (form == 3) {
		copy = realloc(copy, input.left ? input.left : 1);
		if (socket_parse_netlink(copy, input.left, &dump, &sockets) != 0)
			require(errno == EBADMSG);
		require(dump.refused >= 0 && (!dump.refused || dump.done));
	} else {
		require(socket_parse_proc(families[form], copy, &sockets) == 0);
	}
	check(&sockets);
	net_sockets_free(&sockets);
	free(copy);
	return 0;
}
