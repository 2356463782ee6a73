#include "cli/reach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "login/environment.h"
#include "login/environment_store.h"

/* The caller frees the result; NULL if nothing tells. */
static char *variable(const struct environment *session, const char *name)
{
	char *value = instance_variable(name);
	const char *other = value ? NULL : environment_get(session, name);

	return other ? strdup(other) : value;
}

/* It is pasted into configurations and command lines, so it is nothing but an address. */
static bool is_address(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-";

	return text && *text && *text != '-' && strlen(text) < sizeof(((struct reach *)0)->host) &&
	       text[strspn(text, letters)] == '\0';
}

void reach_read(struct reach *reach)
{
	struct environment session = ENVIRONMENT_EMPTY;
	char *host, *port, *id;

	*reach = (struct reach){0};
	/* Another account cannot read process 1's. */
	reach->known = environment_store_load(&session, NULL) == 0 || geteuid() == 0;
	host = variable(&session, "PUBLIC_IPADDR");
	port = variable(&session, "VAST_TCP_PORT_22");
	id = variable(&session, "CONTAINER_ID");
	if (is_address(host) && text_number(port, 1, 65535, &reach->port) == 0) {
		reach->direct = true;
		strcpy(reach->host, host);
	}
	if (instance_id(reach->id, sizeof(reach->id)) != 0 && is_address(id) &&
		strlen(id) < sizeof(reach->id))
		strcpy(reach->id, id);
	free(host);
	free(port);
	free(id);
	environment_free(&session);
}

void reach_explain(const struct reach *reach, char *out, size_t size)
{
	if (!reach->known)
		snprintf(out, size,
			"the instance's address is not known to this account until root starts the "
			"agent: vastagent start");
	else
		snprintf(out, size,
			"the platform maps no port to sshd here: there is only its proxy, whose "
			"address nothing on the instance knows; on your own machine ask: vastai "
			"ssh-url %s",
			*reach->id ? reach->id : "INSTANCE_ID");
}
