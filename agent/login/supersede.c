#include "login/supersede.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"

#define LINES_UP   5   /* from a block's tmux line to its `if` */
#define DEPTH_MAX  8   /* of nested `if`s that are told apart */
#define PLACES_MAX 100 /* in one call: a file with more is none that the platform wrote */

enum token {
	TOKEN_END,
	TOKEN_NEWLINE,
	TOKEN_WORD,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_SEMICOLON,
	TOKEN_PIPE,
	TOKEN_AMPERSAND,
	TOKEN_OPEN,
	TOKEN_CLOSE,
};

struct span {
	const char *start, *end;
};

/*
 * Reads shell words loosely: quotes, comments and $( ) are known, but each line begins
 * afresh, so that an apostrophe in a here-document cannot turn the rest upside down.
 */
struct scanner {
	struct span rest;
	struct span word;
	bool is_command; /* the next word stands where a command or keyword does */
};

static bool is_word(struct span span, const char *word)
{
	size_t length = strlen(word);

	return (size_t)(span.end - span.start) == length && memcmp(span.start, word, length) == 0;
}

static bool is_one_of(struct span span, const char *const *words)
{
	for (; *words; words++)
		if (is_word(span, *words))
			return true;
	return false;
}

static const char *find(struct span span, const char *text)
{
	return memmem(span.start, (size_t)(span.end - span.start), text, strlen(text));
}

/* The end of a quoted string or $( ) that begins at `at`: its line's end at the latest. */
static const char *skip_quoted(const char *at, const char *end)
{
	char quote = *at++;
	int depth = 1;

	for (; at < end && *at != '\n'; at++) {
		if (*at == '\\' && quote != '\'' && at + 1 < end && at[1] != '\n')
			at++;
		else if (quote == '(' && *at == '(')
			depth++;
		else if (*at == (quote == '(' ? ')' : quote) && --depth == 0)
			return at + 1;
	}
	return at;
}

/* No NUL is any of a set, though it ends the set's text. */
static bool is_any_of(char c, const char *set)
{
	return c && strchr(set, c);
}

static const char *skip_word(const char *at, const char *end)
{
	while (at < end && !is_any_of(*at, " \t\r\n;&|()")) {
		if (*at == '\'' || *at == '"' || *at == '`')
			at = skip_quoted(at, end);
		else if (*at == '$' && at + 1 < end && at[1] == '(')
			at = skip_quoted(at + 1, end);
		else if (*at == '\\' && at + 1 < end)
			at += 2;
		else
			at++;
	}
	return at;
}

static const char *skip_blanks(const char *at, const char *end)
{
	for (;;) {
		while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
			at++;
		if (end - at < 2 || at[0] != '\\' || at[1] != '\n')
			break;
		at += 2;
	}
	if (at < end && *at == '#')
		while (at < end && *at != '\n')
			at++;
	return at;
}

static enum token read_operator(struct scanner *scanner)
{
	const char *at = scanner->rest.start++;
	bool is_double = scanner->rest.start < scanner->rest.end && at[1] == *at;

	switch (*at) {
	case '\n':
		return TOKEN_NEWLINE;
	case ';':
		return TOKEN_SEMICOLON;
	case '(':
		return TOKEN_OPEN;
	case ')':
		return TOKEN_CLOSE;
	default:
		if (is_double)
			scanner->rest.start++;
		if (*at == '&')
			return is_double ? TOKEN_AND : TOKEN_AMPERSAND;
		return is_double ? TOKEN_OR : TOKEN_PIPE;
	}
}

static enum token next_token(struct scanner *scanner)
{
	struct span *rest = &scanner->rest;

	rest->start = skip_blanks(rest->start, rest->end);
	if (rest->start >= rest->end)
		return TOKEN_END;
	if (is_any_of(*rest->start, "\n;&|()"))
		return read_operator(scanner);
	scanner->word.start = rest->start;
	scanner->word.end = rest->start = skip_word(rest->start, rest->end);
	return TOKEN_WORD;
}

/* Sets where the next word stands; to be called after a token was looked at. */
static void move_on(struct scanner *scanner, enum token token)
{
	static const char *const openers[] = {
		"if", "then", "else", "elif", "while", "until", "do", "!", "{", NULL};

	scanner->is_command =
		token != TOKEN_WORD || (scanner->is_command && is_one_of(scanner->word, openers));
}

struct open_if {
	const char *at; /* the word itself */
	bool is_behind_else;
};

struct nesting {
	struct open_if open[DEPTH_MAX];
	size_t depth;
};

