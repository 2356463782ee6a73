/* What tmux prints, in both places that ask it: what is shown of it can be shown, and no
 * name can begin one of tmux's own formats. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "login/roster.h"
#include "net/tmux_clients.h"

static void check_roster(const struct roster *roster)
{
	require(roster->client_count <= ROSTER_CLIENTS && roster->window_count <= ROSTER_WINDOWS);
	require(roster->left_count <= ROSTER_LEFT && roster->version >= 0);
	for (size_t i = 0; i < roster->window_count; i++) {
		const struct roster_window *window = &roster->windows[i];

		require(fuzz_is_visible(window->name) && !strpbrk(window->name, "#%"));
		require(roster_find(roster, window->window) != NULL);
		roster_is_attended(roster, window->window);
	}
	for (size_t i = 0; i < roster->client_count; i++) {
		const struct roster_client *client = &roster->clients[i];

		require(!strchr(client->session, '\n'));
		require(client->is_gone || roster_has_client(roster, client->session));
	}
	for (size_t i = 0; i < roster->left_count; i++) {
		require(*roster->left[i] && !strchr(roster->left[i], '\n'));
		require(roster_owner(roster->left[i], "ssh_tmux") >= 0);
	}
}

static void check_clients(const char *text)
{
	struct tmux_clients clients = {0};

	require(tmux_clients_parse(&clients, text) == 0);
	for (size_t i = 0; i < clients.count; i++) {
		require(clients.list[i].pid > 0 && clients.list[i].windows >= 0);
		require(*clients.list[i].session && !strchr(clients.list[i].session, '\n'));
	}
	tmux_clients_free(&clients);
}

/* A listing, an older one, and a command line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	static struct roster roster, older;
	const char *words[2] = {NULL};
	char *part = fuzz_part(&input, NULL);
	size_t count, length;

	roster_parse(&roster, part);
	check_roster(&roster);
	check_clients(part);
	free(part);
	part = fuzz_part(&input, NULL);
	roster_parse(&older, part);
	if (older.client_count)
		older.clients[0].is_gone = true;
	roster_carry_gone(&roster, &older);
	free(part);
	part = fuzz_part(&input, &length);
	tmux_clients_server(part, length, words, &count);
	require(count == 0 || count == 2);
	for (size_t i = 1; i < count; i++)
		require(words[i] >= part && words[i] + strlen(words[i]) <= part + length);
	free(part);
	return 0;
}
