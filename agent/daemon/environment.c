#include "daemon/environment.h"

#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/agent.h"
#include "daemon/job.h"
#include "daemon/request.h"
#include "login/environment_store.h"

#define DONE "done"

/* In the child. A job that says nothing is one that failed. */
static void work(void *context, struct buffer *out, int fds[JOB_FDS])
{
	const struct agent *agent = context;
	struct error error;

	(void)fds;
	if (environment_store_write(agent->config.session_environment, &error) != 0)
		buffer_add_string(out, error.message);
	else
		buffer_add_string(out, DONE);
}

static void finished(void *context, const struct buffer *out, int fds[JOB_FDS])
{
	struct request *request = context;

	(void)fds;
	if (!out || strcmp(buffer_string(out), DONE) != 0)
		log_warning("the variables of sessions are as they were: %s",
			out ? buffer_string(out) : "writing them took longer than 10 seconds");
	if (request)
		request_answer(request, 200, json_pack("{sb}", "reloaded", 1));
}

void environment_write(struct agent *agent, struct request *request)
{
	const struct job_calls calls = {work, agent, finished, request, NULL};
	static char why[] = "too much waits already";
	static const struct buffer busy = {.data = why, .length = sizeof(why) - 1};

	/* One at a time: a colon stands in no account's name. */
	if (job_start(agent->jobs, ":environment", JOB_OWN_UID, &calls) != 0)
		finished(request, &busy, NULL);
}