static void enter(struct nesting *nesting, struct span word)
{
	static const char *const branches[] = {"else", "elif", NULL};

	if (is_word(word, "if") && nesting->depth < DEPTH_MAX)
		nesting->open[nesting->depth++] = (struct open_if){.at = word.start};
	else if (is_word(word, "fi") && nesting->depth > 0)
		nesting->depth--;
	else if (is_one_of(word, branches) && nesting->depth > 0)
		nesting->open[nesting->depth - 1].is_behind_else = true;
}

/* Which `if`s that begin in the text are still open at its end. */
static void find_open_ifs(struct span text, struct nesting *nesting)
{
	struct scanner scanner = {.rest = text, .is_command = true};
	enum token token;

	nesting->depth = 0;
	while ((token = next_token(&scanner)) != TOKEN_END) {
		if (token == TOKEN_WORD && scanner.is_command)
			enter(nesting, scanner.word);
		move_on(&scanner, token);
	}
}

/* Keeps count of [[ ]] and ( ), inside which operators join nothing of the list. */
static void track_depth(const struct scanner *scanner, enum token token, bool *in_test, int *depth)
{
	if (token == TOKEN_WORD && scanner->is_command && is_word(scanner->word, "[["))
		*in_test = true;
	else if (token == TOKEN_WORD && is_word(scanner->word, "]]"))
		*in_test = false;
	else if (token == TOKEN_OPEN)
		++*depth;
	else if (token == TOKEN_CLOSE)
		--*depth;
}

/*
 * Finds the condition between `if` (text begins behind it) and `then`. Returns true if
 * its commands are joined by && only, so that one more in front is simply one more.
 */
static bool read_condition(struct span text, struct span *condition)
{
	struct scanner scanner = {.rest = text, .is_command = true};
	bool in_test = false, has_ended = false;
	enum token token, last = TOKEN_AND;
	int depth = 0;

	for (; (token = next_token(&scanner)) != TOKEN_END; last = token) {
		track_depth(&scanner, token, &in_test, &depth);
		if (!in_test && depth == 0) {
			if (token == TOKEN_WORD && scanner.is_command &&
				is_word(scanner.word, "then")) {
				*condition = (struct span){text.start, scanner.word.start};
				return true;
			}
			if (token == TOKEN_OR || token == TOKEN_AMPERSAND ||
				(token == TOKEN_WORD && has_ended))
				return false;
			has_ended = has_ended || token == TOKEN_SEMICOLON ||
				    (token == TOKEN_NEWLINE && last != TOKEN_AND);
		}
		move_on(&scanner, token);
		/* [[ a && b ]]: what follows its operators is no command. */
		scanner.is_command = scanner.is_command && !in_test;
	}
	return false;
}

