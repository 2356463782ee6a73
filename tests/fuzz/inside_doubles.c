/* Each __wrap_NAME is called in place of NAME: see WRAP in CMakeLists.txt. */
#include "inside_doubles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "control/failure.h"
#include "daemon/agent.h"
#include "daemon/environment.h"
#include "daemon/helper.h"
#include "daemon/job.h"
#include "daemon/net_json.h"
#include "daemon/peer.h"
#include "daemon/request.h"
#include "fuzz.h"
#include "inside.h"
#include "net/forwards.h"
#include "net/services.h"
#include "net/sessions.h"
#include "sys/account.h"
#include "sys/homefile.h"
#include "sys/homefile_places.h"
#include "sys/instance.h"
#include "sys/sshd_version.h"

#define KEY                                                                                        \
	"ssh-ed25519 "                                                                             \
	"AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* ---- accounts, and who asks ---- */

int __wrap_account_by_name(const char *name, struct account *account, struct error *error);
int __wrap_account_by_uid(uid_t uid, struct account *account, struct error *error);
int __wrap_account_list(char ***names, size_t *count, size_t limit, struct error *error);
int __wrap_peer_of_socket(int fd, struct peer *peer);

static const char *const names[ACCOUNTS] = {"root", "alice", "bob", "rob"};
static const uid_t uids[ACCOUNTS] = {0, 1000, 1001, 1001};
static struct peer asking;

const char *inside_name(unsigned account)
{
	return names[account % ACCOUNTS];
}

uid_t inside_uid(unsigned account)
{
	return uids[account % ACCOUNTS];
}

static int fill_account(unsigned i, struct account *account)
{
	char home[64];

	snprintf(home, sizeof(home), "/nowhere/%s", names[i]);
	*account = (struct account){.name = strdup(names[i]),
		.home = strdup(home),
		.shell = strdup("/bin/sh"),
		.uid = uids[i],
		.shares_uid = uids[i] == 1001};
	return 0;
}

int __wrap_account_by_name(const char *name, struct account *account, struct error *error)
{
	*account = (struct account){0};
	for (unsigned i = 0; i < ACCOUNTS; i++)
		if (strcmp(names[i], name) == 0)
			return fill_account(i, account);
	return error_set(error, ERROR_NO_SUCH_USER, "there is no account '%s'", name);
}

int __wrap_account_by_uid(uid_t uid, struct account *account, struct error *error)
{
	*account = (struct account){0};
	for (unsigned i = 0; i < ACCOUNTS; i++)
		if (uids[i] == uid)
			return fill_account(i, account);
	return error_set(error, ERROR_NO_SUCH_USER, "uid %lu has no account", (unsigned long)uid);
}

int __wrap_account_list(char ***list, size_t *count, size_t limit, struct error *error)
{
	(void)error;
	require(limit >= ACCOUNTS);
	*list = calloc(ACCOUNTS, sizeof(**list));
	for (*count = 0; *count < ACCOUNTS; ++*count)
		(*list)[*count] = strdup(names[*count]);
	return 0;
}

int __wrap_peer_of_socket(int fd, struct peer *peer)
{
	(void)fd;
	*peer = asking;
	return 0;
}

void inside_become(uid_t uid, bool forwarded)
{
	asking = (struct peer){.uid = uid, .pid = 77, .program = "curl", .forwarded = forwarded};
}

/* ---- jobs run here, one after the other ---- */

struct jobs *__wrap_jobs_create(struct event_base *base);
void __wrap_jobs_destroy(struct jobs *jobs);
int __wrap_job_start(struct jobs *jobs, const char *key, uid_t uid, const struct job_calls *calls);

static struct job_calls waiting[64];
static struct helper_question questions[64];
static size_t waiting_count;
static bool next_fails;

struct jobs *__wrap_jobs_create(struct event_base *base)
{
	return (struct jobs *)base;
}

void __wrap_jobs_destroy(struct jobs *jobs)
{
	(void)jobs;
}

int __wrap_job_start(struct jobs *jobs, const char *key, uid_t uid, const struct job_calls *calls)
{
	(void)jobs;
	(void)key;
	(void)uid;
	if (waiting_count == sizeof(waiting) / sizeof(waiting[0]))
		return -1;
	waiting[waiting_count] = *calls;
	if (calls->question)
		questions[waiting_count] = *calls->question;
	waiting_count++;
	return 0;
}

