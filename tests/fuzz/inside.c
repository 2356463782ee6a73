#include "inside.h"

#include <ctype.h>
#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/agent.h"
#include "daemon/daemon.h"
#include "daemon/job.h"
#include "daemon/keys_job.h"
#include "daemon/lookout.h"
#include "daemon/peer.h"
#include "daemon/request.h"
#include "daemon/server.h"
#include "daemon/state.h"
#include "fuzz.h"
#include "inside_doubles.h"
#include "keys/known.h"
#include "keys/store.h"
#include "keys/view.h"

#define TURNS_MAX 400 /* of the event loop, for one connection */
#define IDLE_MAX  6   /* of them without a byte or a job */

static struct agent agent;
static struct server *server;
static struct daemon_start start;
static unsigned turns_taken;
static char config_path[128], socket_path[128];

static void write_config(void)
{
	char text[512];
	int length = snprintf(text, sizeof(text),
		"[agent]\nsocket = %s\nstate_dir = %s/state\nlog_level = error\n"
		"[keys]\nusers = root\nmirror = bob\n",
		socket_path, fuzz_directory());

	fuzz_write(config_path, text, (size_t)length);
}

static void prepare(void)
{
	if (*config_path)
		return;
	require(sodium_init() >= 0);
	signal(SIGPIPE, SIG_IGN);
	snprintf(config_path, sizeof(config_path), "%s/conf", fuzz_directory());
	snprintf(socket_path, sizeof(socket_path), "%s/run/sock", fuzz_directory());
}

void inside_begin(void)
{
	struct error error = {.message = ""};

	prepare();
	fuzz_empty(fuzz_directory());
	doubles_reset();
	turns_taken = 0;
	write_config();
	start = (struct daemon_start){.config_path = config_path};
	agent = (struct agent){.config_path = config_path, .start = &start};
	require(config_load(config_path, &agent.config, &error) == 0);
	agent.socket_path = strdup(agent.config.socket);
	require(mkdir(inside_state("../run"), 0755) == 0);
	require(state_prepare(agent.config.state_dir, &error) == 0);
	agent.base = event_base_new();
	agent.jobs = jobs_create(agent.base);
	agent.lookout = lookout_create(agent.base, agent.jobs, &agent.config, &agent.counters);
	server = server_create(&agent, agent.socket_path, &error);
	require(agent.lookout && server);
}

