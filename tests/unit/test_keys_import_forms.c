/* Every form of a key that people paste, made by the programs that make them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "keys/import.h"
#include "keys/import_private.h"
#include "test_import_fixtures.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* "type base64 [options] comment\n" a key, "!LINE sentence\n" a refused line. */
static char *describe(const struct import *import)
{
	struct buffer out = BUFFER_EMPTY;

	for (size_t i = 0; i < import->key_count; i++) {
		const struct import_key *key = &import->keys[i];
		char *base64 = pubkey_base64(&key->key);

		buffer_add_format(&out, "%s%s%s %s%s%s\n", key->options, *key->options ? " " : "",
			key->key.type, base64, *key->comment ? " " : "", key->comment);
		free(base64);
	}
	for (size_t i = 0; i < import->reject_count; i++)
		buffer_add_format(&out, "!%ld %s\n", import->rejects[i].line,
			import->rejects[i].error.message);
	buffer_add_string(&out, "");
	return out.data;
}

static void check_bytes(
	const char *text, size_t length, bool separators, const char *wanted, const char *note)
{
	char *copy = malloc(length ? length : 1), *got;
	struct import import;
	struct error error = {0};

	/* No byte behind the text is there to be read. */
	assert_non_null(copy);
	memcpy(copy, text, length);
	if (import_parse(copy, length, separators, &import, &error) != 0)
		fail_msg("%.*s: %s", (int)length, text, error.message);
	got = describe(&import);
	assert_string_equal(got, wanted);
	if (!strstr(buffer_string(&import.notes), note))
		fail_msg("%.*s: '%s' is not in '%s'", (int)length, text, note,
			buffer_string(&import.notes));
	free(got);
	import_free(&import);
	free(copy);
}

static void check_text(const char *text, const char *wanted, const char *note)
{
	check_bytes(text, strlen(text), false, wanted, note);
}

/* What is refused by its line, and how the sentence goes. */
static void check_refused(const char *text, long line, const char *sentence)
{
	struct import import;
	struct error error = {0};
	bool said = false;

	if (import_parse(text, strlen(text), false, &import, &error) != 0)
		fail_msg("%s: %s", text, error.message);
	for (size_t i = 0; i < import.reject_count; i++)
		said |= import.rejects[i].line == line &&
			strstr(import.rejects[i].error.message, sentence) != NULL;
	if (!said)
		fail_msg("%s: line %ld '%s', not '%s'", text,
			import.reject_count ? import.rejects[0].line : 0,
			import.reject_count ? import.rejects[0].error.message : "taken", sentence);
	import_free(&import);
}

static void pem_public_keys(void **state)
{
	(void)state;
	check_text(PEM_RSA, LINE_RSA "\n", "line 1: the key was read from PEM\n");
	check_text(PEM_P256, LINE_P256 "\n", "PEM");
	check_text(PEM_P384, LINE_P384 "\n", "PEM");
	check_text(PEM_P521, LINE_P521 "\n", "PEM");
	check_text(PEM_ED25519, LINE_ED25519_OPENSSL "\n", "PEM");
	check_text(PKCS1_RSA, LINE_RSA "\n", "PEM");
	check_text("# mine\n\n" PEM_P256 LINE_ED25519 " a\n" PKCS1_RSA,
		LINE_P256 "\n" LINE_ED25519 " a\n" LINE_RSA "\n", "line 3: the key was read");
}

#define ED25519_BODY "MCowBQYDK2VwAyEA/J40oyGEnuM8F4CfCBNPRv5N/qmxOO8t8AKikBsXnGo="
#define PEM_BEGIN    "-----BEGIN PUBLIC KEY-----"
#define PEM_END      "-----END PUBLIC KEY-----"

