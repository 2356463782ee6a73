/*
 * The client's side of the control socket: whoever answers there may send anything. Chunks
 * are the same whether they come in one piece or byte by byte.
 */
#include "fuzz.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "control/chunked.h"
#include "control/client.h"
#include "control/failure.h"

int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);

static struct fuzz_input answer;
static int far_end = -1;

/* One whose other end has answered and hung up already. */
int __wrap_socket(int domain, int type, int protocol)
{
	int ends[2];

	(void)type;
	require(socketpair(domain, SOCK_STREAM | SOCK_CLOEXEC, protocol, ends) == 0);
	far_end = ends[1];
	send(far_end, answer.at, answer.left, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(far_end, SHUT_WR);
	return ends[0];
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	(void)fd;
	(void)address;
	(void)length;
	return 0;
}

static size_t take_slowly(struct chunked *chunked, char *data, size_t length)
{
	size_t kept = 0;

	for (size_t i = 0; i < length; i++)
		if (chunked_take(chunked, data + i, 1))
			data[kept++] = data[i];
	return kept;
}

static void check_chunked(void)
{
	char *whole = malloc(answer.left + 1), *slow = malloc(answer.left + 1);
	struct chunked one = CHUNKED_START, other = CHUNKED_START;
	size_t length, slow_length;

	require(whole && slow);
	if (answer.left) {
		memcpy(whole, answer.at, answer.left);
		memcpy(slow, answer.at, answer.left);
	}
	length = chunked_take(&one, whole, answer.left);
	slow_length = take_slowly(&other, slow, answer.left);
	require(length == slow_length && length <= answer.left && one.state == other.state);
	require(memcmp(whole, slow, length) == 0);
	free(whole);
	free(slow);
}

/* Returns the status; *body gets what was passed on. */
static int ask(bool passes_on, bool goes_on, char **body, size_t *length)
{
	struct control_request request = {.method = "GET", .path = "/v1/keys"};
	struct error error = {0}, failure = {0};
	FILE *out = passes_on ? open_memstream(body, length) : NULL;
	json_t *json = NULL;
	int status;

	request.raw = out;
	request.quiet_ms = goes_on ? 1000 : 0;
	status = control_ask("/agent.sock", &request, 1000, &json, &error);
	close(far_end);
	require(status < 0 ? error.code && *error.message : status >= 100 && status < 600);
	require(!json || status > 0);
	if (json && status != 200)
		require(failure_unpack(json, &failure) != 0 || failure.code < ERROR_COUNT);
	json_decref(json);
	if (out)
		fclose(out);
	return status;
}

/* The first byte says how it is asked; the rest is the answer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	uint8_t how = fuzz_byte(&input);
	char *body = NULL, *again = NULL;
	size_t length = 0, again_length = 0;
	int status;

	answer = input;
	check_chunked();
	status = ask(how & 1, how & 2, &body, &length);
	if (how & 1) {
		require(ask(true, how & 2, &again, &again_length) == status);
		require(length == again_length && memcmp(body, again, length) == 0);
		require(status == 200 || status < 0 || length == 0);
	}
	free(body);
	free(again);
	return 0;
}
