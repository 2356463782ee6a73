#include "daemon/journal.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "daemon/peer.h"
#include "sys/statefile.h"

#define JOURNAL_LIMIT (1024 * 1024)

static json_t *pack_peer(const struct peer *peer)
{
	if (!peer)
		return json_null();
	return json_pack("{sI sI ss}", "uid", (json_int_t)peer->uid, "pid", (json_int_t)peer->pid,
		"program", peer->program);
}

static void add_line(struct buffer *lines, const char *user, const struct peer *peer,
	const struct keys_event *event)
{
	char when[32], *text = NULL;
	json_t *line = json_pack("{ss ss ss ss ss so}", "time",
		text_time(when, sizeof(when), time(NULL)), "event", event->event, "user", user,
		"fingerprint", event->fingerprint, "reason", event->reason, "by", pack_peer(peer));

	if (line)
		text = json_dumps(line, JSON_COMPACT);
	if (text)
		buffer_add_format(lines, "%s\n", text);
	else
		lines->failed = true;
	free(text);
	json_decref(line);
}

int journal_append(const char *state_dir, const char *user, const struct peer *peer,
	const struct keys_report *report, struct error *error)
{
	struct buffer lines = BUFFER_EMPTY, path = BUFFER_EMPTY;
	int result = 0;

	for (size_t i = 0; i < report->event_count; i++)
		add_line(&lines, user, peer, &report->events[i]);
	buffer_add_format(&path, "%s/events.jsonl", state_dir);
	if (lines.failed || path.failed)
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	else if (lines.length)
		result = statefile_append(path.data, JOURNAL_LIMIT, &lines, error);
	buffer_free(&lines);
	buffer_free(&path);
	return result;
}