/* What a worker of the helper does. */
static json_t *answer_question(const struct helper_question *question, struct error *error)
{
	switch (question->task) {
	case HELPER_SSHD:
		return json_pack("{ss++ ss ss}", "file", "/nowhere/", question->user,
			"/.ssh/authorized_keys", "release", "", "program", "");
	case HELPER_SESSIONS:
		return net_json_sessions(question, error);
	case HELPER_FORWARDS:
		return net_json_forwards(question, error);
	default:
		return net_json_services(question, error);
	}
}

static void tell(const struct helper_question *question, struct buffer *out)
{
	struct error error = {.code = ERROR_INTERNAL};
	json_t *answer = answer_question(question, &error);
	char *text;

	if (!answer)
		answer = failure_pack(&error);
	text = json_dumps(answer, JSON_COMPACT);
	require(text && buffer_add_format(out, "%s\n", text) == 0);
	free(text);
	json_decref(answer);
}

json_t *__wrap_helper_ask(
	const struct helper_question *question, int deadline_ms, struct error *error);

json_t *__wrap_helper_ask(
	const struct helper_question *question, int deadline_ms, struct error *error)
{
	(void)deadline_ms;
	return answer_question(question, error);
}

void inside_fail_job(void)
{
	next_fails = true;
}

bool doubles_has_job(void)
{
	return waiting_count > 0;
}

bool doubles_run_job(void)
{
	struct buffer out = BUFFER_EMPTY;
	struct job_calls calls = waiting[0];
	const struct helper_question question = questions[0];
	bool fails = next_fails;
	int fds[JOB_FDS];

	if (!waiting_count)
		return false;
	memmove(waiting, waiting + 1, --waiting_count * sizeof(waiting[0]));
	memmove(questions, questions + 1, waiting_count * sizeof(questions[0]));
	for (int i = 0; i < JOB_FDS; i++)
		fds[i] = -1;
	next_fails = false;
	if (!fails && calls.question)
		tell(&question, &out);
	else if (!fails)
		calls.work(calls.work_argument, &out, fds);
	fails = fails || out.failed || !out.length;
	calls.done(calls.done_argument, fails ? NULL : &out, fds);
	buffer_free(&out);
	return true;
}

/* ---- files in homes ---- */

int __wrap_homefile_open(struct homefile **file, const struct account *account, const char *path,
	unsigned flags, struct error *error);
int __wrap_homefile_read(
	struct homefile *file, const struct buffer **content, bool *exists, struct error *error);
int __wrap_homefile_replace(struct homefile *file, const struct buffer *replacement, bool *changed,
	const struct buffer **content, struct error *error);
int __wrap_homefile_send_ahead(
	struct homefile *file, const struct buffer *replacement, struct error *error);
void __wrap_homefile_call_off(struct homefile *file);
int __wrap_homefile_keep_journal(struct homefile *file, const char *journal);
int __wrap_homefile_places(
	struct homefile *file, struct homefile_places *places, struct error *error);
void __wrap_homefile_close(struct homefile *file);

struct homefile {
	struct buffer *stands; /* NULL: some other file, which is not there */
	struct buffer text;
};

static struct buffer files[ACCOUNTS], met;
static bool meets;

struct buffer *inside_file(unsigned account)
{
	return &files[account % ACCOUNTS];
}

void inside_meet(const char *bytes, size_t length)
{
	buffer_free(&met);
	require(buffer_add(&met, bytes, length) == 0);
	meets = true;
}

bool inside_meets(void)
{
	return meets;
}

int __wrap_homefile_open(struct homefile **file, const struct account *account, const char *path,
	unsigned flags, struct error *error)
{
	(void)flags;
	(void)error;
	*file = calloc(1, sizeof(**file));
	require(*file != NULL);
	for (unsigned i = 0; i < ACCOUNTS; i++)
		if (strcmp(names[i], account->name) == 0 && strstr(path, "authorized_keys"))
			(*file)->stands = &files[i];
	return 0;
}

static void copy(struct buffer *to, const struct buffer *from)
{
	buffer_free(to);
	require(buffer_add(to, buffer_string(from), from->length) == 0);
}

int __wrap_homefile_read(
	struct homefile *file, const struct buffer **content, bool *exists, struct error *error)
{
	(void)error;
	if (file->stands)
		copy(&file->text, file->stands);
	*exists = file->stands != NULL;
	*content = &file->text;
	return 0;
}

