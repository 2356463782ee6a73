#include "keys/lint.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "keys/certificate.h"
#include "keys/lint_add.h"

#define WRAPPED_LINES 24    /* an RSA key of 16384 bits in lines of 120 */
#define OLD_LINE_MAX  16384 /* OpenSSH before 7.8: SSH_MAX_PUBKEY_BYTES */
#define DROPBEAR_LINE 3000  /* dropbear: MAX_AUTHKEYS_LINE */
#define TYPE_MAX      64    /* longer than the name of any type */
#define WORD_BLANKS   " \t"

/* A key that gets in by some line, for comparing. */
struct seen {
	struct pubkey key;
	const struct lint_line *line; /* NULL; the line is gone when they are compared */
	const char *text;             /* of its type and blob, in the file */
	size_t text_length;
	long number;
	unsigned limits; /* enum limit */
};

enum limit { LIMIT_FROM = 1, LIMIT_EXPIRY = 2, LIMIT_COMMAND = 4, LIMIT_OTHER = 8 };

struct run {
	struct lint *lint;
	const struct lint_rules *rules;
	const char *text, *end;
	struct seen *seen;
	size_t seen_count, seen_capacity;
};

static size_t line_length(const char *text, const char *end)
{
	const char *newline = memchr(text, '\n', (size_t)(end - text));

	return (size_t)((newline ? newline : end) - text);
}

/* Whether text would be a line that lets its key in. */
static bool is_key(const char *text, size_t length)
{
	struct key_line line;
	bool good;

	key_line_parse(text, length, &line);
	good = line.kind == KEY_LINE_KEY;
	key_line_free(&line);
	return good;
}

static bool buffer_is_key(const struct buffer *buffer)
{
	return !buffer->failed && is_key(buffer_string(buffer), buffer->length);
}

/* Where a further key begins in the line, behind from; NULL if there is none. */
static const char *find_glued(const struct lint_line *line, const char *from)
{
	const char *end = line->text + line->length;

	for (const char *at = from; at < end; at++) {
		at = memmem(at, (size_t)(end - at), " AAAA", 5);
		if (!at)
			return NULL;
		for (const char *start = at; start > from && at - start < TYPE_MAX; start--)
			if (pubkey_type_is_known(start - 1, (size_t)(at - start + 1)) &&
				is_key(start - 1, (size_t)(end - start + 1)))
				return start - 1;
	}
	return NULL;
}

static bool lint_glued(const struct lint_line *line, const char *from)
{
	const char *second = find_glued(line, from);
	char head[80];
	char *sed;

	/* A key alone has its options before it, and another one a key. */
	if (!second || !memmem(line->text, (size_t)(second - line->text), " AAAA", 5))
		return false;
	/* "TYPE AAAA" is put back with a newline before it. */
	snprintf(head, sizeof(head), "\n%.*s", (int)(strcspn(second, " ") + 5), second);
	sed = lint_sed_replace(line, (size_t)(second - line->text), strlen(head) - 1, "@");
	if (sed) {
		/* In sed's replacement a newline is \n, and & what was found. */
		char *at = strrchr(sed, '@'), *rest = at ? strdup(at + 1) : NULL, *script = NULL;
		if (rest)
			script = lint_sed("%.*s\\n&%s", (int)(at - sed), sed, rest);
		free(rest);
		free(sed);
		sed = script;
	}
	lint_add(line, "glued", true, sed,
		"a second key begins in the middle of the line, at byte %ld: sshd does not see it",
		(long)(second - line->text) + 1);
	return true;
}

static bool lint_quoted(const struct lint_line *line)
{
	size_t start = strspn(line->text, WORD_BLANKS), end = line->length;
	char quote = line->text[start];

	if (quote != '"' && quote != '\'')
		return false;
	while (end > start + 1 && isspace((unsigned char)line->text[end - 1]))
		end--;
	if (end > start + 1 && line->text[end - 1] == quote)
		end--;
	if (!is_key(line->text + start + 1, end - start - 1))
		return false;
	lint_add(line, "quoted", true,
		lint_sed("%lds/^[[:space:]]*%c//;%lds/%c[[:space:]]*$//", line->number, quote,
			line->number, quote),
		"the line is in quotes: sshd does not take it");
	return true;
}

