/* Would exactly this key get in, and if not, the first reason. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "cli/doctor.h"
#include "cli/doctor_checks.h"
#include "keys/certificate.h"
#include "keys/line.h"
#include "keys/patterns.h"

/* What a line with the key comes to. */
enum verdict { VERDICT_NONE, VERDICT_REFUSED, VERDICT_IN };

struct search {
	enum verdict verdict;
	char why[1024]; /* of the best line so far */
	char *fix;
};

static void refuse(struct search *search, char *fix, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The first reason stays. */
static void refuse(struct search *search, char *fix, const char *format, ...)
{
	va_list arguments;

	if (search->verdict != VERDICT_NONE) {
		free(fix);
		return;
	}
	search->verdict = VERDICT_REFUSED;
	va_start(arguments, format);
	vsnprintf(search->why, sizeof(search->why), format, arguments);
	va_end(arguments);
	search->fix = fix;
}

/* The value of from=, unquoted, into out. */
static bool read_from(const struct key_line *line, char *out, size_t size)
{
	const char *at = line->options_length
				 ? memmem(line->options_text, line->options_length, "from=\"", 6)
				 : NULL;
	const char *end = line->options_text + line->options_length, *close;

	if (!at || !line->options.from)
		return false;
	at += 6;
	close = memchr(at, '"', (size_t)(end - at));
	snprintf(out, size, "%.*s", (int)((close ? close : end) - at), at);
	return true;
}

/* A finding about that line, whose repair would let the key in; NULL if there is none. */
static const struct doctor_finding *finding_of(
	const struct doctor *doctor, const char *path, long number)
{
	char where[4200];
	size_t length;

	snprintf(where, sizeof(where), "%s:%ld: ", path, number);
	length = strlen(where);
	for (size_t i = 0; i < doctor->count; i++)
		if (strncmp(doctor->list[i].message, where, length) == 0)
			return &doctor->list[i];
	return NULL;
}

static bool fits_nobody(const struct doctor *doctor, const char *from)
{
	char item[PATTERN_ITEM_SIZE], repaired[PATTERN_ITEM_SIZE];
	enum pattern_trouble trouble =
		pattern_list_check(from, doctor->rules.use_dns, item, repaired);

	return trouble != PATTERN_FINE && trouble != PATTERN_SOME_NAME;
}

static void judge_line(const struct doctor *doctor, const char *path, long number,
	const struct key_line *line, struct search *search)
{
	const struct doctor_finding *finding = finding_of(doctor, path, number);
	char from[512], when[32];
	char *fix = finding && finding->fix ? strdup(finding->fix) : NULL;

	if (line->kind != KEY_LINE_KEY)
		refuse(search, fix, "%s:%ld: %s", path, number, line->error.message);
	else if (line->options.cert_authority)
		refuse(search, fix,
			"%s:%ld lets in certificates that the key signed, not the key itself", path,
			number);
	else if (key_is_expired(line->options.expires, doctor->now))
		refuse(search, fix, "%s:%ld: the key ended at %s", path, number,
			text_time(when, sizeof(when), line->options.expires));
	else if (read_from(line, from, sizeof(from)) && fits_nobody(doctor, from))
		refuse(search, fix, "%s:%ld: from=\"%s\" fits nobody", path, number, from);
	else if (read_from(line, from, sizeof(from)) && doctor->address && !doctor->rules.use_dns &&
		 !pattern_list_matches(from, doctor->address))
		refuse(search, fix, "%s:%ld: from=\"%s\" does not fit your address, %s", path,
			number, from, doctor->address);
	else if (doctor_is(doctor, "PermitRootLogin", "forced-commands-only") &&
		 doctor->account.uid == 0 && !line->options.command)
		refuse(search, fix, "%s:%ld: sshd lets root in only by keys with command=", path,
			number);
	else {
		free(fix);
		search->verdict = VERDICT_IN;
		snprintf(search->why, sizeof(search->why), "%s:%ld%s%s", path, number,
			read_from(line, from, sizeof(from)) ? ", from " : "",
			line->options.from ? from : "");
	}
}

bool doctor_line_holds(
	const struct doctor *doctor, const struct key_line *line, const char *text, size_t length)
{
	const char *base64 = doctor->key_text ? strchr(doctor->key_text, ' ') : NULL;
	size_t wanted;
	char *plain;
	bool holds;

	if (!base64)
		return false;
	if (line->key.blob && line->key.kind == PUBKEY_CERTIFICATE) {
		plain = certificate_plain_key(&line->key);
		holds = plain && strcmp(plain, doctor->key_text) == 0;
		free(plain);
		return holds;
	}
	/* All keys of a type begin alike; one that is damaged may lack its end. */
	base64++;
	wanted = strlen(base64);
	return memmem(text, length, base64, wanted > 48 ? 48 : wanted) != NULL ||
	       (line->key.blob && pubkey_equal(&line->key, doctor->key));
}

static char *fix_add(const struct doctor *doctor)
{
	return doctor_fix(
		"vastagent addkey --user %s '%s'", doctor->account.name, doctor->key_text);
}

/* A line that holds the key and is no line for it. */
static void judge_remains(const struct doctor *doctor, const char *path, long number,
	const struct key_line *line, struct search *search)
{
	const struct doctor_finding *finding = finding_of(doctor, path, number);

	if (finding)
		refuse(search, finding->fix ? strdup(finding->fix) : NULL, "%s", finding->message);
	else
		refuse(search, fix_add(doctor), "%s:%ld holds the key, but as %s", path, number,
			line->kind == KEY_LINE_COMMENT ? "a comment" : "part of something else");
}

static void search_file(
	const struct doctor *doctor, const struct doctor_file *file, struct search *search)
{
	const char *at = buffer_string(&file->check.content);
	const char *end = at + file->check.content.length;
	struct key_line line;
	long number = 1;
	size_t length;

	for (; at < end && search->verdict != VERDICT_IN; at += length + 1, number++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		length = (size_t)((newline ? newline : end) - at);
		key_line_parse(at, length, &line);
		if (line.key.blob && pubkey_equal(&line.key, doctor->key)) {
			judge_line(doctor, file->path, number, &line, search);
		} else if (line.kind != KEY_LINE_BLANK &&
			   doctor_line_holds(doctor, &line, at, length)) {
			judge_remains(doctor, file->path, number, &line, search);
		}
		key_line_free(&line);
	}
	if (search->verdict == VERDICT_IN && !file->usable) {
		char where[1024];
		snprintf(where, sizeof(where), "%s", search->why);
		search->verdict = VERDICT_NONE;
		refuse(search, NULL, "it stands in %.600s, and sshd does not read that file%s",
			where, file->read ? "; see above" : "");
	}
}

/* What keeps every key out: one thing that does, or that no file is left to read. */
static const struct doctor_finding *first_block(const struct doctor *doctor)
{
	const struct doctor_finding *of_files = NULL;
	bool usable = false;

	for (size_t i = 0; i < doctor->file_count; i++)
		usable = usable || doctor->files[i].usable;
	for (size_t i = 0; i < doctor->count; i++) {
		const struct doctor_finding *found = &doctor->list[i];
		if (found->blocks)
			return found;
		if (!usable && !of_files && found->status == DOCTOR_FAIL &&
			strncmp(found->id, "file.", 5) == 0 &&
			strcmp(found->id, "file.missing") != 0)
			of_files = found;
	}
	return of_files;
}

/* Files that sshd reads come first; a key in one that it does not read is still found. */
static void search_files(const struct doctor *doctor, struct search *search)
{
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < doctor->file_count && search->verdict != VERDICT_IN; i++)
			if (doctor->files[i].usable == (round == 0))
				search_file(doctor, &doctor->files[i], search);
}

