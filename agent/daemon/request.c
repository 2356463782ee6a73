#include "daemon/request.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "control/failure.h"
#include "daemon/agent.h"

const char *request_phrase(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 408:
		return "Request Timeout";
	case 409:
		return "Conflict";
	case 413:
		return "Content Too Large";
	case 415:
		return "Unsupported Media Type";
	case 429:
		return "Too Many Requests";
	case 503:
		return "Service Unavailable";
	case 504:
		return "Gateway Timeout";
	case 507:
		return "Insufficient Storage";
	default:
		return "Error";
	}
}

/* Steals fd: what is sent is read from the file at that time. */
static int add_file(struct evbuffer *out, int fd)
{
	off_t start = lseek(fd, 0, SEEK_CUR);
	struct stat what;

	if (!out || start < 0 || fstat(fd, &what) != 0 || what.st_size < start) {
		close(fd);
		return -1;
	}
	return evbuffer_add_file(out, fd, start, what.st_size - start);
}

void request_answer_files(struct request *request, int http_status, const char *text, size_t length,
	const int *fds, size_t count)
{
	struct evbuffer *out = evbuffer_new();

	/* What is in files goes to the socket by sendfile(2), without a copy here. */
	if (out && count)
		evbuffer_set_flags(out, EVBUFFER_FLAG_DRAINS_TO_FD);
	if (!text || !out || evbuffer_add(out, text, length) != 0)
		http_status = 503;
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0 && add_file(out, fds[i]) != 0)
			http_status = 503;
	if (http_status >= 400)
		request->agent->counters.refused++;
	evhttp_add_header(evhttp_request_get_output_headers(request->http), "Content-Type",
		"application/json");
	/* If the peer is gone by now, evhttp frees the request and sends nothing. */
	evhttp_send_reply(request->http, http_status, request_phrase(http_status), out);
	if (out)
		evbuffer_free(out);
	request_free(request);
}

void request_answer_text(struct request *request, int http_status, const char *text, size_t length)
{
	request_answer_files(request, http_status, text, length, NULL, 0);
}

void request_answer(struct request *request, int http_status, json_t *answer)
{
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	struct buffer line = BUFFER_EMPTY;

	if (text)
		buffer_add_format(&line, "%s\n", text);
	request_answer_text(request, http_status, line.data, line.length);
	buffer_free(&line);
	free(text);
	json_decref(answer);
}

void request_fail(struct request *request, const struct error *error)
{
	request_answer(request, error_http_status(error->code), failure_pack(error));
}

const char *request_parameter(const struct request *request, const char *name)
{
	return request->query ? evhttp_find_header(request->query, name) : NULL;
}

bool request_flag(const struct request *request, const char *name)
{
	const char *value = request_parameter(request, name);

	return value &&
	       (strcmp(value, "1") == 0 || strcmp(value, "yes") == 0 || strcmp(value, "true") == 0);
}

void request_free(struct request *request)
{
	if (!request)
		return;
	if (request->query) {
		evhttp_clear_headers(request->query);
		free(request->query);
	}
	json_decref(request->body);
	free(request->argument);
	free(request->user);
	free(request);
}