int __wrap_homefile_replace(struct homefile *file, const struct buffer *replacement, bool *changed,
	const struct buffer **content, struct error *error)
{
	*changed = meets;
	*content = &file->text;
	if (!file->stands)
		return error_set(error, ERROR_CANNOT_WRITE, "there is no such file");
	if (replacement->length > HOMEFILE_LIMIT)
		return error_set(error, ERROR_TOO_LARGE, "too large");
	copy(file->stands, meets ? &met : replacement);
	copy(&file->text, file->stands);
	meets = false;
	return 0;
}

int __wrap_homefile_send_ahead(
	struct homefile *file, const struct buffer *replacement, struct error *error)
{
	(void)file;
	(void)replacement;
	(void)error;
	return 0;
}

void __wrap_homefile_call_off(struct homefile *file)
{
	(void)file;
}

int __wrap_homefile_keep_journal(struct homefile *file, const char *journal)
{
	(void)file;
	(void)journal;
	return 0;
}

int __wrap_homefile_places(
	struct homefile *file, struct homefile_places *places, struct error *error)
{
	(void)file;
	(void)error;
	*places = (struct homefile_places){.home = -1};
	return 0;
}

void __wrap_homefile_close(struct homefile *file)
{
	if (file)
		buffer_free(&file->text);
	free(file);
}

/* ---- the machine ---- */

void __wrap_instance_read(struct instance *here);
int __wrap_instance_id(char *id, size_t size);
const struct sshd_version *__wrap_sshd_version_local(void);
const struct sshd_answer *__wrap_sshd_version_asked(void);
int __wrap_net_sessions_read(struct net_sessions *sessions, struct error *error);
int __wrap_net_forwards_read(struct net_forwards *forwards, bool *complete, struct error *error);
int __wrap_net_services_read(struct net_services *services, const struct net_way_in *way,
	bool *complete, struct error *error);
void __wrap_environment_write(struct agent *agent, struct request *request);
void __wrap_agent_stop(struct agent *stopping);
int __wrap_fsync(int fd);

static struct instance instance;

void inside_move(const char *id)
{
	snprintf(instance.id, sizeof(instance.id), "%s", id);
}

void __wrap_instance_read(struct instance *here)
{
	*here = instance;
}

int __wrap_instance_id(char *id, size_t size)
{
	snprintf(id, size, "%s", instance.id);
	return *id ? 0 : -1;
}

const struct sshd_version *__wrap_sshd_version_local(void)
{
	static const struct sshd_version version = {SSHD_OPENSSH, 9, 2, true};

	return &version;
}

const struct sshd_answer *__wrap_sshd_version_asked(void)
{
	return NULL;
}

/* What comes behind it in the same input still finds the agent. */
void __wrap_agent_stop(struct agent *stopping)
{
	(void)stopping;
}

/* One of everything, with a text that JSON cannot carry as it is. */
int __wrap_net_sessions_read(struct net_sessions *sessions, struct error *error)
{
	(void)error;
	*sessions = (struct net_sessions){calloc(1, sizeof(*sessions->list)), 1};
	sessions->list[0] = (struct net_session){
		.pid = 9, .uid = 1000, .user = strdup("a\xff\"\n"), .since = 1};
	return 0;
}

int __wrap_net_forwards_read(struct net_forwards *forwards, bool *complete, struct error *error)
{
	(void)error;
	*complete = true;
	*forwards = (struct net_forwards){calloc(1, sizeof(*forwards->list)), 1, 1};
	forwards->list[0] = (struct net_forward){
		.attributed = "uid", .uid = 1000, .target = strdup("/tmp/\x1b[2J\xc3")};
	return 0;
}

int __wrap_net_services_read(struct net_services *services, const struct net_way_in *way,
	bool *complete, struct error *error)
{
	(void)way;
	*complete = false;
	*services = (struct net_services){NULL, 0};
	return error_set(error, ERROR_INTERNAL, "not \xff now");
}

void __wrap_environment_write(struct agent *agent, struct request *request)
{
	(void)agent;
	if (request)
		request_answer(request, 200, json_pack("{sb}", "reloaded", 1));
}

/* What is in memory is as safe as it gets. */
int __wrap_fsync(int fd)
{
	(void)fd;
	return 0;
}

void doubles_reset(void)
{
	waiting_count = 0;
	next_fails = meets = false;
	buffer_free(&met);
	for (unsigned i = 0; i < ACCOUNTS; i++) {
		buffer_free(&files[i]);
		require(buffer_add_string(&files[i], "# the platform's\n" KEY "E platform\n") == 0);
	}
	inside_move("12345");
	inside_become(0, false);
}
