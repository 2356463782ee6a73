/* What servers of several releases know of options, types and times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "keys/known.h"
#include "keys/options.h"
#include "keys/pubkey.h"
#include "sys/sshd_version.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct sshd_version openssh(unsigned major, unsigned minor)
{
	return (struct sshd_version){SSHD_OPENSSH, major, minor, false};
}

static int check(const char *text, struct sshd_version server, struct error *error)
{
	struct key_options options;

	*error = (struct error){0};
	if (key_options_parse(text, strlen(text), &options, error) != 0)
		fail_msg("%s: %s", text, error->message);
	return key_options_check_known(&options, &server, error);
}

static void an_option_is_refused_before_the_release_that_brought_it(void **state)
{
	static const struct {
		const char *option;
		unsigned last[2], first[2];
	} cases[] = {
		{"restrict", {7, 1}, {7, 2}},
		{"cert-authority,principals=\"a\"", {5, 5}, {5, 6}},
		{"expiry-time=\"20990101\"", {7, 6}, {7, 7}},
		{"permitlisten=\"8080\"", {7, 7}, {7, 8}},
		{"no-touch-required", {8, 1}, {8, 2}},
		{"verify-required", {8, 3}, {8, 4}},
		{"expiry-time=\"20990101Z\"", {9, 0}, {9, 1}},
		{"expiry-time=\"20990101utc\"", {9, 0}, {9, 1}},
	};
	struct error error;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sshd_version last = openssh(cases[i].last[0], cases[i].last[1]);
		struct sshd_version first = openssh(cases[i].first[0], cases[i].first[1]);

		if (check(cases[i].option, last, &error) == 0)
			fail_msg("%s is taken", cases[i].option);
		assert_int_equal(error.code, ERROR_BAD_OPTION);
		if (check(cases[i].option, first, &error) != 0)
			fail_msg("%s: %s", cases[i].option, error.message);
	}
	check("restrict,command=\"true\"", openssh(7, 1), &error);
	assert_string_equal(error.message,
		"option restrict: OpenSSH knows it from 7.2 on, and this machine has OpenSSH 7.1, "
		"which would drop the whole line");
}

static void dropbear_knows_five_options(void **state)
{
	const struct sshd_version dropbear = {SSHD_DROPBEAR, 2022, 83, false};
	const struct sshd_version none = {0};
	struct error error;

	(void)state;
	assert_int_equal(check("no-pty,no-port-forwarding,no-agent-forwarding,"
			       "no-X11-forwarding,command=\"a\"",
				 dropbear, &error),
		0);
	assert_int_equal(check("from=\"*\"", dropbear, &error), -1);
	assert_non_null(strstr(error.message, "option from: this machine has Dropbear 2022.83"));
	assert_int_equal(check("expiry-time=\"20990101\"", dropbear, &error), -1);
	assert_int_equal(check("restrict,from=\"*\"", none, &error), 0);
}

static int check_kind(enum pubkey_kind kind, const char *type, struct sshd_version server)
{
	const struct pubkey key = {.kind = kind, .type = type};
	struct error error = {0};
	int result = pubkey_check_known(&key, &server, &error);

	assert_int_equal(error.code, result == 0 ? ERROR_NONE : ERROR_BAD_KEY);
	return result;
}

static void a_type_is_refused_where_it_is_not_known(void **state)
{
	const struct sshd_version dropbear = {SSHD_DROPBEAR, 2019, 78, false};
	const char *sk = "sk-ssh-ed25519@openssh.com";

	(void)state;
	assert_int_equal(check_kind(PUBKEY_SK_ED25519, sk, openssh(8, 1)), -1);
	assert_int_equal(check_kind(PUBKEY_SK_ED25519, sk, openssh(8, 2)), 0);
	assert_int_equal(check_kind(PUBKEY_ED25519, "ssh-ed25519", openssh(6, 4)), -1);
	assert_int_equal(check_kind(PUBKEY_ED25519, "ssh-ed25519", openssh(6, 5)), 0);
	assert_int_equal(check_kind(PUBKEY_ED25519, "ssh-ed25519", dropbear), -1);
	assert_int_equal(check_kind(PUBKEY_RSA, "ssh-rsa", dropbear), 0);
	assert_int_equal(check_kind(PUBKEY_DSA, "ssh-dss", openssh(9, 2)), -1);
}

static const char *render(time_t when, struct sshd_version server)
{
	static char text[KEY_EXPIRY_SIZE];

	assert_int_equal(key_expiry_render(when, &server, text, NULL), 0);
	return text;
}

static void a_time_is_written_as_the_server_reads_it(void **state)
{
	const time_t when = 1782907200; /* 2026-07-01T12:00:00Z */
	const struct sshd_version dropbear = {SSHD_DROPBEAR, 2022, 83, false};
	const struct sshd_version none = {0};

	(void)state;
	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	assert_string_equal(render(when, openssh(9, 1)), "expiry-time=\"20260701120000Z\"");
	/* 14:00 on the clock; sshd reads 13:00 without summer time, which is this moment. */
	assert_string_equal(render(when, openssh(9, 0)), "expiry-time=\"20260701130000\"");
	assert_string_equal(render(when, openssh(7, 7)), "expiry-time=\"20260701130000\"");
	assert_string_equal(render(when, openssh(7, 6)), "");
	assert_string_equal(render(when, dropbear), "");
	assert_string_equal(render(when, none), "");
	assert_string_equal(render(1, openssh(9, 2)), "expiry-time=\"19700101000001Z\"");
	assert_string_equal(render(253402300799, openssh(9, 2)), "expiry-time=\"99991231235959Z\"");
}

/* Every quarter of an hour of a year, in zones with odd rules, reads back as it was. */
static void what_is_written_reads_back(void **state)
{
	static const char *const zones[] = {"UTC", "Europe/Berlin", "Australia/Lord_Howe",
		"America/New_York", "Asia/Kolkata", "Europe/Dublin", "Africa/Casablanca"};

	(void)state;
	for (size_t i = 0; i < COUNT(zones); i++) {
		setenv("TZ", zones[i], 1);
		tzset();
		for (time_t when = 1767225600; when < 1767225600 + 366 * 86400; when += 900) {
			const char *text = render(when, openssh(8, 4));
			struct key_options options;

			if (!*text)
				fail_msg("nothing for %lld in %s", (long long)when, zones[i]);
			assert_int_equal(key_options_parse(text, strlen(text), &options, NULL), 0);
			assert_int_equal(options.expires, when);
		}
	}
}

static void a_time_that_no_option_can_hold_is_refused(void **state)
{
	const struct sshd_version server = openssh(10, 5);
	static const time_t times[] = {0, -1, -86400, 253402300800};
	char text[KEY_EXPIRY_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(times); i++) {
		struct error error = {0};

		assert_int_equal(key_expiry_render(times[i], &server, text, &error), -1);
		assert_int_equal(error.code, ERROR_BAD_OPTION);
		assert_string_equal(text, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_option_is_refused_before_the_release_that_brought_it),
		cmocka_unit_test(dropbear_knows_five_options),
		cmocka_unit_test(a_type_is_refused_where_it_is_not_known),
		cmocka_unit_test(a_time_is_written_as_the_server_reads_it),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(a_time_that_no_option_can_hold_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
