/* The client against a real socket, with an agent behind it that misbehaves in each way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "control/client.h"
#include "sys/process.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

static char directory[] = "/tmp/vastagent-client-XXXXXX";
static char path[64];

struct server {
	const char *answer;  /* NULL: says nothing and keeps the connection */
	const char *expects; /* must stand in the request */
	pid_t child;
};

static int listener(int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

/* Reads until the request is whole: an empty line, and "}" behind it if it has a body. */
static void serve(int fd, const struct server *server)
{
	char request[4096] = "";
	size_t length = 0;
	int client = accept(fd, NULL, NULL);
	ssize_t got;

	do {
		got = read(client, request + length, sizeof(request) - 1 - length);
		length += got > 0 ? (size_t)got : 0;
		request[length] = '\0';
	} while (got > 0 && (!strstr(request, "\r\n\r\n") || (strstr(request, "Content-Length") &&
								     request[length - 1] != '}')));
	if (server->expects && !strstr(request, server->expects))
		_exit(1);
	if (!server->answer)
		pause();
	if (write(client, server->answer, strlen(server->answer)) < 0)
		_exit(2);
	_exit(0);
}

static void start(struct server *server)
{
	int fd = listener(4);

	fflush(NULL);
	server->child = fork();
	assert_true(server->child >= 0);
	if (server->child == 0) {
		alarm(20);
		serve(fd, server);
	}
	close(fd);
}

static int ask(
	const struct control_request *request, int timeout_ms, json_t **answer, struct error *error)
{
	*error = (struct error){0};
	return control_ask(path, request, timeout_ms, answer, error);
}

static const struct control_request status_request = {"GET", "/v1/status", NULL};

/* What is made of an answer of these bytes. */
static int ask_for(const char *bytes, json_t **answer, struct error *error)
{
	struct server server = {.answer = bytes};
	int result;

	start(&server);
	result = ask(&status_request, 5000, answer, error);
	assert_int_equal(process_wait(server.child), 0);
	return result;
}

static void an_answer_is_taken(void **state)
{
	json_t *answer;
	struct error error;

	(void)state;
	assert_int_equal(
		ask_for(OK_HEAD "Content-Length: 9\r\n\r\n{\"pid\":7}", &answer, &error), 200);
	assert_int_equal(json_integer_value(json_object_get(answer, "pid")), 7);
	json_decref(answer);
	assert_int_equal(ask_for("HTTP/1.1 403 Forbidden\r\n\r\n{}", &answer, &error), 403);
	assert_true(json_is_object(answer));
	json_decref(answer);
	assert_int_equal(
		ask_for("HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", &answer, &error), 503);
	assert_null(answer);
	assert_int_equal(
		ask_for("HTTP/1.1 400 x\r\nContent-Length: 4\r\n\r\nno!\n", &answer, &error), 400);
	assert_null(answer);
}

static void the_request_is_what_the_agent_takes(void **state)
{
	static const char head[] = "POST /v1/keys?user=a%2Fb HTTP/1.1\r\nHost: localhost\r\n"
				   "Connection: close\r\nContent-Type: application/json\r\n"
				   "Content-Length: 10\r\n\r\n{\"a\":true}";
	struct server server = {.answer = "HTTP/1.1 200 OK\r\n\r\n{}", .expects = head};
	json_t *body = json_pack("{sb}", "a", 1), *answer;
	const struct control_request request = {"POST", "/v1/keys?user=a%2Fb", body};
	struct error error;

	(void)state;
	start(&server);
	assert_int_equal(ask(&request, 5000, &answer, &error), 200);
	assert_int_equal(process_wait(server.child), 0);
	json_decref(answer);
	json_decref(body);
}

static void nobody_there(void **state)
{
	json_t *answer;
	struct error error;

	(void)state;
	unlink(path);
	assert_int_equal(ask(&status_request, 1000, &answer, &error), -1);
	assert_int_equal(error.code, ERROR_UNREACHABLE);
	assert_null(answer);
	close(listener(1)); /* the socket stays, its listener is gone */
	assert_int_equal(ask(&status_request, 1000, &answer, &error), -1);
	assert_int_equal(error.code, ERROR_UNREACHABLE);
}

static void what_is_not_http_is_not_the_agent(void **state)
{
	static const char *const bytes[] = {"", "x", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200",
		"HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 abc OK\r\n\r\n{}",
		"HTTP/1.1 999 OK\r\n\r\n{}", "\r\n\r\n{}", "HTTP/2 200\r\n\r\n{}"};
	json_t *answer;
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		assert_int_equal(ask_for(bytes[i], &answer, &error), -1);
		assert_int_equal(error.code, ERROR_UNREACHABLE);
		assert_null(answer);
	}
}

/* Taken for whole, it would be success without a word of what was done. */
static void half_an_answer_is_none(void **state)
{
	json_t *answer;
	struct error error;

	(void)state;
	assert_int_equal(
		ask_for(OK_HEAD "Content-Length: 20\r\n\r\n{\"pid\"", &answer, &error), -1);
	assert_int_equal(error.code, ERROR_UNREACHABLE);
	assert_null(answer);
}

static void silence_is_a_timeout(void **state)
{
	struct server server = {.answer = NULL};
	long long before;
	json_t *answer;
	struct error error;

	(void)state;
	start(&server);
	before = process_now_ms();
	assert_int_equal(ask(&status_request, 300, &answer, &error), -1);
	assert_int_equal(error.code, ERROR_TIMEOUT);
	assert_in_range(process_now_ms() - before, 290, 5000);
	kill(server.child, SIGKILL);
	process_wait(server.child);
}