static void pem_on_one_line(void **state)
{
	static const char key[] = LINE_ED25519_OPENSSL "\n";
	static const char *const texts[] = {PEM_BEGIN "\\n" ED25519_BODY "\\n" PEM_END "\\n",
		PEM_BEGIN "\\r\\n" ED25519_BODY "\\r\\n" PEM_END,
		"\"" PEM_BEGIN "\\n" ED25519_BODY "\\n" PEM_END "\\n\"",
		"  \"" PEM_BEGIN "\\n" ED25519_BODY "\\n" PEM_END "\\n\",\n",
		"'" PEM_BEGIN "\n" ED25519_BODY "\n" PEM_END "\n'\n",
		"\xe2\x80\x9c" PEM_BEGIN "\n" ED25519_BODY "\n" PEM_END "\xe2\x80\x9d",
		PEM_BEGIN " " ED25519_BODY " " PEM_END,
		"\t" PEM_BEGIN "\r\n" ED25519_BODY "\r\n" PEM_END "\r\n"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		check_text(texts[i], key, "PEM");
		check_bytes(texts[i], strlen(texts[i]), true, key, "PEM");
	}
	check_bytes(LINE_P256 " a;" PEM_BEGIN "\\n" ED25519_BODY "\\n" PEM_END ";" LINE_P384,
		strlen(LINE_P256 " a;" PEM_BEGIN "\\n" ED25519_BODY "\\n" PEM_END ";" LINE_P384),
		true, LINE_P256 " a\n" LINE_ED25519_OPENSSL "\n" LINE_P384 "\n", "PEM");
}

static void pem_that_is_no_key_for_sshd(void **state)
{
	(void)state;
	check_refused(PEM_SECP256K1, 1, "curve that sshd does not take");
	check_refused(PEM_X25519, 1, "of a kind that sshd does not take");
	check_refused(PEM_COMPRESSED, 1, "compressed");
	check_refused(PEM_EXPLICIT, 1, "does not name its curve");
	check_refused(PEM_BEGIN "\nMCow\n", 1, "no END line");
	check_refused("\n" PEM_BEGIN "\nMCow\n" PEM_END "\n", 2, "do not add up");
	check_refused(PEM_BEGIN "\nMC-w\n" PEM_END "\n", 1, "damaged or cut off");
	check_refused(PEM_BEGIN "\nMCowBQYDK2VwAyEA\n" PEM_END, 1, "do not add up");
	check_refused("-----BEGIN PUBLIC KEY\nMCow\n" PEM_END, 1, "BEGIN line");
	check_refused("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", 1, "x509");
	check_refused("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQIN\n"
		      "-----END PGP PUBLIC KEY BLOCK-----\n",
		1, "gpg --export-ssh-key");
	check_refused(PEM_END "\n", 1, "no BEGIN line");
	check_refused(ED25519_BODY, 1, "inside of a PEM file");
	check_refused(PEM_ED25519 LINE_P256 "\n" PEM_BEGIN "\n", 5, "no END line");
}

static void rfc4716_keys(void **state)
{
	(void)state;
	check_text(RFC4716_PUTTYGEN, LINE_ED25519 " made for ed25519\n",
		"line 1: the key was read from the form of RFC 4716");
	check_text(RFC4716_RSA, LINE_RSA " 2048-bit RSA, converted by root@vm from OpenSSH\n", "");
	check_text("---- BEGIN SSH2 PUBLIC KEY ----\r\nSubject: me\r\nComment: \"a "
		   "\\\r\nb\\\r\nc\"\r\n"
		   "x-command: /bin/sh\\\r\n -c true\r\n"
		   "AAAAC3NzaC1lZDI1NTE5AAAAIDCKGFoQrn5dYKHuLiMrPvQe5o4LIWv7cYSW2QkK\r\n"
		   "ZQTy\r\n---- END SSH2 PUBLIC KEY ----\r\n",
		LINE_ED25519 " a bc\n", "RFC 4716");
	check_text(RFC4716_PUTTYGEN "\n" RFC4716_RSA LINE_P256 "\n",
		LINE_ED25519 " made for ed25519\n" LINE_RSA
			     " 2048-bit RSA, converted by root@vm from OpenSSH\n" LINE_P256 "\n",
		"");
	check_refused("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n", 1, "no END line");
	check_refused(
		"---- BEGIN SSH2 PUBLIC KEY ---- Comment: x AAAA ---- END SSH2 PUBLIC KEY ----", 1,
		"joined into one");
	check_refused("---- BEGIN SSH2 PUBLIC KEY ----\n---- END SSH2 PUBLIC KEY ----\n", 1,
		"no key between");
	check_refused("---- BEGIN SSH2 PUBLIC KEY ----\nAA AA\n---- END SSH2 PUBLIC KEY ----\n", 1,
		"not base64");
	check_refused("---- BEGIN SSH2 PUBLIC KEY ----\nAAAAC3NzaC1lZDI1NTE5AAAAIDCKGFoQrn5dYKHu\n"
		      "---- END SSH2 PUBLIC KEY ----\n",
		1, "cut off: 30 of 51 bytes");
}

