#include "daemon/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/agent.h"
#include "daemon/confine.h"
#include "daemon/environment.h"
#include "daemon/helper.h"
#include "daemon/job.h"
#include "daemon/lookout.h"
#include "daemon/memory.h"
#include "daemon/notify.h"
#include "daemon/server.h"
#include "daemon/state.h"
#include "sys/boot.h"
#include "sys/config.h"
#include "sys/parentlock.h"
#include "sys/process.h"
#include "sys/statefile.h"
#include "version.h"

/* What was killed with an agent may hold its lock for a moment. */
#define LOCK_WAIT_MS 500

static void swap(char **a, char **b)
{
	char *other = *a;

	*a = *b;
	*b = other;
}

int agent_reload(struct agent *agent, struct error *error)
{
	struct config fresh = {0};

	if (config_load(agent->config_path, &fresh, error) != 0)
		return -1;
	/* Where it answers and keeps its state is settled at the start. */
	if (strcmp(fresh.socket, agent->config.socket) != 0 ||
		strcmp(fresh.state_dir, agent->config.state_dir) != 0)
		log_warning("[agent] socket and state_dir count from the next start on");
	swap(&fresh.socket, &agent->config.socket);
	swap(&fresh.state_dir, &agent->config.state_dir);
	config_free(&agent->config);
	agent->config = fresh;
	log_set_level(fresh.log_level);
	lookout_reload(agent->lookout);
	log_info("read %s again", agent->config_path);
	return 0;
}

void agent_stop(struct agent *agent)
{
	/* Time for the answer to leave. Who has read it, finds no agent any more. */
	const struct timeval moment = {.tv_usec = 50000};

	unlink(agent->socket_path);
	event_base_loopexit(agent->base, &moment);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
	struct agent *agent = context;
	struct error error;

	(void)what;
	if (number == SIGHUP) {
		if (agent_reload(agent, &error) != 0)
			log_error("%s; the old configuration stays in force", error.message);
		else
			environment_write(agent, NULL);
		return;
	}
	log_info("stopping: signal %d", (int)number);
	event_base_loopbreak(agent->base);
}

static int lock_soon(int fd)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000000};
	long long end = process_now_ms() + LOCK_WAIT_MS;

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK || process_now_ms() > end)
			return -1;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/*
 * One agent a machine: the lock is held as long as this process lives. Returns its
 * descriptor, or -1. The file says who holds it.
 */
static int take_lock(struct error *error)
{
	static const char path[] = RUN_DIRECTORY "/agent.lock";
	char holder[32] = "";
	int fd;

	if (statefile_prepare_directory(RUN_DIRECTORY, 0755, error) != 0)
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return error_set_errno(error, ERROR_CANNOT_WRITE, "cannot open %s", path);
	/* Who may read a file may lock it, and keep the agent from starting. */
	fchmod(fd, 0600);
	if (lock_soon(fd) != 0) {
		if (read(fd, holder, sizeof(holder) - 1) > 0)
			holder[strspn(holder, "0123456789")] = '\0';
		error_set(error, ERROR_BUSY, "an agent runs already: pid %s (it holds %s)",
			*holder ? holder : "not known", path);
		close(fd);
		return -1;
	}
	if (ftruncate(fd, 0) != 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0)
		log_warning("cannot write %s: %s", path, strerror(errno));
	return fd;
}

static int prepare_directories(const struct agent *agent, struct error *error)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", agent->socket_path);
	if (statefile_prepare_directory(dirname(path), 0755, error) != 0)
		return -1;
	return state_prepare(agent->config.state_dir, error);
}

static int add_signals(struct agent *agent, struct event *signals[], size_t count)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < count; i++) {
		signals[i] = evsignal_new(agent->base, numbers[i], on_signal, agent);
		if (!signals[i] || event_add(signals[i], NULL) != 0)
			return -1;
	}
	return 0;
}

/*
 * The helper takes what needs more than the agent keeps; it is forked first. What cannot be
 * given up is said, and is no reason to leave people without their keys.
 */
static int give_up_privileges(struct agent *agent)
{
	struct error error = {.message = ""};
	int helper = helper_start(&error);

	if (helper < 0)
		log_error("%s", error.message);
	boot_keep_environment();
	confine_capabilities();
#ifdef VASTAGENT_SANITIZED
	agent->filter = CONFINE_FILTER_NOT_BUILT;
#else
	agent->filter = confine_calls(&error);
#endif
	if (agent->filter == CONFINE_FILTER_REFUSED) {
		log_warning("%s", error.message);
		snprintf(agent->filter_problem, sizeof(agent->filter_problem), "%s", error.message);
	}
	return helper;
}

