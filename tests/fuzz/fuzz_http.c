/*
 * Bytes on the control socket, whoever sends them: through libevent's HTTP and our own
 * limits, routes and handlers, down to the files of keys. Who is not root changes nothing
 * but its own account's keys.
 */
#include "fuzz.h"

#include <stdlib.h>
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

/* Up to four connections at once, with 0xff between what is sent on them. */
static void talk(struct fuzz_input *input, size_t piece, unsigned turns)
{
	/* A request of HTTP 0.9 gets its answer without a status. */
	bool is_old = input->left && memmem(input->at, input->left, "HTTP/0.", 7);
	struct inside_talk talks[4] = {{NULL}};
	char *parts[4];
	size_t count = 0;

	do {
		parts[count] = fuzz_part(input, &talks[count].length);
		talks[count].bytes = parts[count];
		count++;
	} while (input->left && count < 4);
	inside_talk(talks, count, piece, turns);
	for (size_t i = 0; i < count; i++) {
		if (!turns && !is_old)
			inside_check_answer(&talks[i].answer);
		buffer_free(&talks[i].answer);
		free(parts[i]);
	}
}

/* The first byte says who asks and when he hangs up, the second how many bytes are sent at
 * once. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	uint8_t who = fuzz_byte(&input), piece = fuzz_byte(&input);
	uid_t uid = inside_uid(who);
	bool forwarded = who & 8;

	if (who & 4)
		uid = 1002;
	inside_begin();
	inside_become(uid, forwarded);
	remember();
	talk(&input, piece, who >> 4);
	inside_end();
	for (unsigned i = 0; i < ACCOUNTS; i++) {
		inside_check_file(i, true);
		if (forwarded || (uid != 0 && (inside_uid(i) != uid || uid == 1001)))
			require(is_as_before(i));
	}
	return 0;
}
