#include "sys/homefile.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "sys/account.h"
#include "sys/homefile_journal.h"
#include "sys/homefile_merge.h"
#include "sys/homefile_places.h"
#include "sys/homefile_wire.h"
#include "sys/process.h"

#define REPLY_SECONDS 8

struct homefile {
	int socket;
	pid_t child;
	char *path;
	char *journal;
	bool writes;        /* opened with HOMEFILE_WRITE */
	bool stays;         /* the child watches for late writers */
	struct buffer text; /* what was last read or written */
	bool in_step;       /* the child holds the same bytes */
	size_t common;      /* of .text and the text that was sent last: their beginning */
	bool ahead;         /* a replacement was sent ahead */
};

int homefile_send(int socket, const void *data, size_t length)
{
	const char *next = data;
	ssize_t sent;

	while (length > 0) {
		sent = send(socket, next, length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -1;
		next += sent;
		length -= (size_t)sent;
	}
	return 0;
}

int homefile_receive(int socket, void *data, size_t length)
{
	char *next = data;
	ssize_t got;

	while (length > 0) {
		got = recv(socket, next, length, MSG_WAITALL);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			errno = EPIPE;
		if (got <= 0)
			return -1;
		next += got;
		length -= (size_t)got;
	}
	return 0;
}

/* The other end is silent or gone: say which, in terms of the file. */
static int broken(const struct homefile *file, struct error *error)
{
	if (errno == EAGAIN)
		return error_set(error, ERROR_TIMEOUT,
			"%s did not answer within %d seconds: its file system hangs", file->path,
			REPLY_SECONDS);
	return error_set_errno(
		error, ERROR_INTERNAL, "lost the process that handles %s", file->path);
}

static int receive_error(
	const struct homefile *file, const struct homefile_message *reply, struct error *error)
{
	char text[sizeof(error->message)];
	size_t length = reply->length < sizeof(text) ? (size_t)reply->length : sizeof(text) - 1;

	if (reply->kind >= ERROR_COUNT || homefile_receive(file->socket, text, length) != 0)
		return broken(file, error);
	text[length] = '\0';
	return error_set(error, (enum error_code)reply->kind, "%s", text);
}

/* Receives one reply; its bytes are appended to *content, or must be none if it is NULL. */
static int receive_reply(
	struct homefile *file, uint32_t *flags, struct buffer *content, struct error *error)
{
	struct homefile_message reply;
	char *space;

	if (homefile_receive(file->socket, &reply, sizeof(reply)) != 0)
		return broken(file, error);
	file->stays = file->stays || (reply.flags & HOMEFILE_STAYS);
	if (reply.kind != ERROR_NONE)
		return receive_error(file, &reply, error);
	if (reply.length > HOMEFILE_LIMIT || (reply.length && !content))
		return error_set(error, ERROR_INTERNAL, "a malformed answer about %s", file->path);
	*flags = reply.flags;
	if (reply.length == 0)
		return 0;
	space = buffer_reserve(content, (size_t)reply.length);
	if (!space)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	if (homefile_receive(file->socket, space, (size_t)reply.length) != 0)
		return broken(file, error);
	content->length += (size_t)reply.length;
	content->data[content->length] = '\0';
	return 0;
}

static int request(struct homefile *file, const struct homefile_message *message, const char *data,
	struct error *error)
{
	if (homefile_send(file->socket, message, sizeof(*message)) != 0 ||
		homefile_send(file->socket, data, (size_t)message->length) != 0)
		return broken(file, error);
	return 0;
}

static int request_plain(struct homefile *file, enum homefile_request kind, struct error *error)
{
	const struct homefile_message message = {.kind = kind};

	return request(file, &message, NULL, error);
}

/* A text travels as the bytes in which it differs from what the child has. */
static int request_text(struct homefile *file, enum homefile_request kind,
	const struct buffer *text, struct error *error)
{
	struct homefile_message message = {.kind = kind};

	if (file->in_step) {
		message.begin = homefile_common(&file->text, text);
		message.end = homefile_common_end(&file->text, text, (size_t)message.begin);
	}
	file->common = (size_t)message.begin;
	message.length = text->length - message.begin - message.end;
	return request(file, &message, buffer_string(text) + message.begin, error);
}

static int start(
	struct homefile *file, const struct account *account, unsigned flags, struct error *error)
{
	const struct timeval limit = {.tv_sec = REPLY_SECONDS};
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return error_set_errno(error, ERROR_INTERNAL, "cannot make a socket pair");
	file->child = fork();
	if (file->child == 0) {
		close(ends[0]);
		homefile_serve(ends[1], account, file->path, flags);
	}
	close(ends[1]);
	file->socket = ends[0];
	if (file->child < 0)
		return error_set_errno(error, ERROR_INTERNAL, "cannot start a process");
	if (setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
		setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0)
		return error_set_errno(error, ERROR_INTERNAL, "cannot limit a socket");
	return 0;
}

int homefile_open(struct homefile **file, const struct account *account, const char *path,
	unsigned flags, struct error *error)
{
	struct homefile *opened = calloc(1, sizeof(*opened));
	uint32_t flags_back;

	*file = NULL;
	if (!opened)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	opened->socket = -1;
	opened->child = -1;
	opened->writes = flags & HOMEFILE_WRITE;
	opened->path = strdup(path);
	if (!opened->path) {
		error_set(error, ERROR_INTERNAL, "out of memory");
		goto fail;
	}
	if (start(opened, account, flags, error) != 0 ||
		receive_reply(opened, &flags_back, NULL, error) != 0)
		goto fail;
	*file = opened;
	return 0;
fail:
	homefile_close(opened);
	return -1;
}

int homefile_keep_journal(struct homefile *file, const char *journal)
{
	free(file->journal);
	file->journal = strdup(journal);
	return file->journal ? 0 : -1;
}

/* The child has written the text that was sent; what it has in common with the last stays. */
static int remember(struct homefile *file, const struct buffer *text, struct error *error)
{
	size_t common = file->common;

	file->in_step = true;
	if (text == &file->text)
		return 0;
	file->text.length = common;
	if (buffer_add(&file->text, buffer_string(text) + common, text->length - common) != 0)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	return 0;
}

static int overwrite(struct homefile *file, const struct buffer *replacement, uint32_t *flags,
	struct buffer *now, struct error *error)
{
	int result;

	if (!file->journal)
		return error_set(error, ERROR_CANNOT_WRITE,
			"%s is mounted by itself, so it cannot be replaced", file->path);
	if (homefile_journal_write(file->journal, file->path, &file->text, replacement, error) != 0)
		return -1;
	now->length = 0;
	result = request_text(file, HOMEFILE_DO_OVERWRITE, replacement, error);
	if (result == 0)
		result = receive_reply(file, flags, now, error);
	/* After a failure it is not known how much was written: the next read finds out. */
	if (result == 0)
		unlink(file->journal);
	return result;
}

int homefile_send_ahead(
	struct homefile *file, const struct buffer *replacement, struct error *error)
{
	if (replacement->length > HOMEFILE_LIMIT)
		return error_set(error, ERROR_TOO_LARGE, "%s would become larger than %ld bytes",
			file->path, HOMEFILE_LIMIT);
	if (request_text(file, HOMEFILE_DO_REPLACE, replacement, error) != 0)
		return -1;
	file->ahead = true;
	return 0;
}

void homefile_call_off(struct homefile *file)
{
	uint32_t flags;

	if (file->ahead && request_plain(file, HOMEFILE_CALL_OFF, NULL) == 0)
		receive_reply(file, &flags, &file->text, NULL);
	file->ahead = file->in_step = false;
}

int homefile_replace(struct homefile *file, const struct buffer *replacement, bool *changed,
	const struct buffer **content, struct error *error)
{
	struct buffer now = BUFFER_EMPTY;
	uint32_t flags = 0;
	int result;

	*changed = false;
	*content = &file->text;
	if (!file->ahead && homefile_send_ahead(file, replacement, error) != 0)
		return -1;
	file->ahead = false;
	result = request_plain(file, HOMEFILE_GO, error);
	if (result == 0)
		result = receive_reply(file, &flags, &now, error);
	if (result == 0 && (flags & HOMEFILE_NOT_ATOMIC))
		result = overwrite(file, replacement, &flags, &now, error);
	/* With a change may have come what others wrote late, which the child has apart. */
	file->in_step = false;
	*changed = result == 0 && (flags & HOMEFILE_CHANGED);
	if (result == 0 && !*changed)
		result = remember(file, replacement, error);
	if (*changed) {
		buffer_free(&file->text);
		file->text = now;
		now = BUFFER_EMPTY;
	}
	buffer_free(&now);
	return result;
}

/* Completes a write in place that was broken off. */
static int replay(struct homefile *file, struct error *error)
{
	struct buffer repaired = BUFFER_EMPTY;
	const struct buffer *now;
	bool changed;
	int result = 0;

	if (homefile_journal_repair(file->journal, file->path, &file->text, &repaired))
		result = homefile_replace(file, &repaired, &changed, &now, error);
	if (result == 0)
		unlink(file->journal);
	buffer_free(&repaired);
	return result;
}

int homefile_read(
	struct homefile *file, const struct buffer **content, bool *exists, struct error *error)
{
	uint32_t flags = 0;

	file->in_step = false;
	buffer_clear(&file->text);
	*content = &file->text;
	if (request_plain(file, HOMEFILE_DO_READ, error) != 0 ||
		receive_reply(file, &flags, &file->text, error) != 0)
		return -1;
	file->in_step = true;
	*exists = flags & HOMEFILE_EXISTS;
	if (!file->journal || !file->writes || access(file->journal, F_OK) != 0)
		return 0;
	return replay(file, error);
}

static unsigned count_names(const char *names)
{
	unsigned count = *names != '\0';

	for (; *names; names++)
		count += *names == '/';
	return count;
}

int homefile_places(struct homefile *file, struct homefile_places *places, struct error *error)
{
	struct homefile_message reply = {0};
	struct iovec part = {.iov_base = &reply, .iov_len = sizeof(reply)};
	union {
		char space[CMSG_SPACE(sizeof(places->directories))];
		struct cmsghdr align;
	} control;
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space)};
	const struct cmsghdr *header;

	*places = (struct homefile_places){.home = -1};
	if (request_plain(file, HOMEFILE_DO_PLACES, error) != 0)
		return -1;
	if (recvmsg(file->socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL) != sizeof(reply))
		return broken(file, error);
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS) {
		places->count = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(places->directories, CMSG_DATA(header), places->count * sizeof(int));
	}
	places->home = (int)reply.flags;
	if (reply.length < sizeof(places->names) &&
		homefile_receive(file->socket, places->names, (size_t)reply.length) == 0 &&
		count_names(places->names) == places->count && places->home >= -1 &&
		places->home < (int)places->count)
		return 0;
	homefile_places_close(places);
	return error_set(error, ERROR_INTERNAL, "a malformed answer about %s", file->path);
}

void homefile_close(struct homefile *file)
{
	if (!file)
		return;
	if (file->socket >= 0)
		close(file->socket);
	if (file->child > 0 && !file->stays) {
		/* It holds nothing that is not on disk; and one that hangs must not hold us. */
		kill(file->child, SIGKILL);
		process_wait(file->child);
	}
	buffer_free(&file->text);
	free(file->journal);
	free(file->path);
	free(file);
}
