#include "control/client.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "control/chunked.h"
#include "sys/process.h"

/* More than the agent ever answers: the keys of the largest file, as JSON. */
#define ANSWER_LIMIT (256L * 1024 * 1024) /* of what is held in memory */
#define CHUNK        (256 * 1024)

char *control_encode(const char *text)
{
	struct buffer out = BUFFER_EMPTY;

	for (; *text; text++) {
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			buffer_add(&out, text, 1);
		else
			buffer_add_format(&out, "%%%02X", (unsigned char)*text);
	}
	buffer_add_string(&out, "");
	return out.data;
}

bool control_is_abandoned(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused;

	if (fd < 0)
		return false;
	if (strlen(path) < sizeof(address.sun_path))
		strcpy(address.sun_path, path);
	refused = connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 &&
		  errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int open_socket(const char *path, long long end, struct error *error)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000000};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, result;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(error, ERROR_USAGE,
			"the socket's path is longer than %zu bytes: %s",
			sizeof(address.sun_path) - 1, path);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(error, ERROR_INTERNAL, "cannot make a socket");
	/* EAGAIN: as many wait there already as may; unix(7) has no other way to wait. */
	while ((result = connect(fd, (const struct sockaddr *)&address, sizeof(address))) != 0 &&
		errno == EAGAIN && process_now_ms() < end)
		nanosleep(&pause, NULL);
	if (result != 0) {
		error_set_errno(error, errno == EAGAIN ? ERROR_TIMEOUT : ERROR_UNREACHABLE,
			"no agent answers on %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

static int render(const struct control_request *request, struct buffer *out, struct error *error)
{
	char *body = request->body ? json_dumps(request->body, JSON_COMPACT) : NULL;

	if (request->body && !body)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	buffer_add_format(out, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
		request->method, request->path);
	if (body)
		buffer_add_format(out,
			"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			strlen(body), body);
	else
		buffer_add_string(out, "\r\n");
	free(body);
	return out->failed ? error_set(error, ERROR_INTERNAL, "out of memory") : 0;
}

static int wait_for(int fd, short what, long long end, struct error *error)
{
	struct pollfd wait = {.fd = fd, .events = what};
	long long left = end - process_now_ms();
	int ready = left > 0 ? poll(&wait, 1, (int)left) : 0;

	if (ready > 0 || (ready < 0 && errno == EINTR))
		return 0;
	return error_set(error, ERROR_TIMEOUT, "the agent did not answer in time");
}

static int send_all(int fd, const struct buffer *data, long long end, struct error *error)
{
	size_t done = 0;
	ssize_t sent;

	while (done < data->length) {
		if (wait_for(fd, POLLOUT, end, error) != 0)
			return -1;
		sent = send(
			fd, data->data + done, data->length - done, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		/* The agent may have answered and closed already: its answer says why. */
		if (sent < 0 && errno == EPIPE)
			return 0;
		if (sent < 0)
			return error_set_errno(error, ERROR_UNREACHABLE, "the agent hung up");
		done += (size_t)sent;
	}
	return 0;
}

/* What comes back. */
struct reply {
	struct buffer text; /* the headers, and the body unless it is passed on */
	size_t headers;     /* their length, 0: they are not whole yet */
	size_t body;        /* bytes of it that came */
	long status;
	bool is_chunked;
	struct chunked chunked;
	FILE *raw; /* where the body of a 200 is passed on to, or NULL */
};

/* The value of a header ("\r\nName:" is asked for), or NULL. */
static const char *header(const struct reply *reply, const char *name)
{
	const char *headers = buffer_string(&reply->text), *found = strcasestr(headers, name);

	if (!found || (size_t)(found - headers) >= reply->headers)
		return NULL;
	found += strlen(name);
	return found + strspn(found, " \t");
}

static int hung_up(struct error *error)
{
	return error_set(error, ERROR_UNREACHABLE, "what answers is not the agent, or it hung up");
}

/* "HTTP/1.1 200 OK…", once the last header is there. */
static int read_headers(struct reply *reply, struct error *error)
{
	const char *start = buffer_string(&reply->text), *end = strstr(start, "\r\n\r\n"), *coding;
	char digits[4] = "";

	if (!end)
		return 0;
	if (strncmp(start, "HTTP/1.", 7) == 0 && strlen(start) > 12)
		memcpy(digits, start + 9, 3);
	if (text_number(digits, 100, 599, &reply->status) != 0)
		return hung_up(error);
	reply->headers = (size_t)(end - start) + 4;
	coding = header(reply, "\r\nTransfer-Encoding:");
	reply->is_chunked = coding && strncasecmp(coding, "chunked", 7) == 0;
	if (reply->status != 200)
		reply->raw = NULL;
	return 0;
}

/* Takes the bytes that came behind the first before; passes on those of the body. */
static int take(struct reply *reply, size_t before, struct error *error)
{
	char *start;
	size_t length;

	if (!reply->headers && read_headers(reply, error) != 0)
		return -1;
	if (!reply->headers)
		return 0;
	before = before > reply->headers ? before : reply->headers;
	start = reply->text.data + before;
	length = reply->text.length - before;
	if (reply->is_chunked)
		length = chunked_take(&reply->chunked, start, length);
	reply->body += length;
	/* That it could not be written is seen when the program's output is finished. */
	if (reply->raw && length)
		fwrite(start, 1, length, reply->raw);
	reply->text.length = reply->raw ? reply->headers : before + length;
	return reply->chunked.state == CHUNKED_BROKEN ? hung_up(error) : 0;
}

static bool is_over(const struct reply *reply, const struct control_request *request)
{
	return reply->chunked.state == CHUNKED_OVER ||
	       (request->quiet_ms && reply->raw && ferror(reply->raw));
}

static int receive_all(int fd, const struct control_request *request, struct reply *reply,
	long long end, struct error *error)
{
	size_t before;
	ssize_t got;
	char *space;

	while (!is_over(reply, request)) {
		if (wait_for(fd, POLLIN, end, error) != 0)
			return -1;
		space = buffer_reserve(&reply->text, CHUNK);
		if (!space || reply->text.length + CHUNK > ANSWER_LIMIT)
			return error_set(error, ERROR_INTERNAL, "the answer is too large");
		got = recv(fd, space, CHUNK, MSG_DONTWAIT);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0 && errno != ECONNRESET)
			return error_set_errno(error, ERROR_UNREACHABLE, "the agent hung up");
		if (got <= 0)
			return 0;
		before = reply->text.length;
		reply->text.length += (size_t)got;
		space[got] = '\0';
		if (take(reply, before, error) != 0)
			return -1;
		if (request->quiet_ms)
			end = process_now_ms() + request->quiet_ms;
	}
	return 0;
}

/* Whether the whole body came; an agent that dies sends half of one. */
static bool is_whole(const struct reply *reply)
{
	const char *length = header(reply, "\r\nContent-Length:");

	if (reply->is_chunked)
		return reply->chunked.state == CHUNKED_OVER;
	return !length || strtoul(length, NULL, 10) == reply->body;
}

static bool no_memory;
static json_malloc_t malloc_before;

/* Jansson's reader does not live through each failure: the program's own function, which may
 * end it, has the last word. */
static void *allocate(size_t size)
{
	void *memory = malloc(size);

	if (memory)
		return memory;
	no_memory = true;
	return malloc_before(size);
}

/* Returns the status, and the body's JSON in *answer. */
static int finish(const struct reply *reply, json_t **answer, struct error *error)
{
	json_free_t free_before;

	if (!reply->headers)
		return hung_up(error);
	if (!is_whole(reply) && !(reply->raw && ferror(reply->raw)))
		return error_set(
			error, ERROR_UNREACHABLE, "the agent hung up in the middle of its answer");
	if (reply->raw)
		return (int)reply->status;
	/* Where memory is out jansson's reader loses a byte of a text, and says nothing. */
	json_get_alloc_funcs(&malloc_before, &free_before);
	json_set_alloc_funcs(allocate, free_before);
	no_memory = false;
	*answer = json_loadb(reply->text.data + reply->headers, reply->body, 0, NULL);
	json_set_alloc_funcs(malloc_before, free_before);
	if (!no_memory)
		return (int)reply->status;
	json_decref(*answer);
	*answer = NULL;
	return error_set(error, ERROR_INTERNAL, "out of memory");
}

int control_ask(const char *socket, const struct control_request *request, int timeout_ms,
	json_t **answer, struct error *error)
{
	long long end = process_now_ms() + timeout_ms;
	struct buffer out = BUFFER_EMPTY;
	struct reply reply = {.raw = request->raw};
	int fd = -1, status = -1;

	*answer = NULL;
	if (render(request, &out, error) != 0)
		goto out;
	fd = open_socket(socket, end, error);
	if (fd < 0 || send_all(fd, &out, end, error) != 0 ||
		receive_all(fd, request, &reply, end, error) != 0)
		goto out;
	status = finish(&reply, answer, error);
out:
	if (fd >= 0)
		close(fd);
	buffer_free(&out);
	buffer_free(&reply.text);
	return status;
}