static void check_putty(const char *text, const char *wanted)
{
	check_text(text, wanted, "only its public part was used");
	check_text(text, wanted, "line 1: the public key was taken out of a PuTTY file");
}

static void the_public_part_of_putty_files(void **state)
{
	(void)state;
	check_putty(PUTTY_2_RSA, LINE_RSA " made for rsab2048\n");
	check_putty(PUTTY_3_ED25519, LINE_ED25519 " made for ed25519\n");
	check_putty(PUTTY_3_ENCRYPTED, LINE_ED25519 " made for ed25519\n");
	check_putty(PUTTY_3_P256 "\n" LINE_P384 " b\n",
		LINE_P256 " made for ecdsab256\n" LINE_P384 " b\n");
	check_text("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: c\n"
		   "Public-Lines: "
		   "2\nAAAAC3NzaC1lZDI1NTE5AAAAIDCKGFoQrn5dYKHuLiMrPvQe5o4LIWv7cYSW2QkK\n"
		   "ZQTy\n",
		LINE_ED25519 " c\n", "taken out of a PuTTY file");
	check_refused("PuTTY-User-Key-File-1: ssh-rsa\n", 1, "version");
	check_refused("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: c\n"
		      "Public-Lines: 2\nAAAAC3NzaC1lZDI1NTE5AAAAIDCKGFoQrn5dYKHuLiMr\n",
		1, "damaged or cut off");
}

/* Not a byte of what is behind the public lines is left, and lines keep their numbers. */
static void the_private_part_is_cut_out(void **state)
{
	static const char *const files[] = {
		PUTTY_2_RSA, PUTTY_3_ED25519, PUTTY_3_ENCRYPTED, PUTTY_3_P256};

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		char *text = strdup(files[i]);
		const char *derivation = strstr(files[i], "Key-Derivation:");
		const char *secret = derivation ? derivation : strstr(files[i], "Private-Lines:");
		size_t kept = (size_t)(secret - files[i]);

		assert_int_equal(import_private_cut(text, strlen(text)), 1);
		assert_memory_equal(text, files[i], kept);
		for (size_t at = 0; files[i][at]; at++)
			assert_int_equal(text[at] == '\n', files[i][at] == '\n');
		assert_int_equal(strspn(text + kept, " \n"), strlen(text + kept));
		free(text);
	}
}

/* A count that lies must not leave lines of the secret behind. */
static void a_putty_file_that_is_not_whole_is_a_private_key(void **state)
{
	static const char *const changes[][2] = {{"Private-Lines: 14", "Private-Lines: 13"},
		{"Private-Lines: 14", "Private-Lines: 0"},
		{"Private-Lines: 14", "Private-Lines: 15"}, {"Private-MAC: 4", "Private-MAC: x"},
		{"Public-Lines: 6", "Public-Lines: 5"}, {"Public-Lines: 6", "Public-Lines: 7"},
		{"Encryption", "Encoding__"}, {"File-2", "File-1"},
		{"Private-MAC:", "Private-Mac:"}};

	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		char *text = strdup(PUTTY_2_RSA), *at = strstr(text, changes[i][0]);
		struct import import;
		struct error error = {0};

		assert_non_null(at);
		memcpy(at, changes[i][1], strlen(changes[i][1]));
		/* The last digit is what was longer in the original. */
		if (strlen(changes[i][1]) < strlen(changes[i][0]))
			at[strlen(changes[i][1])] = ' ';
		assert_int_equal(import_private_cut(text, strlen(text)), 0);
		assert_int_equal(import_parse(text, strlen(text), false, &import, &error), -1);
		assert_int_equal(error.code, ERROR_PRIVATE_KEY);
		assert_non_null(strstr(error.message, "PuTTYgen"));
		import_free(&import);
		free(text);
	}
}

