/* Routes about SSH sessions, what is forwarded through them, and what listens here. */
#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "control/failure.h"
#include "daemon/agent.h"
#include "daemon/handlers.h"
#include "daemon/helper.h"
#include "daemon/job.h"
#include "daemon/request.h"

/* The newline is its last byte, and stands nowhere else. */
static bool is_whole(const struct buffer *out)
{
	return out && out->length && out->data[out->length - 1] == '\n';
}

/*
 * An account may have tens of thousands of sockets: a list is passed on as it is, since
 * making objects of it takes a second and 15 times the memory.
 */
static void finished(void *context, const struct buffer *out, int fds[JOB_FDS])
{
	struct request *request = context;
	struct error error;
	json_t *answer;

	(void)fds;
	if (!is_whole(out)) {
		if (helper_is_there())
			error_set(&error, ERROR_TIMEOUT,
				"reading /proc did not end within %d seconds", HELPER_S);
		else
			error_set(&error, ERROR_INTERNAL,
				"the agent's helper process, which reads /proc, has ended; start "
				"the agent again: vastagent stop; vastagent start");
		request_fail(request, &error);
	} else if (failure_is(out->data)) {
		answer = json_loadb(out->data, out->length, 0, NULL);
		failure_unpack(answer, &error);
		json_decref(answer);
		request_fail(request, &error);
	} else {
		request_answer_text(request, 200, out->data, out->length);
	}
}

/* Root sees everybody's rows, others their own. */
static void start(struct request *request, enum helper_task task)
{
	const struct helper_question question = {
		.task = task, .all = request->peer.uid == 0, .uid = request->peer.uid};
	const struct job_calls calls = {
		.question = &question, .done = finished, .done_argument = request};
	struct error error;

	if (job_start(request->agent->jobs, NULL, request->peer.uid, &calls) == 0)
		return;
	error_set(&error, ERROR_TOO_MANY, "too many requests wait already; try again");
	request_fail(request, &error);
}

void handle_sessions(struct request *request)
{
	start(request, HELPER_SESSIONS);
}

void handle_forwards(struct request *request)
{
	start(request, HELPER_FORWARDS);
}

void handle_services(struct request *request)
{
	start(request, HELPER_SERVICES);
}
