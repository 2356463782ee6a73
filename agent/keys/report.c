#include "keys/report.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for one more element of an array. Returns it, or NULL. */
static void *grow(void **array, size_t *count, size_t size)
{
	bool full = (*count & (*count - 1)) == 0; /* it has room for the next power of two */
	void *grown = full ? reallocarray(*array, *count ? *count * 2 : 1, size) : *array;

	if (!grown)
		return NULL;
	*array = grown;
	return memset((char *)grown + size * (*count)++, 0, size);
}

void keys_row_reset(struct keys_row *row, enum keys_row_kind kind)
{
	struct keys_row old = *row;

	buffer_clear(&old.comment);
	buffer_clear(&old.options);
	buffer_clear(&old.name);
	buffer_clear(&old.reason);
	*row = (struct keys_row){.kind = kind,
		.comment = old.comment,
		.options = old.options,
		.name = old.name,
		.reason = old.reason};
}

void keys_row_free(struct keys_row *row)
{
	buffer_free(&row->comment);
	buffer_free(&row->options);
	buffer_free(&row->name);
	buffer_free(&row->reason);
}

struct keys_row *keys_report_row(struct keys_report *report, enum keys_row_kind kind)
{
	struct keys_row *row =
		grow((void **)&report->rows, &report->row_count, sizeof(*report->rows));

	if (row)
		row->kind = kind;
	return row;
}

int keys_report_reject(struct keys_report *report, long line, const struct error *reason)
{
	struct keys_reject *reject =
		grow((void **)&report->rejects, &report->reject_count, sizeof(*report->rejects));

	if (!reject)
		return -1;
	reject->line = line;
	reject->code = reason->code;
	reject->reason = strdup(reason->message);
	return reject->reason ? 0 : -1;
}

int keys_report_event(
	struct keys_report *report, const char *event, const struct pubkey *key, const char *reason)
{
	struct keys_event *added =
		grow((void **)&report->events, &report->event_count, sizeof(*report->events));

	if (!added)
		return -1;
	added->event = event;
	added->reason = reason;
	if (key)
		pubkey_fingerprint(key, added->fingerprint);
	return 0;
}

void keys_report_free(struct keys_report *report)
{
	for (size_t i = 0; i < report->row_count; i++)
		keys_row_free(&report->rows[i]);
	for (size_t i = 0; i < report->reject_count; i++)
		free(report->rejects[i].reason);
	free(report->rows);
	free(report->rejects);
	free(report->events);
	buffer_free(&report->notes);
	buffer_free(&report->bytes);
	*report = (struct keys_report){0};
}