static char *widen(const char *text, bool big, bool mark, size_t *length)
{
	size_t size = strlen(text), at = 0;
	char *out = malloc(size * 2 + 2);

	assert_non_null(out);
	if (mark) {
		memcpy(out, big ? "\xfe\xff" : "\xff\xfe", 2);
		at = 2;
	}
	for (size_t i = 0; i < size; i++) {
		out[at + (big ? 1 : 0)] = text[i];
		out[at + (big ? 0 : 1)] = '\0';
		at += 2;
	}
	*length = at;
	return out;
}

static void utf16_is_read(void **state)
{
	static const char text[] = LINE_ED25519 " a\r\n" LINE_P256 " b\r\n";
	static const char wanted[] = LINE_ED25519 " a\n" LINE_P256 " b\n";

	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		size_t length;
		char *wide = widen(text, kind & 1, kind & 2, &length);

		check_bytes(wide, length, kind & 1, wanted, "the text was UTF-16");
		free(wide);
	}
}

static void utf16_beyond_ascii(void **state)
{
	size_t length;
	char *wide = widen(LINE_ED25519 " xxxx", false, true, &length);

	(void)state;
	/* U+65E5, a pair for U+1F511, half a pair. */
	memcpy(wide + length - 8, "\xe5\x65\x3d\xd8\x11\xdd\x3d\xd8", 8);
	check_bytes(wide, length, false, LINE_ED25519 " \xe6\x97\xa5\xf0\x9f\x94\x91?\n", "UTF-16");
	/* A line separator of Unicode starts no line. */
	memcpy(wide + length - 8, "\x28\x20\x85\0\x0d\0\x41\0", 8);
	check_bytes(
		wide, length, false, LINE_ED25519 " \\xe2\\x80\\xa8\\xc2\\x85\\x0dA\n", "UTF-16");
	free(wide);
}

static void a_utf16_file_with_a_private_key(void **state)
{
	static const char *const texts[] = {PRIVATE_OPENSSH, PRIVATE_RSA, PRIVATE_PKCS8};

	(void)state;
	for (size_t i = 0; i < COUNT(texts) * 4; i++) {
		struct import import;
		struct error error = {0};
		size_t length;
		char *wide = widen(texts[i / 4], i & 1, i & 2, &length);

		assert_int_equal(import_parse(wide, length, false, &import, &error), -1);
		assert_int_equal(error.code, ERROR_PRIVATE_KEY);
		import_free(&import);
		free(wide);
	}
}

static void line_ends(void **state)
{
	static const char wanted[] = LINE_ED25519 " a\n" LINE_P256 " b\n";

	(void)state;
	check_text(LINE_ED25519 " a\r" LINE_P256 " b\r", wanted, "ended in CR");
	check_text("# mine\r\r" LINE_ED25519 " a\r" LINE_P256 " b", wanted, "ended in CR");
	check_text(LINE_ED25519 " a\r\r\n" LINE_P256 " b\r\r\n", wanted, "");
	check_text(PEM_BEGIN "\r" ED25519_BODY "\r" PEM_END "\r", LINE_ED25519_OPENSSL "\n",
		"ended in CR");
	check_text("\xef\xbb\xbf" LINE_ED25519 " a\n\xef\xbb\xbf" LINE_P256 " b\n", wanted,
		"line 2: the byte order mark");
	/* With another line end in the text a CR is a byte of the comment. */
	check_text(LINE_ED25519 " a\r" LINE_P256 " b\n", LINE_ED25519 " a\\x0d" LINE_P256 " b\n",
		"escaped");
	check_text(LINE_ED25519 " a\rb", LINE_ED25519 " a\\x0db\n", "escaped");
}