/*
 * It is gone. What this process has given up a new helper would not have, either: the
 * agent ends, to be started again with all, where there is somebody who does that.
 */
static void on_helper(evutil_socket_t fd, short what, void *context)
{
	struct agent *agent = context;

	(void)fd;
	(void)what;
	event_free(agent->helper);
	agent->helper = NULL;
	helper_lost();
	agent->again = agent->start->parent && getppid() == agent->start->parent;
	log_error("the helper process has ended%s",
		agent->again ? "; the agent is started again with a new one" : "");
	if (agent->again)
		event_base_loopbreak(agent->base);
}

static int watch_helper(struct agent *agent, int fd)
{
	if (fd < 0)
		return 0;
	agent->helper = event_new(agent->base, fd, EV_READ | EV_PERSIST, on_helper, agent);
	return agent->helper ? event_add(agent->helper, NULL) : -1;
}

/* Serves until it is stopped. Returns an exit status. */
static int serve(struct agent *agent, int ready)
{
	struct event *signals[3] = {NULL};
	int helper = give_up_privileges(agent);
	struct server *server = NULL;
	struct error error;
	int status = EX_OSERR;

	agent->base = event_base_new();
	agent->jobs = agent->base ? jobs_create(agent->base) : NULL;
	if (!agent->jobs || add_signals(agent, signals, 3) != 0 ||
		watch_helper(agent, helper) != 0) {
		log_error("cannot start the event loop");
		goto out;
	}
	agent->lookout = lookout_create(agent->base, agent->jobs, &agent->config, &agent->counters);
	server = agent->lookout ? server_create(agent, agent->socket_path, &error) : NULL;
	if (!server) {
		log_error("%s", agent->lookout ? error.message : "out of memory");
		status = agent->lookout ? error_exit_status(error.code) : EX_OSERR;
		goto out;
	}
	environment_write(agent, NULL);
	log_info("version %s answers on %s, pid %ld", VASTAGENT_VERSION, agent->socket_path,
		(long)getpid());
	if (ready >= 0 && write(ready, "r", 1) != 1)
		log_debug("nobody waits for the start any more");
	if (ready >= 0)
		close(ready);
	notify_ready();
	status = event_base_dispatch(agent->base) < 0 || agent->again ? EX_OSERR : EX_OK;
out:
	server_destroy(server);
	jobs_destroy(agent->jobs);
	lookout_destroy(agent->lookout);
	for (size_t i = 0; i < 3; i++)
		if (signals[i])
			event_free(signals[i]);
	if (agent->helper)
		event_free(agent->helper);
	if (agent->base)
		event_base_free(agent->base);
	return status;
}

static int fail(const struct error *error)
{
	log_error("%s", error->message);
	return error_exit_status(error->code);
}

int daemon_run(const struct daemon_start *start)
{
	struct agent agent = {
		.config_path = start->config_path, .start = start, .started_ms = process_now_ms()};
	struct error error;
	int lock, status;

	if (geteuid() != 0) {
		log_error("the agent must be started by root");
		return EX_NOPERM;
	}
	umask(077);
	memory_wipe_freed();
	if (sodium_init() < 0)
		return EX_OSERR;
	/* Memory that held what people pasted is not for core files or debuggers. */
	confine_memory();
	/* It was started by way of /proc/self/exe; ps and pgrep should find it by its name. */
	prctl(PR_SET_NAME, "vastagent");
	/* What outlives a job must not be left to a process 1 that reaps nobody. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (start->config_path[0] != '/') {
		log_error("--config must be an absolute path, since it is read again on reload");
		return EX_USAGE;
	}
	if (chdir("/") != 0)
		return EX_OSERR;
	if (config_load(start->config_path, &agent.config, &error) != 0)
		return fail(&error);
	log_set_level(agent.config.log_level);
	/* A copy: what is listened on stays, whatever a later configuration says. */
	agent.socket_path = strdup(start->socket ? start->socket : agent.config.socket);
	if (!agent.socket_path)
		return EX_OSERR;
	lock = prepare_directories(&agent, &error) == 0 ? take_lock(&error) : -1;
	status = lock < 0 ? fail(&error) : serve(&agent, start->ready);
	config_free(&agent.config);
	free(agent.socket_path);
	if (lock >= 0)
		close(lock);
	return status;
}