static bool lint_marker(const struct lint_line *line)
{
	if (strncmp(line->text, "@cert-authority", 15) != 0 &&
		strncmp(line->text, "@revoked", 8) != 0)
		return false;
	lint_add(line, "marker", true,
		line->text[1] == 'c'
			? lint_sed("%lds/^@cert-authority/cert-authority/", line->number)
			: lint_sed("%lds/^/#/", line->number),
		"'@cert-authority' and '@revoked' belong into known_hosts: here they let nobody "
		"in");
	return true;
}

static bool lint_certificate(const struct lint_line *line)
{
	char *plain;

	if (line->parsed.key.kind != PUBKEY_CERTIFICATE || !line->parsed.key.blob)
		return false;
	plain = certificate_plain_key(&line->parsed.key);
	lint_add(line, "certificate", true,
		plain ? lint_sed("%ldc\\%s", line->number, plain) : NULL,
		"a certificate lets nobody in by its line: the plain key belongs there");
	free(plain);
	return true;
}

static bool lint_dsa(const struct lint_line *line)
{
	if (line->parsed.key.kind != PUBKEY_DSA || !line->parsed.key.blob)
		return false;
	lint_add(line, "dsa", true, NULL,
		"sshd takes no DSA keys any more; its owner makes a new one: ssh-keygen -t "
		"ed25519");
	return true;
}

/* Blanks behind the commas of the options: "restrict, pty ssh-ed25519 …". */
static bool lint_comma_space(const struct lint_line *line)
{
	struct buffer repaired = BUFFER_EMPTY;
	bool quoted = false, good;
	size_t from = 0, to = 0, i = 0;
	char *sed = NULL;

	for (; i < line->length; i++) {
		char byte = line->text[i];

		buffer_add(&repaired, &byte, 1);
		if (byte == '"' && (i == 0 || line->text[i - 1] != '\\'))
			quoted = !quoted;
		if (byte != ',' || quoted || to)
			continue;
		from = i + 1;
		while (from + to < line->length && strchr(WORD_BLANKS, line->text[from + to]) &&
			line->text[from + to])
			to++;
		i += to;
	}
	good = to && buffer_is_key(&repaired);
	buffer_free(&repaired);
	if (!good)
		return false;
	sed = lint_sed("%lds/,[[:blank:]]*/,/", line->number);
	lint_add(line, "comma-space", true, sed,
		"there is a blank behind a comma of the options: sshd drops the line");
	return true;
}

/* In \\" the quote is escaped: the value does not end there. */
static bool lint_backslash(const struct lint_line *line)
{
	const char *at = memmem(line->text, line->length, "\\\\\"", 3);
	struct buffer repaired = BUFFER_EMPTY;
	size_t offset;
	bool good;

	if (!at)
		return false;
	offset = (size_t)(at - line->text);
	buffer_add(&repaired, line->text, offset);
	buffer_add(&repaired, at + 2, line->length - offset - 2);
	good = buffer_is_key(&repaired);
	buffer_free(&repaired);
	if (!good)
		return false;
	lint_add(line, "backslash-quote", true, lint_sed_replace(line, offset, 3, "\""),
		"a value ends in \\\\\": to sshd that quote is escaped and the value goes on; a "
		"value cannot end in a backslash");
	return true;
}

