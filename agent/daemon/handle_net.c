/* Routes about SSH sessions and what is forwarded through them. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "control/failure.h"
#include "daemon/agent.h"
#include "daemon/handlers.h"
#include "daemon/job.h"
#include "daemon/request.h"
#include "net/forwards.h"
#include "net/sessions.h"

/* Whose rows are wanted: root sees all, or those of one uid; others see their own. */
struct net_job {
	struct request *request;
	bool all;
	uid_t uid;
};

static bool is_shown(const struct net_job *job, uid_t uid)
{
	return job->all || uid == job->uid;
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

	return json_pack("{sI so so so ss so sb}", "pid", (json_int_t)session->pid, "user",
		pack_text(session->user), "client", pack_text(session->client), "tty",
		pack_text(session->tty), "since", text_time(since, sizeof(since), session->since),
		"tmux", pack_text(session->tmux), "forwards_only", session->forwards_only);
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

static json_t *read_sessions(const struct net_job *job, struct error *error)
{
	struct net_sessions sessions = {0};
	json_t *list = NULL;

	if (net_sessions_read(&sessions, error) == 0) {
		list = json_array();
		for (size_t i = 0; i < sessions.count; i++)
			if (is_shown(job, sessions.list[i].uid))
				json_array_append_new(list, pack_session(&sessions.list[i]));
	}
	net_sessions_free(&sessions);
	return list ? json_pack("{so}", "sessions", list) : NULL;
}

static json_t *read_forwards(const struct net_job *job, struct error *error)
{
	struct net_forwards forwards = {0};
	json_t *list = NULL;
	bool complete = false;

	if (net_forwards_read(&forwards, &complete, error) == 0) {
		list = json_array();
		for (size_t i = 0; i < forwards.count; i++)
			if (is_shown(job, forwards.list[i].uid))
				json_array_append_new(list, pack_forward(&forwards.list[i]));
	}
	net_forwards_free(&forwards);
	return list ? json_pack("{so sb}", "forwards", list, "complete", complete) : NULL;
}

/* In the child. What comes out is the answer; it tells by itself if it is a failure. */
static void work(json_t *(*read)(const struct net_job *, struct error *), const struct net_job *job,
	struct buffer *out)
{
	struct error error = {.code = ERROR_INTERNAL};
	json_t *answer = read(job, &error);
	char *text;

	if (!answer)
		answer = failure_pack(&error);
	text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	if (text)
		buffer_add_string(out, text);
	free(text);
	json_decref(answer);
}

static void sessions_work(void *job, struct buffer *out, int fds[JOB_FDS])
{
	(void)fds;
	work(read_sessions, job, out);
}

static void forwards_work(void *job, struct buffer *out, int fds[JOB_FDS])
{
	(void)fds;
	work(read_forwards, job, out);
}

static void finished(void *context, const struct buffer *out, int fds[JOB_FDS])
{
	struct net_job *job = context;
	struct request *request = job->request;
	json_t *answer = out ? json_loadb(out->data, out->length, 0, NULL) : NULL;
	struct error error;

	(void)fds;
	free(job);
	if (!answer) {
		error_set(&error, ERROR_TIMEOUT, "reading /proc did not end within 10 seconds");
		request_fail(request, &error);
	} else if (json_object_get(answer, "error")) {
		failure_unpack(answer, &error);
		json_decref(answer);
		request_fail(request, &error);
	} else {
		request_answer(request, 200, answer);
	}
}

static void start(struct request *request, job_work *run)
{
	struct net_job *job = calloc(1, sizeof(*job));
	const struct job_calls calls = {run, job, finished, job};
	struct error error;

	if (job) {
		job->request = request;
		job->all = request->peer.uid == 0;
		job->uid = request->peer.uid;
		if (job_start(request->agent->jobs, NULL, request->peer.uid, &calls) == 0)
			return;
	}
	free(job);
	error_set(&error, ERROR_TOO_MANY, "too many requests wait already; try again");
	request_fail(request, &error);
}

void handle_sessions(struct request *request)
{
	start(request, sessions_work);
}

void handle_forwards(struct request *request)
{
	start(request, forwards_work);
}
