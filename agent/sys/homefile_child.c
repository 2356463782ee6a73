/* The child's side: serves what its parent asks for. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/become.h"
#include "sys/homefile.h"
#include "sys/homefile_child.h"
#include "sys/homefile_late.h"
#include "sys/homefile_places.h"
#include "sys/homefile_wire.h"
#include "sys/process.h"

static void reply(const struct homefile_child *child, uint32_t flags, const struct buffer *content)
{
	struct homefile_message message = {
		.kind = ERROR_NONE, .flags = flags, .length = content ? content->length : 0};

	if (homefile_send(child->socket, &message, sizeof(message)) != 0 ||
		(content && homefile_send(child->socket, content->data, content->length) != 0))
		_exit(1);
}

static void reply_error(
	const struct homefile_child *child, uint32_t flags, const struct error *error)
{
	struct homefile_message message = {
		.kind = error->code, .flags = flags, .length = strlen(error->message)};

	if (homefile_send(child->socket, &message, sizeof(message)) != 0 ||
		homefile_send(child->socket, error->message, (size_t)message.length) != 0)
		_exit(1);
}

static void serve_read(struct homefile_child *child)
{
	struct error error;

	if (homefile_read_current(child, &error) != 0)
		reply_error(child, 0, &error);
	else
		reply(child, child->current >= 0 ? HOMEFILE_EXISTS : 0, &child->bytes);
}

/* With a file to watch for late writers, the child outlives who started it. */
static uint32_t stay(const struct homefile_child *child)
{
	if (!child->late_count)
		return 0;
	prctl(PR_SET_PDEATHSIG, 0);
	return HOMEFILE_STAYS;
}

/* The text of a request: bytes that are here already, around those that come with it. */
static void receive_text(const struct homefile_child *child, const struct homefile_message *message,
	struct buffer *text)
{
	const struct buffer *old = &child->bytes;
	char *space;

	if (message->begin > old->length || message->end > old->length - message->begin ||
		message->length > HOMEFILE_LIMIT)
		_exit(1);
	space = buffer_reserve(text, (size_t)(message->begin + message->length + message->end));
	if (!space)
		_exit(1);
	buffer_add(text, buffer_string(old), (size_t)message->begin);
	if (homefile_receive(child->socket, space + message->begin, (size_t)message->length) != 0)
		_exit(1);
	text->length += (size_t)message->length;
	buffer_add(text, buffer_string(old) + old->length - message->end, (size_t)message->end);
}

bool homefile_may_go(struct homefile_child *child)
{
	struct homefile_message message;

	if (!child->waits)
		return true;
	child->waits = false;
	if (homefile_receive(child->socket, &message, sizeof(message)) != 0)
		_exit(1);
	return message.kind == HOMEFILE_GO;
}

static void serve_write(struct homefile_child *child, const struct homefile_message *message)
{
	struct buffer replacement = BUFFER_EMPTY, content = BUFFER_EMPTY;
	enum homefile_outcome outcome = OUTCOME_DONE;
	struct error error;
	uint32_t flags;
	int result;

	receive_text(child, message, &replacement);
	child->waits = message->kind == HOMEFILE_DO_REPLACE;
	result = message->kind == HOMEFILE_DO_REPLACE
			 ? homefile_replace_file(child, &replacement, &outcome, &content, &error)
			 : homefile_inplace_write(child, &replacement, &outcome, &content, &error);
	homefile_may_go(child); /* where it was not asked for: nothing was changed */
	flags = stay(child);
	if (outcome == OUTCOME_CHANGED || outcome == OUTCOME_LATE)
		flags |= HOMEFILE_CHANGED;
	if (outcome == OUTCOME_NOT_ATOMIC)
		flags |= HOMEFILE_NOT_ATOMIC;
	if (result != 0)
		reply_error(child, flags, &error);
	else
		reply(child, flags, &content);
	buffer_free(&replacement);
	buffer_free(&content);
}

static int prepare(struct homefile_child *child, struct error *error)
{
	/* SIGIO is how the kernel tells of a broken lease; a file size limit is an error. */
	signal(SIGIO, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (become_account(child->account, error) != 0)
		return -1;
	/* After the change of ids, which clears it (prctl(2)). */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (child->flags & HOMEFILE_ASIDE)
		return 0;
	if (homefile_path_open(child, error) != 0)
		return -1;
	if ((child->flags & HOMEFILE_WRITE) && child->directory >= 0)
		return homefile_path_lock(child, error);
	return 0;
}

static void serve_one(struct homefile_child *child, const struct homefile_message *message)
{
	switch (message->kind) {
	case HOMEFILE_DO_READ:
		serve_read(child);
		break;
	case HOMEFILE_DO_REPLACE:
	case HOMEFILE_DO_OVERWRITE:
		serve_write(child, message);
		break;
	case HOMEFILE_DO_PLACES:
		homefile_places_send(child);
		break;
	default:
		_exit(1);
	}
}

void homefile_serve(int socket, const struct account *account, const char *path, unsigned flags)
{
	static struct homefile_child child = {.directory = -1, .current = -1};
	struct homefile_message message;
	struct error error;

	child.account = account;
	child.path = path;
	child.flags = flags;
	/* Nothing of root's may stay open in a process of somebody else. */
	child.socket = dup2(socket, STDERR_FILENO + 1);
	process_close_from(STDERR_FILENO + 2);
	process_reset_signals();
	if (prepare(&child, &error) != 0) {
		reply_error(&child, 0, &error);
		_exit(1);
	}
	reply(&child, 0, NULL);
	while (homefile_receive(child.socket, &message, sizeof(message)) == 0)
		serve_one(&child, &message);
	homefile_late_watch(&child);
	_exit(0);
}