/* A blob without its type, or with its type in capitals. */
static bool lint_type(const struct lint_line *line)
{
	size_t start = strspn(line->text, WORD_BLANKS);
	size_t length = strcspn(line->text + start, WORD_BLANKS "\r\n");
	struct pubkey key = {0};
	char lower[64];

	if (strncmp(line->text + start, "AAAA", 4) == 0 &&
		pubkey_parse(NULL, 0, line->text + start, length, &key, NULL) == 0) {
		lint_add(line, "no-type", true, lint_sed("%lds/AAAA/%s &/", line->number, key.type),
			"the line begins with the blob: its type, %s, is missing before it",
			key.type);
		pubkey_free(&key);
		return true;
	}
	snprintf(lower, sizeof(lower), "%.*s", (int)length, line->text + start);
	for (char *at = lower; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	if (pubkey_type_is_known(line->text + start, length) ||
		!pubkey_type_is_known(lower, strlen(lower)))
		return false;
	lint_add(line, "type-case", true, lint_sed_replace(line, start, length, lower),
		"the type of a key is written in small letters: %s", lower);
	return true;
}

/* Joins the lines from this one on with between; returns how many make a key, or 0. */
static unsigned count_wrapped(
	const struct run *run, const struct lint_line *line, const char *between, unsigned limit)
{
	struct buffer joined = BUFFER_EMPTY;
	const char *next = line->text + line->length;
	unsigned count = 1, found = 0;

	buffer_add(&joined, line->text, line->length);
	while (!found && count < limit && next < run->end) {
		size_t length;

		next++;
		length = line_length(next, run->end);
		if (joined.length && joined.data[joined.length - 1] == '\r')
			joined.length--;
		buffer_add_string(&joined, between);
		buffer_add(&joined, next, length);
		next += length;
		count++;
		/* What stands alone is not the rest of something. */
		if (is_key(next - length, length))
			break;
		if (buffer_is_key(&joined))
			found = count;
	}
	buffer_free(&joined);
	return found;
}

/* Returns how many further lines belong to the key of this one. */
static unsigned lint_wrapped(const struct run *run, const struct lint_line *line)
{
	bool blank = false;
	unsigned count = count_wrapped(run, line, "", WRAPPED_LINES);
	struct buffer sed = BUFFER_EMPTY;

	if (!count) {
		count = count_wrapped(run, line, " ", 3);
		blank = true;
	}
	if (!count)
		return 0;
	buffer_add_format(&sed, "%ld{", line->number);
	for (unsigned i = 1; i < count; i++)
		buffer_add_string(&sed, "N;");
	buffer_add_format(&sed, "s/\\r*\\n/%s/g}", blank ? " " : "");
	if (sed.failed)
		buffer_free(&sed);
	lint_add(line, "wrapped", true, sed.data,
		"the key is broken into %u lines: sshd reads each line by itself", count);
	return count - 1;
}

/* Carriage returns, or a literal \n, between keys: sshd knows only the newline. */
static bool lint_line_ends(const struct lint_line *line)
{
	const char *cr = memchr(line->text, '\r', line->length);
	const char *escape = memmem(line->text, line->length, "\\n", 2);
	size_t rest;

	if (cr) {
		rest = line->length - (size_t)(cr - line->text) - 1;
		if (rest && (is_key(line->text, (size_t)(cr - line->text)) ||
				    is_key(cr + 1, line_length(cr + 1, cr + 1 + rest)))) {
			lint_add(line, "carriage-return", true,
				lint_sed("%lds/\\r/\\n/g", line->number),
				"lines end in a carriage return alone: for sshd they are all one "
				"line");
			return true;
		}
	}
	if (!escape || !is_key(line->text, (size_t)(escape - line->text)) ||
		is_key(line->text, line->length))
		return false;
	lint_add(line, "escaped-newline", true, lint_sed("%lds/\\\\n/\\n/g", line->number),
		"there is a backslash and an n where a newline was meant");
	return true;
}

static void lint_refused(const struct lint_line *line)
{
	char *sed = lint_sed("%lds/^/#/", line->number);

	lint_add(line, "refused", true, sed, "%s", line->parsed.error.message);
}

/* Returns how many further lines were part of what was found. */
static unsigned lint_invalid(const struct run *run, struct lint_line *line)
{
	size_t start = strspn(line->text, WORD_BLANKS);
	unsigned further;

	if (lint_line_ends(line) || lint_quoted(line) || lint_marker(line) ||
		lint_certificate(line) || lint_dsa(line) || lint_type(line) ||
		lint_glued(line, line->text + start + 1) || lint_comma_space(line) ||
		lint_backslash(line))
		return 0;
	if (line->parsed.key.blob && line->parsed.options_length) {
		if (!lint_options(line))
			lint_refused(line);
		return 0;
	}
	further = lint_wrapped(run, line);
	if (!further)
		lint_refused(line);
	return further;
}

static unsigned limits_of(const struct key_line *parsed)
{
	unsigned limits = 0;
	size_t length = parsed->options_length;

	if (parsed->options.from)
		limits |= LIMIT_FROM;
	if (parsed->options.expires)
		limits |= LIMIT_EXPIRY;
	if (parsed->options.command)
		limits |= LIMIT_COMMAND;
	if (length && (memmem(parsed->options_text, length, "no-", 3) ||
			      memmem(parsed->options_text, length, "restrict", 8)))
		limits |= LIMIT_OTHER;
	return limits;
}

/* Takes the key out of the line. */
static int remember(struct run *run, struct lint_line *line)
{
	struct seen *grown = run->seen;
	const char *key = line->parsed.options_text
				  ? line->parsed.options_text + line->parsed.options_length
				  : line->text;

	if (run->seen_count == run->seen_capacity) {
		run->seen_capacity = run->seen_capacity ? run->seen_capacity * 2 : 64;
		grown = reallocarray(run->seen, run->seen_capacity, sizeof(*grown));
		if (!grown)
			return -1;
		run->seen = grown;
	}
	key += strspn(key, WORD_BLANKS);
	grown[run->seen_count++] = (struct seen){.key = line->parsed.key,
		.text = key,
		.text_length = line->parsed.comment ? (size_t)(line->parsed.comment - key) : 0,
		.number = line->number,
		.limits = limits_of(&line->parsed)};
	line->parsed.key = (struct pubkey){0};
	return 0;
}

/* Characters in a comment that end a line for other readers than sshd. */
static void lint_comment(const struct lint_line *line)
{
	static const struct {
		const char *bytes, *sed, *name;
	} strange[] = {
		{"\v", "\\x0b", "VT"},
		{"\f", "\\x0c", "FF"},
		{"\xc2\x85", "\\xc2\\x85", "NEL"},
		{"\xe2\x80\xa8", "\\xe2\\x80\\xa8", "U+2028"},
		{"\xe2\x80\xa9", "\\xe2\\x80\\xa9", "U+2029"},
	};

	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
		if (memmem(line->parsed.comment, line->parsed.comment_length, strange[i].bytes,
			    strlen(strange[i].bytes)))
			lint_add(line, "comment", false,
				lint_sed("%lds/%s/ /g", line->number, strange[i].sed),
				"the comment holds a %s: sshd reads past it, but scripts take it "
				"for "
				"the end of the line",
				strange[i].name);
}

static int lint_good(struct run *run, struct lint_line *line)
{
	const struct pubkey *key = &line->parsed.key;

	lint_options(line);
	if (key->kind == PUBKEY_RSA && run->rules->rsa_bits && key->bits < run->rules->rsa_bits)
		lint_add(line, "rsa-size", true, NULL,
			"the RSA key has %u bits, and sshd wants %u (RequiredRSASize); its owner "
			"makes a new one: ssh-keygen -t ed25519",
			key->bits, run->rules->rsa_bits);
	if (line->parsed.comment_length) {
		lint_comment(line);
		if (!lint_line_ends(line))
			lint_glued(line, line->parsed.comment);
	}
	return line->parsed.options.cert_authority ? 0 : remember(run, line);
}

/* What is no line for one key: other formats, which go on to their END. Returns how many
 * lines they have, or 0. */
static unsigned lint_other_format(const struct run *run, const struct lint_line *line)
{
	static const struct {
		const char *begin, *form;
	} formats[] = {
		{"---- BEGIN SSH2 PUBLIC KEY", "RFC4716"},
		{"-----BEGIN RSA PUBLIC KEY", "PEM"},
		{"-----BEGIN PUBLIC KEY", "PKCS8"},
	};
	const char *at = line->text, *form = NULL;
	bool secret = memmem(at, line->length, "PRIVATE KEY-----", 16) &&
		      memmem(at, line->length, "-----BEGIN", 10);
	unsigned count = 1;
	size_t length = line->length;
	long last;

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (memmem(at, length, formats[i].begin, strlen(formats[i].begin)))
			form = formats[i].form;
	if (!secret && !form)
		return 0;
	while (at + length < run->end && !(count > 1 && memmem(at, length, "-- END", 6)) &&
		!(count > 1 && memmem(at, length, "--END", 5))) {
		at += length + 1;
		length = line_length(at, run->end);
		count++;
	}
	last = line->number + (long)count - 1;
	if (secret)
		lint_add(line, "private-key", true, lint_sed("%ld,%ldd", line->number, last),
			"this is a PRIVATE key, which lets nobody in here and whose owner should "
			"not use it any more; its public half, which ends in .pub, belongs here");
	else
		lint_add(line, "other-format", true, lint_sed("%ld,%ldd", line->number, last),
			"this is a public key in another form (%s); ssh-keygen -i -m %s turns it "
			"into a line",
			form, form);
	return count;
}

static void lint_length(const struct lint_line *line)
{
	if (line->rules->sshd && line->rules->sshd < 708 && line->length > OLD_LINE_MAX)
		lint_add(line, "long-line", true, NULL,
			"the line has %zu bytes; sshd before 7.8 reads %d", line->length,
			OLD_LINE_MAX);
	if (line->rules->dropbear && line->length > DROPBEAR_LINE)
		lint_add(line, "long-line", true, NULL, "the line has %zu bytes; dropbear reads %d",
			line->length, DROPBEAR_LINE);
}

static bool lint_nul(const struct lint_line *line)
{
	size_t length = strnlen(line->text, line->length);

	if (length == line->length)
		return false;
	lint_add(line, "nul", !is_key(line->text, length),
		lint_sed(is_key(line->text, length) ? "%lds/\\x00.*//" : "%lds/\\x00//g",
			line->number),
		"there is a NUL byte in the line: for sshd the line ends there");
	return true;
}

/* One line. Returns how many further lines were part of it, or -1 if out of memory. */
static int lint_one(struct run *run, struct lint_line *line)
{
	unsigned further = lint_other_format(run, line);
	int result = 0;

	if (further)
		return (int)further - 1;
	key_line_parse(line->text, line->length, &line->parsed);
	if (line->parsed.kind == KEY_LINE_KEY || line->parsed.kind == KEY_LINE_INVALID) {
		lint_length(line);
		if (!lint_nul(line) && line->parsed.kind == KEY_LINE_INVALID)
			result = (int)lint_invalid(run, line);
		else if (line->parsed.kind == KEY_LINE_KEY)
			result = lint_good(run, line);
	}
	key_line_free(&line->parsed);
	return result;
}

static int compare(const void *left, const void *right)
{
	const struct seen *a = left, *b = right;
	int order;

	if (a->key.length != b->key.length)
		return a->key.length < b->key.length ? -1 : 1;
	order = memcmp(a->key.blob, b->key.blob, a->key.length);
	if (order)
		return order;
	return a->number < b->number ? -1 : a->number > b->number;
}

static size_t key_text_length(const struct seen *seen)
{
	size_t length = seen->text_length;

	while (length && isspace((unsigned char)seen->text[length - 1]))
		length--;
	return length;
}

static void lint_pair(struct run *run, const struct seen *first, const struct seen *later)
{
	struct lint_line line = {.lint = run->lint, .rules = run->rules, .number = later->number};
	unsigned conditions = LIMIT_FROM | LIMIT_EXPIRY;

	if ((first->limits & conditions) && (first->limits & ~later->limits)) {
		lint_add(&line, "laxer-copy", false, lint_sed("%ldd", later->number),
			"the same key stands in line %ld with a limit that this line does not "
			"have: "
			"the limit stops nobody",
			first->number);
	} else if (!(first->limits & conditions) && (later->limits & ~first->limits)) {
		line.number = first->number;
		lint_add(&line, "laxer-copy", false, lint_sed("%ldd", first->number),
			"the same key stands in line %ld with limits that this line does not have; "
			"this one comes first, so the limits stop nobody",
			later->number);
	} else if (first->text_length && later->text_length &&
		   (key_text_length(first) != key_text_length(later) ||
			   memcmp(first->text, later->text, key_text_length(first)) != 0)) {
		lint_add(&line, "alias", false, lint_sed("%ldd", later->number),
			"this is the key of line %ld, written in another way: whoever takes one "
			"out "
			"leaves the other",
			first->number);
	}
}

static void lint_copies(struct run *run)
{
	size_t first = 0;

	if (run->seen_count == 0)
		return;
	qsort(run->seen, run->seen_count, sizeof(*run->seen), compare);
	for (size_t i = 1; i < run->seen_count; i++) {
		if (pubkey_equal(&run->seen[first].key, &run->seen[i].key))
			lint_pair(run, &run->seen[first], &run->seen[i]);
		else
			first = i;
	}
}

static int by_line(const void *left, const void *right)
{
	const struct lint_finding *a = left, *b = right;

	return a->line < b->line ? -1 : a->line > b->line;
}

static int lint_lines(struct run *run)
{
	long number = 1;
	int further;

	for (const char *at = run->text; at < run->end; at++, number++) {
		struct lint_line line = {.lint = run->lint,
			.rules = run->rules,
			.text = at,
			.length = line_length(at, run->end),
			.number = number};

		further = lint_one(run, &line);
		if (further < 0)
			return -1;
		at += line.length;
		for (; further > 0; further--, number++)
			at += 1 + line_length(at + 1, run->end);
	}
	return 0;
}

/* Text that is not in bytes as sshd reads them. Returns true if lines make no sense. */
static bool lint_encoding(struct run *run)
{
	struct lint_line line = {.lint = run->lint, .rules = run->rules};
	const unsigned char *bytes = (const unsigned char *)run->text;
	size_t length = (size_t)(run->end - run->text);
	struct lint_finding *found;

	if (length >= 2 && ((bytes[0] == 0xff && bytes[1] == 0xfe) ||
				   (bytes[0] == 0xfe && bytes[1] == 0xff))) {
		found = lint_add(&line, "utf-16", true, NULL,
			"the file is UTF-16 (PowerShell's > and Notepad write that): sshd reads no "
			"line of it");
		if (found)
			found->filter = "iconv -f UTF-16 -t UTF-8";
		return true;
	}
	if (length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
		line.number = 1;
		run->text += 3;
		lint_add(&line, "bom", is_key(run->text, line_length(run->text, run->end)),
			lint_sed("1s/^\\xef\\xbb\\xbf//"),
			"a byte order mark stands before the first line: sshd does not take the "
			"line");
	}
	return false;
}

int lint_file(const char *text, size_t length, const struct lint_rules *rules, struct lint *lint)
{
	/* What is read stays in this copy, which ends in a NUL. */
	char *copy = malloc(length + 1);
	struct run run = {.lint = lint, .rules = rules, .text = copy};

	*lint = (struct lint){0};
	if (!copy)
		return -1;
	memcpy(copy, length ? text : "", length);
	copy[length] = '\0';
	run.end = copy + length;
	if (!lint_encoding(&run)) {
		if (lint_lines(&run) != 0)
			lint->failed = true;
		lint_copies(&run);
	}
	if (lint->count)
		qsort(lint->list, lint->count, sizeof(*lint->list), by_line);
	for (size_t i = 0; i < run.seen_count; i++)
		pubkey_free(&run.seen[i].key);
	free(run.seen);
	free(copy);
	return lint->failed ? -1 : 0;
}

void lint_free(struct lint *lint)
{
	for (size_t i = 0; i < lint->count; i++) {
		free(lint->list[i].message);
		free(lint->list[i].sed);
	}
	free(lint->list);
	*lint = (struct lint){0};
}