void doctor_check_key(struct doctor *doctor)
{
	const struct doctor_finding *block = first_block(doctor);
	struct search search = {0};
	char fingerprint[PUBKEY_FINGERPRINT_SIZE], why[512];
	char *fix;

	if (!doctor->key)
		return;
	pubkey_fingerprint(doctor->key, fingerprint);
	if (block) {
		doctor_add(doctor, DOCTOR_FAIL, "key", block->fix ? strdup(block->fix) : NULL,
			"%s does not get in to %s: %s", fingerprint, doctor->account.name,
			block->message);
		return;
	}
	if (doctor_is_revoked(doctor, doctor->key)) {
		doctor_add(doctor, DOCTOR_FAIL, "key", NULL,
			"%s does not get in to %s: %s names it", fingerprint, doctor->account.name,
			sshd_settings_get(&doctor->settings, "RevokedKeys"));
		return;
	}
	if (doctor_refuses_type(doctor, doctor->key, why, sizeof(why), &fix)) {
		doctor_add(doctor, DOCTOR_FAIL, "key", fix, "%s does not get in to %s: %s",
			fingerprint, doctor->account.name, why);
		return;
	}
	search_files(doctor, &search);
	if (search.verdict == VERDICT_IN) {
		free(search.fix); /* of a line before it */
		doctor_add(doctor, DOCTOR_OK, "key", NULL, "%s gets in to %s by %s", fingerprint,
			doctor->account.name, search.why);
	} else if (search.verdict == VERDICT_REFUSED) {
		doctor_add(doctor, DOCTOR_FAIL, "key", search.fix, "%s does not get in to %s: %s",
			fingerprint, doctor->account.name, search.why);
	} else {
		doctor_add(doctor, DOCTOR_FAIL, "key", fix_add(doctor),
			"%s does not get in to %s: it is in no line of any file that sshd reads",
			fingerprint, doctor->account.name);
	}
}