static void quotes(void **state)
{
	static const char *const texts[] = {"'" LINE_ED25519 " a'", "\"" LINE_ED25519 " a\"\r\n",
		"\xe2\x80\x9c" LINE_ED25519 " a\xe2\x80\x9d", "`" LINE_ED25519 " a`",
		"\xe2\x80\x98" LINE_ED25519 " a\xe2\x80\x99",
		"\xe2\x80\x9e" LINE_ED25519 " a\xe2\x80\x9c", "\"'" LINE_ED25519 " a'\"",
		"\n\"\n" LINE_ED25519 " a\n\"\n"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		check_text(texts[i], LINE_ED25519 " a\n", "were taken off");
	check_text("'" LINE_ED25519 " a\n" LINE_P256 " b'\n", LINE_ED25519 " a\n" LINE_P256 " b\n",
		"line 1: the quotes around the text");
	check_refused("'" LINE_ED25519 " a\n" LINE_P256 " b\n", 1, "in quotes");
	check_text("ssh-ed25519\xc2\xa0"
		   "AAAAC3NzaC1lZDI1NTE5AAAAIDCKGFoQrn5dYKHuLiMrPvQe5o4LIWv7"
		   "cYSW2QkKZQTy\xc2\xa0me",
		LINE_ED25519 " me\n", "spaces of another kind");
}

static const char blob[] = "AAAAC3NzaC1lZDI1NTE5AAAAIDCKGFoQrn5dYKHuLiMrPvQe5o4LIWv7cYSW2QkKZQTy";

/* The line in pieces of this many characters. */
static char *wrap(const char *line, size_t width, const char *end)
{
	struct buffer out = BUFFER_EMPTY;
	size_t length = strlen(line);

	for (size_t at = 0; at < length; at += width) {
		buffer_add(&out, line + at, length - at < width ? length - at : width);
		buffer_add_string(&out, at + width < length ? end : "");
	}
	return out.data;
}

static void a_key_that_a_terminal_wrapped(void **state)
{
	static const char *const lines[] = {LINE_RSA, LINE_P521, LINE_ED25519, LINE_P256};
	static const char *const ends[] = {"\n", "\r\n", " \n", "\n  "};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++)
		for (size_t width = 25; width < 140; width++) {
			char *text = wrap(lines[i], width, ends[width % 4]), wanted[1024];

			if (strchr(text, '\n')) {
				snprintf(wanted, sizeof(wanted), "%s\n", lines[i]);
				check_text(text, wanted, "lines, which were joined");
			}
			free(text);
		}
}

static void wrapped_keys_among_others(void **state)
{
	char text[1024], wanted[1024];

	(void)state;
	snprintf(text, sizeof(text), "%s x\n# c\nrestrict ssh-ed25519 %.40s\n%s me\n%s\n",
		LINE_P256, blob, blob + 40, LINE_P384);
	check_text(text, LINE_P256 " x\nrestrict " LINE_ED25519 " me\n" LINE_P384 "\n",
		"line 3: the key was broken over 2 lines");
	snprintf(text, sizeof(text), "%.40s\n%s me\n", blob, blob + 40);
	check_text(text, LINE_ED25519 " me\n", "broken over 2 lines");
	snprintf(text, sizeof(text), "ssh-ed25519\n%s me\n", blob);
	check_text(text, LINE_ED25519 " me\n", "broken over 2 lines");
	snprintf(text, sizeof(text), "ssh-ed25519 %.30s %s me\n", blob, blob + 30);
	check_text(text, LINE_ED25519 " me\n", "spaces inside the key");
	snprintf(
		text, sizeof(text), "'ssh-ed25519 %.30s\n%s me'\n%s\n", blob, blob + 30, LINE_P384);
	check_refused(text, 1, "quotes");
	snprintf(text, sizeof(text), "x\n'ssh-ed25519 %.30s %s me'", blob, blob + 30);
	check_refused(text, 1, "no key");
	snprintf(wanted, sizeof(wanted), "ssh-ed25519 %.40s\n\n%s\n", blob, blob + 40);
	check_refused(wanted, 1, "cut off: 30 of 51");
}

/* What is no piece of the key must not become one. */
static void nothing_else_is_joined(void **state)
{
	char text[1024];

	(void)state;
	/* The comment has as many characters as the key lacks. */
	snprintf(text, sizeof(text), "ssh-ed25519 %.63s alice\n", blob);
	check_refused(text, 1, "cut off");
	snprintf(text, sizeof(text), "ssh-ed25519 %.40s\n%s\n", blob, blob);
	check_refused(text, 1, "cut off: 30 of 51");
	snprintf(text, sizeof(text), "ssh-ed25519 %.40s\nssh-ed25519 %s\n", blob, blob);
	check_refused(text, 1, "cut off: 30 of 51");
	snprintf(text, sizeof(text), "ssh-ed25519 %.40s\n# %s\n", blob, blob + 40);
	check_refused(text, 1, "cut off: 30 of 51");
	/* Whole already: what follows is a line of its own. */
	check_refused(LINE_ED25519 "\nAAAA\n", 2, "");
	snprintf(text, sizeof(text), "ssh-rsa\n%s\n", blob);
	check_refused(text, 1, "no key behind 'ssh-rsa'");
	/* The joined numbers are no point of the curve. */
	snprintf(text, sizeof(text), "ssh-ed25519 %.60s\nQkKZQTA\n", blob);
	check_refused(text, 1, "cut off");
}

