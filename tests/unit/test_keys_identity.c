/* What sshd takes for the same key, and what it means by odd values of options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/error.h"
#include "keys/line.h"
#include "keys/options.h"
#include "keys/pubkey.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void add_field(struct buffer *blob, const void *data, size_t length)
{
	const unsigned char size[] = {0, 0, (unsigned char)(length >> 8), (unsigned char)length};

	buffer_add(blob, size, sizeof(size));
	buffer_add(blob, data, length);
}

/* An ed25519 key of a point of 7s, with a name of the given bytes inside. */
static int parse_named(const char *outer, const void *name, size_t length, const char *application,
	size_t application_length, struct pubkey *key)
{
	struct buffer blob = BUFFER_EMPTY;
	unsigned char point[32];
	char base64[512];
	int result;

	memset(point, 7, sizeof(point));
	add_field(&blob, name, length);
	add_field(&blob, point, sizeof(point));
	if (application)
		add_field(&blob, application, application_length);
	sodium_bin2base64(base64, sizeof(base64), (unsigned char *)blob.data, blob.length,
		sodium_base64_VARIANT_ORIGINAL);
	buffer_free(&blob);
	result = pubkey_parse(outer, strlen(outer), base64, strlen(base64), key, NULL);
	return result;
}

static void names_inside_that_mean_the_same_key(void **state)
{
	static const struct {
		const char *name;
		size_t length;
		bool taken;
	} cases[] = {{"ssh-ed25519\0", 12, true}, {"ED25519", 7, true}, {"ed25519", 7, true},
		{"Ed25519\0", 8, true}, {"ssh-ed25519\0\0", 13, false},
		{"ssh-ed25519\0x", 13, false}, {"SSH-ED25519", 11, false}, {"RSA", 3, false},
		{"ED25519-CERT", 12, false}, {"", 0, false}};
	struct pubkey usual, key;

	(void)state;
	assert_int_equal(parse_named("ssh-ed25519", "ssh-ed25519", 11, NULL, 0, &usual), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		int result =
			parse_named("ssh-ed25519", cases[i].name, cases[i].length, NULL, 0, &key);

		if ((result == 0) != cases[i].taken)
			fail_msg("%s (%zu)", cases[i].name, cases[i].length);
		if (result == 0)
			assert_true(pubkey_equal(&usual, &key));
		pubkey_free(&key);
	}
	pubkey_free(&usual);
}

static void an_application_is_a_text(void **state)
{
	const char *type = "sk-ssh-ed25519@openssh.com";
	struct pubkey usual, key;

	(void)state;
	assert_int_equal(parse_named(type, type, strlen(type), "ssh:", 4, &usual), 0);
	assert_int_equal(parse_named(type, "ED25519-SK", 10, "ssh:\0", 5, &key), 0);
	assert_true(pubkey_equal(&usual, &key));
	pubkey_free(&key);
	assert_int_equal(parse_named(type, type, strlen(type), "ssh:x", 5, &key), 0);
	assert_false(pubkey_equal(&usual, &key));
	pubkey_free(&key);
	assert_int_equal(parse_named(type, type, strlen(type), "s\0sh:", 5, &key), -1);
	pubkey_free(&usual);
}

static void white_space_in_base64_counts_for_nothing(void **state)
{
	static const char base64[] =
		"AAAAC3NzaC1lZDI1NTE5AAAAIPCfWDLEJ4IseoQI6sBHZidehU0ZAstjM3h/Y8+Z3P9Z";
	struct buffer text = BUFFER_EMPTY;
	struct pubkey usual, key;

	(void)state;
	assert_int_equal(pubkey_parse(NULL, 0, base64, strlen(base64), &usual, NULL), 0);
	for (size_t i = 0; i < strlen(base64); i++) {
		buffer_add(&text, base64 + i, 1);
		for (size_t j = 0; j < 300; j++)
			buffer_add(&text, "\r\v\f" + j % 3, 1);
	}
	assert_int_equal(pubkey_parse(NULL, 0, text.data, text.length, &key, NULL), 0);
	assert_true(pubkey_equal(&usual, &key));
	pubkey_free(&key);
	pubkey_free(&usual);
	buffer_free(&text);
}

