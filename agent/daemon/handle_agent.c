/* Routes about the agent itself. */
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "daemon/agent.h"
#include "daemon/daemon.h"
#include "daemon/environment.h"
#include "daemon/events.h"
#include "daemon/handlers.h"
#include "daemon/helper.h"
#include "daemon/lookout.h"
#include "daemon/request.h"
#include "daemon/state.h"
#include "sys/instance.h"
#include "sys/process.h"
#include "version.h"

#define PAUSE_MAX_S (10L * 366 * 86400)

static json_t *pack_counters(const struct counters *counters)
{
	return json_pack("{sI sI sI sI sI sI sI}", "requests", (json_int_t)counters->requests,
		"refused", (json_int_t)counters->refused, "added", (json_int_t)counters->added,
		"removed", (json_int_t)counters->removed, "restored",
		(json_int_t)counters->restored, "taken_out", (json_int_t)counters->taken_out,
		"unwritten", (json_int_t)counters->unwritten);
}

/* Whoever is killed with its parent alive comes back by itself. */
static void add_parent_warning(const struct daemon_start *start, json_t *warnings)
{
	if (start->parent && getppid() != start->parent)
		json_array_append_new(warnings,
			json_string("the agent's parent was ended: if the agent dies, only root's "
				    "next command or login starts it again; put that right with: "
				    "vastagent stop; vastagent start"));
}

static void add_privilege_warnings(const struct agent *agent, json_t *warnings)
{
	if (agent->filter == CONFINE_FILTER_REFUSED)
		json_array_append_new(warnings,
			json_sprintf("%s; the agent works without it", agent->filter_problem));
	if (!helper_is_there())
		json_array_append_new(warnings,
			json_string("the helper process has ended: sessions, forwards and "
				    "services cannot be told; put that right with: "
				    "vastagent stop; vastagent start"));
}

void handle_status(struct request *request)
{
	const struct agent *agent = request->agent;
	json_t *accounts = json_array(), *warnings = json_array();
	char instance[INSTANCE_ID_SIZE], until[32];
	time_t pause_end;
	bool paused = lookout_is_paused(agent->lookout, &pause_end);

	/* Which accounts there are, and their troubles, is nothing for everybody. */
	if (request->peer.uid == 0) {
		json_decref(accounts);
		accounts = lookout_json(agent->lookout);
		lookout_add_warnings(agent->lookout, warnings);
		add_parent_warning(agent->start, warnings);
		add_privilege_warnings(agent, warnings);
		state_add_warnings(agent->config.state_dir, warnings);
		if (agent->counters.unwritten)
			json_array_append_new(warnings,
				json_sprintf("%ld times the journal could not be written; the log "
					     "says why",
					(long)agent->counters.unwritten));
	}
	/* What else tells must be looked for in a home, which looks at keys do. */
	if (instance_id(instance, sizeof(instance)) != 0)
		snprintf(instance, sizeof(instance), "%s", lookout_instance(agent->lookout));
	request_answer(request, 200,
		json_pack("{ss ss sI sI sI so ss so ss sb so so so so}", "version",
			VASTAGENT_VERSION, "commit", VASTAGENT_COMMIT, "pid", (json_int_t)getpid(),
			"uptime_seconds",
			(json_int_t)((process_now_ms() - agent->started_ms) / 1000), "restarts",
			(json_int_t)agent->start->restarts, "restarted_after",
			*agent->start->ended ? json_string(agent->start->ended) : json_null(),
			"socket", agent->socket_path, "instance",
			*instance ? json_string(instance) : json_null(), "filter",
			confine_filter_name(agent->filter), "paused", paused, "paused_until",
			pause_end ? json_string(text_time(until, sizeof(until), pause_end))
				  : json_null(),
			"accounts", accounts, "counters", pack_counters(&agent->counters),
			"warnings", warnings));
}

void handle_events(struct request *request)
{
	events_answer(request->agent->events, request);
}

void handle_stop(struct request *request)
{
	struct agent *agent = request->agent;

	agent_stop(agent);
	request_answer(
		request, 200, json_pack("{sb sI}", "stopping", 1, "pid", (json_int_t)getpid()));
}

void handle_pause(struct request *request)
{
	json_int_t seconds = 0;
	struct error error;

	if ((request->body && json_unpack_ex(request->body, NULL, JSON_STRICT, "{s?I}", "seconds",
				      &seconds) != 0) ||
		(json_object_get(request->body, "seconds") && seconds < 1) ||
		seconds > PAUSE_MAX_S) {
		error_set(&error, ERROR_BAD_REQUEST, "\"seconds\" is a number from 1 to %ld",
			PAUSE_MAX_S);
		request_fail(request, &error);
		return;
	}
	lookout_pause(request->agent->lookout, (long)seconds);
	request_answer(request, 200, json_pack("{sb}", "paused", 1));
}

void handle_resume(struct request *request)
{
	lookout_resume(request->agent->lookout);
	request_answer(request, 200, json_pack("{sb}", "paused", 0));
}

void handle_reload(struct request *request)
{
	struct error error;

	if (agent_reload(request->agent, &error) != 0)
		request_fail(request, &error);
	else
		environment_write(request->agent, request);
}
