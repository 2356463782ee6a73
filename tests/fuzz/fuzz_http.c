/*
 * Bytes on the control socket, whoever sends them: through libevent's HTTP and our own
 * limits, routes and handlers, down to the files of keys. Who is not root changes nothing
 * but its own account's keys.
 */
#include "fuzz.h"

#include <string.h>

#include "inside.h"

static struct buffer before[ACCOUNTS];

static void remember(void)
{
	for (unsigned i = 0; i < ACCOUNTS; i++) {
		buffer_free(&before[i]);
		require(buffer_add(&before[i], inside_file(i)->data, inside_file(i)->length) == 0);
	}
}

static bool is_as_before(unsigned account)
{
	const struct buffer *now = inside_file(account);

	return now->length == before[account].length &&
	       memcmp(now->data, before[account].data, now->length) == 0;
}

/* The first byte says who asks, the second how many bytes are sent at once. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct buffer answer = BUFFER_EMPTY;
	uint8_t who = fuzz_byte(&input), piece = fuzz_byte(&input);
	uid_t uid = inside_uid(who);
	bool forwarded = who & 8;

	if (who & 4)
		uid = 1002;
	inside_begin();
	inside_become(uid, forwarded);
	remember();
	inside_send((const char *)input.at, input.left, piece, &answer);
	/* A request of HTTP 0.9 gets its answer without a status. */
	if (!memmem(data, size, "HTTP/0.", 7))
		inside_check_answer(&answer);
	for (unsigned i = 0; i < ACCOUNTS; i++) {
		inside_check_file(i, true);
		if (forwarded || (uid != 0 && (inside_uid(i) != uid || uid == 1001)))
			require(is_as_before(i));
	}
	buffer_free(&answer);
	inside_end();
	return 0;
}
