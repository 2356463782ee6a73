/*
 * The parent's side of a file in a home, whose child runs as an account that may be
 * hostile: it answers anything, with any descriptors. Nothing may be lost or left open.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "sys/account.h"
#include "sys/homefile.h"
#include "sys/homefile_journal.h"
#include "sys/homefile_places.h"

#define FDS_MAX 18 /* more than are taken */

int __wrap_socketpair(int domain, int type, int protocol, int ends[2]);
int __real_socketpair(int domain, int type, int protocol, int ends[2]);
pid_t __wrap_fork(void);
int __wrap_kill(pid_t pid, int number);
int __wrap_process_wait(pid_t pid);

static struct fuzz_input stream;
static unsigned descriptors; /* that travel */
static size_t descriptors_at;
static int far_end = -1;
static char journal[128];

static void send_part(size_t length, unsigned count)
{
	int fds[FDS_MAX];
	union {
		char space[CMSG_SPACE(sizeof(fds))];
		struct cmsghdr align;
	} control = {.space = {0}};
	struct iovec part = {.iov_base = (void *)(uintptr_t)stream.at, .iov_len = length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *header;

	for (unsigned i = 0; i < count; i++)
		fds[i] = far_end;
	if (count) {
		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	if (length)
		sendmsg(far_end, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	stream.at += length;
	stream.left -= length;
}

/* All that the child will ever say is there when the parent begins to ask. */
int __wrap_socketpair(int domain, int type, int protocol, int ends[2])
{
	int result = __real_socketpair(domain, type, protocol, ends);

	require(result == 0);
	far_end = fcntl(ends[1], F_DUPFD_CLOEXEC, 0);
	send_part(descriptors_at < stream.left ? descriptors_at : stream.left, 0);
	send_part(stream.left, descriptors);
	shutdown(far_end, SHUT_WR);
	return 0;
}

pid_t __wrap_fork(void)
{
	return 1;
}

int __wrap_kill(pid_t pid, int number)
{
	(void)number;
	require(pid == 1);
	return 0;
}

int __wrap_process_wait(pid_t pid)
{
	require(pid == 1);
	return 0;
}

static void check_failure(int result, const struct error *error)
{
	require(result == 0 || result == -1);
	require(result == 0 || (error->code > 0 && error->code < ERROR_COUNT));
}

static void check_content(const struct buffer *content)
{
	require(content->length <= HOMEFILE_LIMIT);
	require(buffer_string(content)[content->length] == '\0');
}

static int read_one(struct homefile *file, struct error *error)
{
	const struct buffer *content;
	bool exists;
	int result = homefile_read(file, &content, &exists, error);

	if (result == 0)
		check_content(content);
	return result;
}

static int replace_one(struct homefile *file, bool ahead, struct error *error)
{
	struct buffer text = BUFFER_EMPTY;
	const struct buffer *content;
	bool changed = false;
	int result;

	require(buffer_add_string(&text, "ssh-ed25519 AAAA alice\n") == 0);
	if (ahead && homefile_send_ahead(file, &text, error) == 0)
		homefile_call_off(file);
	result = homefile_replace(file, &text, &changed, &content, error);
	require(!changed || result == 0);
	if (changed)
		check_content(content);
	buffer_free(&text);
	return result;
}

static int places_one(struct homefile *file, struct error *error)
{
	struct homefile_places places;
	int result = homefile_places(file, &places, error);

	if (result == 0) {
		require(places.count <= HOMEFILE_PLACES && places.home < (int)places.count);
		require(memchr(places.names, '\0', sizeof(places.names)) != NULL);
		for (unsigned i = 0; i < places.count; i++)
			require(fcntl(places.directories[i], F_GETFD) >= 0);
		homefile_places_close(&places);
	}
	return result;
}

static void use(struct homefile *file, unsigned what)
{
	struct error error = {0};
	int result = 0;

	/* As callers do: after a failure the file is given up. */
	for (int i = 0; i < 4 && result == 0; i++, what >>= 2) {
		if ((what & 3) == 0)
			result = read_one(file, &error);
		else if ((what & 3) == 3)
			result = places_one(file, &error);
		else
			result = replace_one(file, what & 1, &error);
		check_failure(result, &error);
	}
}

static int lowest_free(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	snprintf(journal, sizeof(journal), "%s/journal", fuzz_directory());
	return 0;
}

/* What is asked, how many descriptors come and where, whether there is a journal; and all
 * that the child sends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[] = "alice", home[] = "/home/alice", shell[] = "/bin/sh";
	const struct account account = {.name = name, .home = home, .shell = shell, .uid = 1000};
	int before = lowest_free();
	struct homefile *file = NULL;
	struct error error = {0};
	unsigned what, keeps;
	int result;

	stream = (struct fuzz_input){data, size};
	what = fuzz_byte(&stream);
	descriptors = fuzz_byte(&stream) % (FDS_MAX + 1);
	descriptors_at = fuzz_byte(&stream) * 8U;
	keeps = fuzz_byte(&stream) % 3;
	if (keeps == 2)
		fuzz_write(journal, "vastagent-journal 1 1 2 /k\nabc", 30);
	result = homefile_open(&file, &account, "/k", HOMEFILE_WRITE, &error);
	check_failure(result, &error);
	if (result == 0 && keeps)
		require(homefile_keep_journal(file, journal) == 0);
	if (result == 0)
		use(file, what);
	homefile_close(file);
	close(far_end);
	unlink(journal);
	require(lowest_free() == before);
	return 0;
}