static void damage_as_on_real_pages(void **state)
{
	(void)state;
	check_refused("ssh-ed25519 AAAAC3NzaC1lZ9DdI1NTE5AAAAIDCKGFoQrn5dYKHuLiMrPvQe5o4LIWv7cYSW2"
		      "QkKZQTy",
		1, "inside but 'ssh-ed25519' outside");
	check_refused("ssh-rsa AAAAB3NzaC1yc2E... me@laptop", 1, "shortened");
	check_refused("ssh-rsa AAAAB3NzaC1yc2E\xe2\x80\xa6 me@laptop", 1, "shortened");
	check_refused("256 SHA256:WR9q816Cl2qT4Mx0Nc75OS23v0k4a5TTA0QZumMsW9o me (ED25519)", 1,
		"fingerprint");
	check_refused("~/.ssh/id_ed25519.pub", 1, "name of a file");
	check_refused("https://github.com/alice.keys", 1, "curl");
	check_refused("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", 1, "age");
}

/* https://github.com/NAME.keys: no comments, several kinds, the end of a file. */
static void what_github_prints(void **state)
{
	static const char text[] = LINE_ED25519 "\n" LINE_RSA "\n" LINE_P256 "\n" LINE_P521 "\n";

	(void)state;
	check_text(text, text, "");
}

static void the_same_key_in_two_forms(void **state)
{
	(void)state;
	check_text(LINE_RSA " a\n" PEM_RSA, LINE_RSA " a\n", "line 2: the same key as in line 1");
	check_refused(
		"restrict " LINE_RSA " a\n" PEM_RSA, 2, "the same key as in line 1, with other");
	check_refused(
		LINE_RSA " a\nrestrict " LINE_RSA, 2, "the same key as in line 1, with other");
}

/* No form lets a byte of its comment start a line. */
static void comments_of_forms_are_escaped(void **state)
{
	(void)state;
	check_text("---- BEGIN SSH2 PUBLIC KEY ----\nComment: a\v\f\x1c\x1d\x1e\xc2\x85\xe2\x80\xa8"
		   "\xe2\x80\xa9\rssh-ed25519 b\\\n\\\n" LINE_P256 "\n"
		   "AAAAC3NzaC1lZDI1NTE5AAAAIDCKGFoQrn5dYKHuLiMrPvQe5o4LIWv7cYSW2QkK\nZQTy\n"
		   "---- END SSH2 PUBLIC KEY ----\n",
		LINE_ED25519 " a\\x0b\\x0c\\x1c\\x1d\\x1e\\xc2\\x85\\xe2\\x80\\xa8\\xe2\\x80\\xa9"
			     "\\x0dssh-ed25519 b" LINE_P256 "\n",
		"escaped");
	check_text(LINE_ED25519 " -----BEGIN \\n" LINE_P256,
		LINE_ED25519 " -----BEGIN \\n" LINE_P256 "\n", "");
}