static int parse_options(const char *text, struct key_options *options)
{
	return key_options_parse(text, strlen(text), options, NULL);
}

/* strptime(3) skips blanks, and zeroed parts have no summer time. */
static void times_are_read_as_sshd_reads_them(void **state)
{
	struct key_options options;

	(void)state;
	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	assert_int_equal(parse_options("expiry-time=\"202607011200\"", &options), 0);
	assert_int_equal(options.expires, 1782903600); /* 11:00 in UTC, not 10:00 */
	assert_int_equal(parse_options("expiry-time=\"2099 1 1Z\"", &options), 0);
	assert_int_equal(options.expires, 4070908800);
	assert_int_equal(parse_options("expiry-time=\"2099+1+1\"", &options), -1);
	assert_int_equal(parse_options("expiry-time=\"20990101 Z\"", &options), -1);
}

static void ports_may_be_services_and_have_signs(void **state)
{
	static const char *const taken[] = {"permitopen=\"h:+80\"", "permitopen=\"h: 80\"",
		"permitopen=\"h:00080\"", "permitlisten=\"*\"", "tunnel=\" 1\"",
		"tunnel=\"2147483645\"", "permitopen=\"[h]/80\""};
	static const char *const refused[] = {"permitopen=\"h:-1\"", "permitopen=\"h:80 \"",
		"permitopen=\"h:no-such-service\"", "permitopen=\"h:\"", "permitopen=\"[h]80\"",
		"tunnel=\"2147483646\"", "tunnel=\"-1\"", "permitlisten=\"-0\""};
	struct key_options options;

	(void)state;
	for (size_t i = 0; i < COUNT(taken); i++)
		if (parse_options(taken[i], &options) != 0)
			fail_msg("%s is refused", taken[i]);
	for (size_t i = 0; i < COUNT(refused); i++)
		if (parse_options(refused[i], &options) == 0)
			fail_msg("%s is taken", refused[i]);
}

static void a_value_can_be_asked_for(void **state)
{
	static const char text[] = "restrict,COMMAND=\"echo \\\"a,b\\\"\",from=\"10.0.0.0/8\",pty";
	char *value;

	(void)state;
	assert_int_equal(key_options_value(text, strlen(text), "command", &value), 0);
	assert_string_equal(value, "echo \"a,b\"");
	free(value);
	assert_int_equal(key_options_value(text, strlen(text), "from", &value), 0);
	assert_string_equal(value, "10.0.0.0/8");
	free(value);
	assert_int_equal(key_options_value(text, strlen(text), "tunnel", &value), 0);
	assert_null(value);
}

static void a_lone_carriage_return_is_an_empty_line(void **state)
{
	static const struct {
		const char *text;
		enum key_line_kind kind;
	} cases[] = {{"\r", KEY_LINE_BLANK}, {" \t\r", KEY_LINE_BLANK}, {"\r#", KEY_LINE_INVALID},
		{"\rssh-ed25519 "
		 "AAAAC3NzaC1lZDI1NTE5AAAAIPCfWDLEJ4IseoQI6sBHZidehU0ZAstjM3h/Y8+Z3P9Z",
			KEY_LINE_INVALID}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct key_line line;

		key_line_parse(cases[i].text, strlen(cases[i].text), &line);
		assert_int_equal(line.kind, cases[i].kind);
		key_line_free(&line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_inside_that_mean_the_same_key),
		cmocka_unit_test(an_application_is_a_text),
		cmocka_unit_test(white_space_in_base64_counts_for_nothing),
		cmocka_unit_test(times_are_read_as_sshd_reads_them),
		cmocka_unit_test(ports_may_be_services_and_have_signs),
		cmocka_unit_test(a_value_can_be_asked_for),
		cmocka_unit_test(a_lone_carriage_return_is_an_empty_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