/* A job takes a while: somebody may hang up meanwhile. */
static bool turn(void)
{
	event_base_loop(agent.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	return ++turns_taken % 3 ? doubles_has_job() : doubles_run_job();
}

void inside_end(void)
{
	for (int i = 0; i < 3 || turn(); i++)
		turn();
	server_destroy(server);
	lookout_destroy(agent.lookout);
	event_base_free(agent.base);
	config_free(&agent.config);
	free(agent.socket_path);
}

static int open_connection(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, socket_path);
	require(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

/* Takes what is there. Returns false once the other end has hung up. */
static bool receive(int fd, struct buffer *answer, int *idle)
{
	char *space = buffer_reserve(answer, 65536);
	ssize_t got = recv(fd, space, 65536, MSG_DONTWAIT);

	if (got > 0) {
		answer->length += (size_t)got;
		*idle = 0;
	}
	space = answer->data;
	space[answer->length] = '\0';
	return got > 0 || (got < 0 && errno == EAGAIN);
}

/* Sends the next piece, and takes what is there. Returns whether anything moved. */
static bool go_on(struct inside_talk *talk, size_t piece)
{
	size_t next = talk->length - talk->sent;
	ssize_t sent = 0;
	int idle = 1;

	if (talk->over)
		return false;
	if (piece && piece < next)
		next = piece;
	if (next)
		sent = send(talk->fd, talk->bytes + talk->sent, next, MSG_DONTWAIT | MSG_NOSIGNAL);
	talk->sent += sent > 0 ? (size_t)sent : 0;
	talk->over = !receive(talk->fd, &talk->answer, &idle);
	return sent > 0 || !idle || talk->over;
}

void inside_talk(struct inside_talk *talks, size_t count, size_t piece, unsigned turns)
{
	unsigned left = turns ? turns : TURNS_MAX;

	for (size_t i = 0; i < count; i++)
		talks[i].fd = open_connection();
	for (int idle = 0; left && idle < IDLE_MAX; left--, idle++) {
		for (size_t i = 0; i < count; i++)
			if (go_on(&talks[i], piece))
				idle = 0;
		if (turn())
			idle = 0;
	}
	for (size_t i = 0; i < count; i++) {
		close(talks[i].fd);
		/* To see what a seed does. */
		if (getenv("FUZZ_SHOW"))
			fprintf(stderr, "%s\n", buffer_string(&talks[i].answer));
	}
	turn();
	turn();
}

int inside_look(unsigned account)
{
	struct keys_job job = {.operation = KEYS_LOOK,
		.user = (char *)(uintptr_t)inside_name(account),
		.state_dir = agent.config.state_dir,
		.create = true,
		.mirror = account == ACCOUNT_BOB};
	struct keys_outcome outcome;
	struct buffer out = BUFFER_EMPTY;
	int fds[JOB_FDS], result;

	for (int i = 0; i < JOB_FDS; i++)
		fds[i] = -1;
	keys_job_work(&job, &out, fds);
	require(keys_outcome_read(&out, &outcome) == 0);
	result = outcome.failed ? -1 : 0;
	keys_outcome_free(&outcome);
	buffer_free(&out);
	return result;
}

const char *inside_state(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/state/%s", fuzz_directory(), name);
	/* Of the folder beside it. */
	if (strncmp(name, "../", 3) == 0)
		snprintf(path, sizeof(path), "%s/%s", fuzz_directory(), name + 3);
	return path;
}

const char *inside_store(unsigned account)
{
	char name[64];

	snprintf(name, sizeof(name), "keys/%s.json", inside_name(account));
	return inside_state(name);
}

/* ---- what must hold ---- */

/* The body of one answer; returns what is behind it. */
static const char *check_body(const char *head, const char *body, const char *end)
{
	const char *length_at = strcasestr(head, "\r\nContent-Length:");
	size_t length = length_at && length_at < body ? strtoul(length_at + 17, NULL, 10) : 0;
	const char *type = strcasestr(head, "\r\nContent-Type: application/json\r\n");
	json_t *json;

	/* A stream has chunks, and goes on to the end. */
	if (!length_at || length_at >= body)
		return end;
	require(length <= (size_t)(end - body));
	if (type && type < body) {
		json = json_loadb(body, length, 0, NULL);
		require(json_is_object(json));
		json_decref(json);
	}
	return body + length;
}

int inside_check_answer(const struct buffer *answer)
{
	const char *at = buffer_string(answer), *end = at + answer->length, *body;
	int status = 0;

	while (at < end) {
		/* Which version is libevent's affair: it says what it was asked with. */
		body = strncmp(at, "HTTP/", 5) == 0 ? strchr(at, ' ') : NULL;
		require(body && isdigit((unsigned char)body[1]));
		status = atoi(body + 1);
		require(status >= 100 && status <= 599 && status != 500);
		body = strstr(at, "\r\n\r\n");
		require(body != NULL);
		at = check_body(at, body + 4, end);
	}
	return status;
}

static void check_block_line(const struct store *store, const struct view_line *line, time_t now)
{
	const struct stored_key *key;

	require(line->parsed.kind == KEY_LINE_KEY);
	key = store_find(store, &line->parsed.key);
	/* A line that somebody put there himself is his. */
	require(!key || !key->removed || key->by_hand);
	require(!key || !key->expires || key->expires > now - 5);
}

void inside_check_file(unsigned account, bool settled)
{
	const struct buffer *text = inside_file(account);
	time_t now = time(NULL);
	struct view_line line = {0};
	struct view_walk walk = {0};
	struct store store;
	struct error error;
	struct view view;

	if (access(inside_store(account), F_OK) != 0 || !settled)
		return;
	require(store_load(inside_store(account), &store, &error) == 0);
	view_begin(buffer_string(text), text->length, store.id, &view);
	require(view_index(&view) == 0 && view_expect(&view, 0) == 0);
	walk.end = view.length;
	while (view_next(&view, &walk, &line))
		if (line.in_block)
			check_block_line(&store, &line, now);
	view_line_free(&line);
	for (size_t i = 0; i < store.count; i++) {
		const struct stored_key *key = &store.keys[i];

		if (!key->removed && !key_is_expired(key->expires, now))
			require(view_find(&view, &store, &key->key, false, NULL));
	}
	view_free(&view);
	store_free(&store);
}

void inside_foreign(unsigned account, const struct buffer *text, struct buffer *foreign)
{
	struct store store;
	struct error error;
	struct view view;

	if (store_load(inside_store(account), &store, &error) != 0)
		store_free(&store);
	view_begin(buffer_string(text), text->length, store.id, &view);
	require(view_index(&view) == 0 && view_expect(&view, 0) == 0);
	require(view_foreign_text(&view, &store, foreign) == 0);
	view_free(&view);
	store_free(&store);
}