static bool is_name_character(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* The word tmux, not as a part of another name such as ssh_tmux. NULL: not there. */
static const char *find_tmux(struct span line)
{
	struct span rest = line;
	const char *at;

	for (; (at = find(rest, "tmux")); rest.start = at + 1)
		if ((at == line.start || !is_name_character(at[-1])) &&
			(at + 4 == line.end || !is_name_character(at[4])))
			return at;
	return NULL;
}

/* Cuts a comment off the line. */
static struct span code_of(struct span line)
{
	struct scanner scanner = {.rest = line};
	struct span code = {line.start, line.start};

	while (next_token(&scanner) != TOKEN_END)
		code.end = scanner.rest.start;
	return code;
}

/* Where a line of a block runs tmux; NULL if the line is of no block. */
static const char *find_mention(struct span line)
{
	struct scanner scanner = {.rest = line};
	struct span code;

	if (!find(line, "ssh_tmux"))
		return NULL;
	if (next_token(&scanner) == TOKEN_WORD && is_word(scanner.word, "alias"))
		return NULL;
	code = code_of(line);
	return find(code, "ssh_tmux") ? find_tmux(code) : NULL;
}

static bool is_guard(struct span condition)
{
	return find(condition, "TMUX") || find(condition, "SSH_") ||
	       find(condition, "no_auto_tmux");
}

static const char *go_up(struct span text, const char *at, int lines)
{
	while (at > text.start) {
		if (at[-1] == '\n' && lines-- == 0)
			break;
		at--;
	}
	return at;
}

/*
 * The `if` that decides about the block: the outermost one near that asks for SSH or
 * tmux, since `exit` may stand in it behind an inner one; else the innermost.
 * Returns where its condition begins, or NULL if none can be changed soundly.
 */
static const char *find_place(struct span text, const char *mention)
{
	struct nesting nesting;
	struct span condition;
	const struct open_if *chosen;
	const char *line_end = memchr(mention, '\n', (size_t)(text.end - mention));
	bool is_sound = false;

	line_end = line_end ? line_end : text.end;
	find_open_ifs((struct span){go_up(text, mention, LINES_UP), mention}, &nesting);
	if (nesting.depth == 0)
		return NULL;
	for (size_t i = 0; i < nesting.depth; i++) {
		chosen = &nesting.open[i];
		/* Up to the block at least, so that an unsound condition is seen, too. */
		condition = (struct span){chosen->at + 2, mention};
		is_sound = read_condition((struct span){chosen->at + 2, line_end}, &condition);
		if (is_guard(condition))
			break;
	}
	/* Only a blank may follow: `if(` or a continued line is left alone. */
	if (!is_sound || chosen->is_behind_else || (chosen->at[2] != ' ' && chosen->at[2] != '\t'))
		return NULL;
	while (condition.start < mention && (*condition.start == ' ' || *condition.start == '\t'))
		condition.start++;
	return condition.start;
}

static bool begins_with(const char *at, const char *end, const char *text)
{
	size_t length = strlen(text);

	return (size_t)(end - at) >= length && memcmp(at, text, length) == 0;
}

/* The first place that lacks the condition, or NULL; counts blocks without a place. */
static const char *find_missing(struct span text, const char *guard, size_t *left_alone)
{
	struct span line = {text.start, text.start};
	const char *mention, *place;

	*left_alone = 0;
	for (; line.start < text.end; line.start = line.end + 1) {
		line.end = memchr(line.start, '\n', (size_t)(text.end - line.start));
		if (!line.end)
			line.end = text.end;
		mention = find_mention(line);
		if (!mention)
			continue;
		place = find_place(text, mention);
		if (!place)
			++*left_alone;
		else if (!begins_with(place, text.end, guard))
			return place;
	}
	return NULL;
}

/* The condition's text. Returns 0, or -1 if the path is not plain. */
static int write_guard(char *out, size_t size, const char *binary)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._+-";
	int length;

	if (*binary != '/' || binary[strspn(binary, plain)])
		return -1;
	length = snprintf(out, size, "[ ! -x %s ] && ", binary);
	return length > 0 && (size_t)length < size ? 0 : -1;
}

static int insert_at(struct buffer *text, size_t offset, const char *guard)
{
	size_t length = strlen(guard);
	char *end = buffer_reserve(text, length);

	if (!end)
		return -1;
	memmove(text->data + offset + length, text->data + offset, text->length - offset);
	memcpy(text->data + offset, guard, length);
	text->length += length;
	text->data[text->length] = '\0';
	return 0;
}

enum supersede_outcome supersede_insert(
	const char *text, size_t length, const char *binary, struct buffer *out)
{
	enum supersede_outcome outcome = SUPERSEDE_NOTHING;
	struct span span = {text, text + length};
	size_t left_alone = 0, places = 0;
	const char *place;
	char guard[512];

	if (write_guard(guard, sizeof(guard), binary) != 0)
		return SUPERSEDE_FAILED;
	while (places++ < PLACES_MAX && (place = find_missing(span, guard, &left_alone))) {
		if (outcome == SUPERSEDE_NOTHING && buffer_add(out, text, length) != 0)
			return SUPERSEDE_FAILED;
		outcome = SUPERSEDE_CHANGED;
		if (insert_at(out, (size_t)(place - span.start), guard) != 0)
			return SUPERSEDE_FAILED;
		span = (struct span){out->data, out->data + out->length};
	}
	if (outcome == SUPERSEDE_NOTHING && left_alone > 0)
		return SUPERSEDE_LEFT_ALONE;
	return outcome;
}

/* True if the text up to here ends in a word `if` and blanks. */
static bool follows_if(const char *start, const char *at)
{
	const char *end = at;

	while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return end < at && end - start >= 2 && end[-1] == 'f' && end[-2] == 'i' &&
	       (end - start == 2 || !is_name_character(end[-3]));
}

enum supersede_outcome supersede_remove(
	const char *text, size_t length, const char *binary, struct buffer *out)
{
	struct span rest = {text, text + length};
	const char *copied = text, *at;
	char guard[512];

	if (write_guard(guard, sizeof(guard), binary) != 0)
		return SUPERSEDE_FAILED;
	while (length > 0 && (at = find(rest, guard))) {
		rest.start = at + strlen(guard);
		if (!follows_if(text, at))
			continue;
		buffer_add(out, copied, (size_t)(at - copied));
		copied = rest.start;
	}
	if (copied == text)
		return SUPERSEDE_NOTHING;
	buffer_add(out, copied, (size_t)(rest.end - copied));
	return out->failed ? SUPERSEDE_FAILED : SUPERSEDE_CHANGED;
}