/* Fills the queue of a listener that accepts nobody, until a connection would wait. */
static void fill_queue(int clients[64])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	for (int i = 0; i < 64; i++)
		clients[i] = -1;
	for (int i = 0; i < 64; i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (connect(clients[i], (struct sockaddr *)&address, sizeof(address)) != 0)
			return;
	}
	fail_msg("the queue does not fill");
}

/* An agent that is stopped accepts nobody: connect(2) itself then waits. */
static void a_full_queue_is_a_timeout(void **state)
{
	int fd = listener(0), clients[64], status;
	json_t *answer;
	struct error error;
	pid_t child;

	(void)state;
	fill_queue(clients);
	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		alarm(5);
		_exit(ask(&status_request, 300, &answer, &error) == -1 &&
					(error.code == ERROR_TIMEOUT ||
						error.code == ERROR_UNREACHABLE)
				? 0
				: 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	for (int i = 0; i < 64; i++)
		if (clients[i] >= 0)
			close(clients[i]);
	close(fd);
	if (!WIFEXITED(status))
		fail_msg("the client waited longer than its timeout");
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_path_that_is_too_long_is_told(void **state)
{
	char long_path[200];
	json_t *answer;
	struct error error;

	(void)state;
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(control_ask(long_path, &status_request, 1000, &answer, &error), -1);
	assert_int_equal(error.code, ERROR_USAGE);
	assert_null(answer);
}

static void check_encode(const char *text, const char *expected)
{
	char *encoded = control_encode(text);

	assert_string_equal(encoded, expected);
	free(encoded);
}

static void all_but_the_unreserved_is_encoded(void **state)
{
	(void)state;
	check_encode("", "");
	check_encode("azAZ09-._~", "azAZ09-._~");
	check_encode("SHA256:a+b/c=", "SHA256%3Aa%2Bb%2Fc%3D");
	check_encode(" ?&#%\r\n\x7f", "%20%3F%26%23%25%0D%0A%7F");
	check_encode("\xc3\xbc", "%C3%BC");
}

#define CHUNKED_HEAD "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void chunks_are_one_body(void **state)
{
	json_t *answer;
	struct error error;

	(void)state;
	assert_int_equal(
		ask_for(CHUNKED_HEAD "5\r\n{\"pid\r\n4\r\n\":7}\r\n0\r\n\r\n", &answer, &error),
		200);
	assert_int_equal(json_integer_value(json_object_get(answer, "pid")), 7);
	json_decref(answer);
	assert_int_equal(ask_for(CHUNKED_HEAD "2\r\n{}\r\n", &answer, &error), -1);
	assert_int_equal(error.code, ERROR_UNREACHABLE);
	assert_int_equal(ask_for(CHUNKED_HEAD "{}", &answer, &error), -1);
	assert_int_equal(error.code, ERROR_UNREACHABLE);
}

/* What a stream's reader has taken; it takes no more than so many bytes. */
static struct {
	char text[256];
	size_t length, limit;
} taken;

static ssize_t take(void *cookie, const char *bytes, size_t length)
{
	(void)cookie;
	if (taken.length + length > taken.limit)
		return 0;
	memcpy(taken.text + taken.length, bytes, length);
	taken.length += length;
	taken.text[taken.length] = '\0';
	return (ssize_t)length;
}

/* Asks for a stream of which as much is read. */
static int follow(const char *bytes, size_t limit, int quiet_ms, struct error *error)
{
	struct server server = {.answer = bytes};
	FILE *raw = fopencookie(NULL, "w", (cookie_io_functions_t){.write = take});
	const struct control_request request = {
		.method = "GET", .path = "/v1/events", .raw = raw, .quiet_ms = quiet_ms};
	json_t *answer;
	int result;

	setvbuf(raw, NULL, _IONBF, 0);
	taken.length = 0;
	taken.limit = limit;
	start(&server);
	result = ask(&request, 5000, &answer, error);
	assert_null(answer);
	kill(server.child, SIGKILL);
	process_wait(server.child);
	fclose(raw);
	return result;
}

static void a_stream_is_passed_on(void **state)
{
	static const char stream[] = CHUNKED_HEAD "4\r\n{}\n\n\r\n3\r\n{}\n\r\n0\r\n\r\n";
	struct error error;

	(void)state;
	assert_int_equal(follow(stream, 200, 1000, &error), 200);
	assert_string_equal(taken.text, "{}\n\n{}\n");
	/* Its reader ends it without a failure; the agent's end in the middle is one. */
	assert_int_equal(follow(stream, 3, 1000, &error), 200);
	assert_int_equal(follow(CHUNKED_HEAD "3\r\n{}\n\r\n", 200, 1000, &error), -1);
	assert_int_equal(error.code, ERROR_UNREACHABLE);
	assert_string_equal(taken.text, "{}\n");
}

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_DFL); /* the client must not need it to be ignored */
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/sock", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_taken),
		cmocka_unit_test(the_request_is_what_the_agent_takes),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(what_is_not_http_is_not_the_agent),
		cmocka_unit_test(half_an_answer_is_none),
		cmocka_unit_test(chunks_are_one_body),
		cmocka_unit_test(a_stream_is_passed_on),
		cmocka_unit_test(silence_is_a_timeout),
		cmocka_unit_test(a_full_queue_is_a_timeout),
		cmocka_unit_test(a_path_that_is_too_long_is_told),
		cmocka_unit_test(all_but_the_unreserved_is_encoded),
	};

	return cmocka_run_group_tests_name("control/client", tests, set_up, tear_down);
}
