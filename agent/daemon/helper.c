#include "daemon/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "control/failure.h"
#include "daemon/helper_work.h"
#include "sys/fdio.h"

/* The most that an answer may hold: tens of thousands of rows. */
#define ANSWER_LIMIT (32 * 1024 * 1024)

static int channel = -1;

int helper_start(struct error *error)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return error_set_errno(error, ERROR_INTERNAL, "cannot make a socket");
	pid = fork();
	if (pid == 0)
		helper_serve(ends[1]);
	close(ends[1]);
	/* Not where a job has its own socket, helper_move(). */
	channel = pid > 0 ? fcntl(ends[0], F_DUPFD_CLOEXEC, STDERR_FILENO + 2) : -1;
	if (channel < 0)
		error_set_errno(error, ERROR_INTERNAL, "cannot start the helper process");
	close(ends[0]);
	return channel;
}

bool helper_is_there(void)
{
	return channel >= 0;
}

void helper_lost(void)
{
	if (channel >= 0)
		close(channel);
	channel = -1;
}

void helper_move(int fd)
{
	if (channel >= 0)
		channel = dup2(channel, fd);
}

int helper_send(const struct helper_question *question, int fd)
{
	struct iovec part = {.iov_base = (void *)question, .iov_len = sizeof(*question)};
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {.space = {0}};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	if (channel < 0) {
		errno = ENOTCONN;
		return -1;
	}
	return sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(*question) ? 0
											    : -1;
}

/* An answer may be a failure. */
static json_t *parse(const struct buffer *answer, struct error *error)
{
	json_t *root = json_loadb(buffer_string(answer), answer->length, 0, NULL);

	if (!root)
		error_set(error, ERROR_UNREACHABLE, "the helper process did not answer");
	if (!json_object_get(root, "error"))
		return root;
	failure_unpack(root, error);
	json_decref(root);
	return NULL;
}

json_t *helper_ask(const struct helper_question *question, int deadline_ms, struct error *error)
{
	struct buffer text = BUFFER_EMPTY;
	json_t *answer = NULL;
	int ends[2], result;

	if (pipe2(ends, O_CLOEXEC) != 0) {
		error_set_errno(error, ERROR_INTERNAL, "cannot make a pipe");
		return NULL;
	}
	result = helper_send(question, ends[1]);
	close(ends[1]);
	if (result != 0)
		error_set_errno(error, ERROR_UNREACHABLE, "the helper process cannot be asked");
	else if (fdio_collect(ends[0], deadline_ms, ANSWER_LIMIT, &text, error) == 0)
		answer = parse(&text, error);
	close(ends[0]);
	buffer_free(&text);
	return answer;
}