static void every_private_key_is_refused(void **state)
{
	static const char *const texts[] = {PRIVATE_OPENSSH, PRIVATE_PKCS8, PRIVATE_PKCS8_ENCRYPTED,
		PRIVATE_RSA, PRIVATE_EC, PRIVATE_DSA, "AGE-SECRET-KEY-1QQQQQQ",
		"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nP2/56w\n",
		"SSH PRIVATE KEY FILE FORMAT 1.1\n", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
		"\xe2\x80\x94\xe2\x80\x94"
		"BEGIN RSA PRIVATE KEY\xe2\x80\x94\xe2\x80\x94\n",
		"-----begin openssh private key-----\n", "b3BlbnNz aC1r\nZXktdjEAAAAA",
		/* Bodies without their headers, plain and encrypted. */
		"MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF",
		"'MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF'",
		"MIIEowIBAAKCAQEAokuDLeaXRragN+6MxEQaNYGWvQ4006CV70rfPo/L/Vi1M5n7zNdh",
		"MHcCAQEEIIlCBzYAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"MIICxjBABgkqhkiG9w0BBQ0wMzAbBgkqhkiG9w0BBQwwDgQI",
		/* base64 of a PEM file */
		"LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZLS0tLS0KYjNCbGJuTnphQzFy",
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"nWGx\",\"x\":\"11qY\"}",
		"Private-Key: (1024 bit, 2 primes)\nmodulus:\n"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts) * 2; i++) {
		char text[8192];
		struct import import;
		struct error error = {0};

		/* Alone, and behind a public key: mixed text is refused as a whole. */
		snprintf(
			text, sizeof(text), "%s%s", i & 1 ? LINE_ED25519 " a\n" : "", texts[i / 2]);
		if (import_parse(text, strlen(text), i & 2, &import, &error) == 0)
			fail_msg("taken: %s", text);
		assert_int_equal(error.code, ERROR_PRIVATE_KEY);
		assert_non_null(
			strstr(error.message, i & 1 ? ": a PRIVATE key: the whole" : "PRIVATE"));
		assert_int_equal(import.key_count + import.reject_count + import.notes.length, 0);
		import_free(&import);
	}
}

static void public_keys_are_not_taken_for_private_ones(void **state)
{
	static const char *const texts[] = {PEM_RSA, PEM_P256, PEM_P384, PEM_P521, PEM_ED25519,
		PKCS1_RSA, RFC4716_RSA, LINE_RSA " my PRIVATE KEY backup\n", PEM_EXPLICIT,
		LINE_ED25519 " MC4CAQAwBQYDK2VwBCIEIJ+DYvh6"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(import_private_refuse(texts[i], strlen(texts[i]), NULL), 0);
}

/* Every text cut at every place, and with every byte of it changed. */
static void damaged_forms_are_survived(void **state)
{
	static const char *const texts[] = {PEM_P256, PKCS1_RSA, RFC4716_PUTTYGEN,
		PUTTY_3_ENCRYPTED, "\"" PEM_BEGIN "\\n" ED25519_BODY "\\n" PEM_END "\\n\""};
	struct import import;
	struct error error;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		for (size_t length = 0; length <= strlen(texts[i]); length++) {
			char *text = malloc(length + 1);

			memcpy(text, texts[i], length);
			import_parse(text, length, length & 1, &import, &error);
			import_free(&import);
			if (length)
				text[length - 1] = (char)(text[length - 1] ^ (1 << (length % 8)));
			import_parse(text, length, length & 1, &import, &error);
			import_free(&import);
			free(text);
		}
}

static int start_sodium(void **state)
{
	(void)state;
	return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pem_public_keys),
		cmocka_unit_test(pem_on_one_line),
		cmocka_unit_test(pem_that_is_no_key_for_sshd),
		cmocka_unit_test(rfc4716_keys),
		cmocka_unit_test(the_public_part_of_putty_files),
		cmocka_unit_test(the_private_part_is_cut_out),
		cmocka_unit_test(a_putty_file_that_is_not_whole_is_a_private_key),
		cmocka_unit_test(utf16_is_read),
		cmocka_unit_test(utf16_beyond_ascii),
		cmocka_unit_test(a_utf16_file_with_a_private_key),
		cmocka_unit_test(line_ends),
		cmocka_unit_test(quotes),
		cmocka_unit_test(a_key_that_a_terminal_wrapped),
		cmocka_unit_test(wrapped_keys_among_others),
		cmocka_unit_test(nothing_else_is_joined),
		cmocka_unit_test(damage_as_on_real_pages),
		cmocka_unit_test(what_github_prints),
		cmocka_unit_test(the_same_key_in_two_forms),
		cmocka_unit_test(comments_of_forms_are_escaped),
		cmocka_unit_test(every_private_key_is_refused),
		cmocka_unit_test(public_keys_are_not_taken_for_private_ones),
		cmocka_unit_test(damaged_forms_are_survived),
	};

	return cmocka_run_group_tests_name("keys/import forms", tests, start_sodium, NULL);
}
