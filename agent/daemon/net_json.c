#include "daemon/net_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "daemon/helper.h"
#include "login/environment.h"
#include "login/environment_store.h"
#include "net/forwards.h"
#include "net/mapping.h"
#include "net/portal.h"
#include "net/services.h"
#include "net/sessions.h"
#include "sys/account.h"
#include "sys/boot.h"
#include "sys/instance.h"
#include "sys/statefile.h"

#define PORTAL_FILE  "/etc/portal.yaml"
#define PORTAL_LIMIT (64 * 1024)

static bool is_shown(const struct helper_question *question, uid_t uid)
{
	return question->all || uid == question->uid;
}

/* Text from the system, as valid UTF-8 without control characters; null for NULL. */
static json_t *pack_text(const char *text)
{
	char visible[1024];

	if (!text)
		return json_null();
	text_visible(visible, sizeof(visible), text, strlen(text));
	return json_string(visible);
}

static json_t *pack_session(const struct net_session *session)
{
	char since[32];

	return json_pack("{sI so so so ss so so sb}", "pid", (json_int_t)session->pid, "user",
		pack_text(session->user), "client", pack_text(session->client), "tty",
		pack_text(session->tty), "since", text_time(since, sizeof(since), session->since),
		"tmux", pack_text(session->tmux), "windows",
		session->tmux ? json_integer(session->windows) : json_null(), "forwards_only",
		session->forwards_only);
}

static json_t *pack_forward(const struct net_forward *forward)
{
	return json_pack("{ss so so sI ss s{so so so}}", "type",
		net_forward_type_name(forward->type), "listen", pack_text(forward->listen),
		"target", pack_text(forward->target), "connections",
		(json_int_t)forward->connections, "attributed", forward->attributed, "session",
		"pid", forward->pid ? json_integer(forward->pid) : json_null(), "user",
		pack_text(forward->user), "client", pack_text(forward->client));
}

json_t *net_json_sessions(const struct helper_question *question, struct error *error)
{
	struct net_sessions sessions = {0};
	json_t *list = NULL;

	if (net_sessions_read(&sessions, error) == 0) {
		list = json_array();
		for (size_t i = 0; i < sessions.count; i++)
			if (is_shown(question, sessions.list[i].uid))
				json_array_append_new(list, pack_session(&sessions.list[i]));
	}
	net_sessions_free(&sessions);
	return list ? json_pack("{so}", "sessions", list) : NULL;
}

json_t *net_json_forwards(const struct helper_question *question, struct error *error)
{
	struct net_forwards forwards = {0};
	json_t *list = NULL;
	bool complete = false;

	if (net_forwards_read(&forwards, &complete, error) == 0) {
		list = json_array();
		for (size_t i = 0; i < forwards.count; i++)
			if (is_shown(question, forwards.list[i].uid))
				json_array_append_new(list, pack_forward(&forwards.list[i]));
	}
	net_forwards_free(&forwards);
	return list ? json_pack("{so sb}", "forwards", list, "complete", complete) : NULL;
}

static json_t *pack_service(const struct net_service *service)
{
	char address[NET_ADDRESS_TEXT];

	return json_pack("{ss si so so sI ss so so so so sb so}", "address",
		net_address_format_host(address, &service->address), "port",
		(int)service->address.port, "process", pack_text(service->process), "pid",
		service->pid ? json_integer(service->pid) : json_null(), "uid",
		(json_int_t)service->uid, "attributed", service->attributed, "name",
		pack_text(service->name), "public", pack_text(service->public), "url",
		pack_text(service->url), "command", pack_text(service->command), "exposed",
		service->exposed, "hint", pack_text(service->hint));
}

/* Process 1's variables say it last: the platform gave them to this very start. */
static int read_variables(struct environment *variables)
{
	struct buffer block = BUFFER_EMPTY;
	int result = 0;

	environment_store_load(variables, NULL);
	if (boot_read_environment(&block) == 0)
		result = environment_add_block(variables, buffer_string(&block), block.length);
	buffer_free(&block);
	return result;
}

static void read_portal(struct net_portal *portal, const struct environment *variables)
{
	struct buffer text = BUFFER_EMPTY;
	const char *value = environment_get(variables, "PORTAL_CONFIG");
	bool exists;

	if (statefile_read(PORTAL_FILE, PORTAL_LIMIT, &text, &exists, NULL) == 0)
		net_portal_parse_file(portal, buffer_string(&text), text.length);
	if (portal->count == 0 && value)
		net_portal_parse_variable(portal, value);
	buffer_free(&text);
}

/* What the way in looks like, or what to ask for it. */
static json_t *pack_notes(const char *ssh)
{
	char id[INSTANCE_ID_SIZE];
	json_t *notes = json_array();

	if (instance_id(id, sizeof(id)) != 0)
		strcpy(id, "ID");
	json_array_append_new(notes,
		ssh ? json_sprintf("If that address does not answer any more, ask the platform "
				   "for the new one: vastai ssh-url %s",
			      id)
		    : json_sprintf("Only the platform's proxy leads here by SSH. On your own "
				   "machine, this prints its address: vastai ssh-url %s",
			      id));
	return notes;
}

static json_t *list_services(
	const struct helper_question *question, const struct net_way_in *way, struct error *error)
{
	struct net_services services;
	json_t *list = NULL, *ssh;
	bool complete = false;
	char line[NET_HOST_SIZE + 320];

	if (net_services_read(&services, way, &complete, error) == 0) {
		list = json_array();
		for (size_t i = 0; i < services.count; i++)
			if (is_shown(question, services.list[i].uid))
				json_array_append_new(list, pack_service(&services.list[i]));
	}
	net_services_free(&services);
	if (!list)
		return NULL;
	ssh = pack_text(net_mapping_ssh(way->mapping, way->user, line, sizeof(line)));
	return json_pack("{so sb so so}", "services", list, "complete", complete, "notes",
		pack_notes(json_string_value(ssh)), "ssh", ssh);
}

json_t *net_json_services(const struct helper_question *question, struct error *error)
{
	struct environment variables = ENVIRONMENT_EMPTY;
	struct net_mapping mapping = {0};
	struct net_portal *portal = calloc(1, sizeof(*portal));
	struct account account = {0};
	json_t *answer = NULL;

	if (!portal || read_variables(&variables) != 0) {
		error_set(error, ERROR_INTERNAL, "out of memory");
	} else {
		struct net_way_in way = {&mapping, portal, NULL};

		/* A uid without an account sees its own, too. */
		if (account_by_uid(question->uid, &account, NULL) == 0)
			way.user = account.name;
		for (size_t i = 0; i < variables.count; i++)
			net_mapping_set(&mapping, variables.list[i].name, variables.list[i].value);
		read_portal(portal, &variables);
		answer = list_services(question, &way, error);
	}
	account_free(&account);
	environment_free(&variables);
	free(portal);
	return answer;
}
