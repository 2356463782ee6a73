/* The options before a key. What the tables expect is what OpenSSH 9.2's sshd did. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/error.h"
#include "keys/options.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int parse(const char *text, struct key_options *options, struct error *error)
{
	*error = (struct error){0};
	return key_options_parse(text, strlen(text), options, error);
}

static void check_all_accepted(const char *const texts[], size_t count)
{
	struct key_options options;
	struct error error;

	for (size_t i = 0; i < count; i++)
		if (parse(texts[i], &options, &error) != 0)
			fail_msg("%s: %s", texts[i], error.message);
}

static void check_all_refused(const char *const texts[], size_t count)
{
	struct key_options options;
	struct error error;

	for (size_t i = 0; i < count; i++) {
		if (parse(texts[i], &options, &error) == 0)
			fail_msg("%s: accepted", texts[i]);
		assert_int_equal(error.code, ERROR_BAD_OPTION);
		assert_true(strlen(error.message) > 10);
	}
}

static void flags(void **state)
{
	static const char *const good[] = {"", "restrict", "RESTRICT,No-PTY", "restrict,restrict",
		"cert-authority",
		"agent-forwarding,port-forwarding,user-rc,X11-forwarding,pty,touch-required",
		"no-agent-forwarding,no-port-forwarding,no-user-rc,no-x11-forwarding,no-pty",
		"verify-required,no-verify-required,no-touch-required", ",restrict", "restrict,",
		"restrict,,pty", ","};
	static const char *const bad[] = {"foobar", "no-restrict", "no-cert-authority",
		"restrict,ptyx", "no-pty,foobar", "restrict=yes", "\"restrict\"", "\"\"", "no-",
		"no-no-pty", "res", "restrict\r", "\rrestrict", "restrict;pty", "pty=\"\"",
		"restrict\"\"", "port-forwarding\x1b"};

	(void)state;
	check_all_accepted(good, COUNT(good));
	check_all_refused(bad, COUNT(bad));
}

static void quoting(void **state)
{
	static const char *const good[] = {"command=\"true\"", "command=\"\"",
		"command=\"echo \\\"a b\\\"\"", "command=\"a\t#b,c\"", "COMMAND=\"x\"",
		"command=\"a\\\\b\"", "command=\"a\",restrict", "command=\"a\","};
	static const char *const bad[] = {"command=true", "command='true'", "command",
		"command=", "command=\"", "command=\"true", "command=\"a\\\"", "command=\"a\\\\\"",
		"command=\"a\"b", "command=\"a\"\"b\"", "command =\"a\"", "command=\"a\" ",
		"no-command=\"a\"", "command=\"a\",command=\"b\"", "commandx=\"a\""};

	(void)state;
	check_all_accepted(good, COUNT(good));
	check_all_refused(bad, COUNT(bad));
}

static void addresses(void **state)
{
	static const char *const good[] = {"from=\"127.0.0.1\"", "from=\"127.0.0.0/8\"",
		"from=\"127.0.0.*\"", "from=\"!127.0.0.1,*\"", "from=\"*.example\"",
		"from=\"2001:db8::/32,::1\"", "cert-authority,principals=\"alice,bob\""};
	static const char *const bad[] = {"from=\"a\",from=\"b\"", "from=a", "from",
		"cert-authority,principals=\"a\",principals=\"b\""};

	(void)state;
	check_all_accepted(good, COUNT(good));
	check_all_refused(bad, COUNT(bad));
}

static void ports(void **state)
{
	static const char *const good[] = {"permitopen=\"h:80\"", "permitopen=\"[::1]:*\"",
		"permitopen=\":80\"", "permitopen=\"h/80\"", "permitopen=\"h:65535\"",
		"permitopen=\"*:1\"", "permitlisten=\"8080\"", "permitlisten=\"localhost:8080\"",
		"permitlisten=\"*:*\"", "permitlisten=\"*\"", "permitopen=\"h:080\"",
		"permitopen=\"a:1\",permitopen=\"a:1\"", "tunnel=\"0\"", "tunnel=\"any\"",
		"tunnel=\"ANY\"", "tunnel=\"2147483645\""};
	static const char *const bad[] = {"permitopen=\"h\"", "permitopen=\"h:0\"",
		"permitopen=\"h:65536\"", "permitopen=\"h:\"", "permitopen=\"\"",
		"permitopen=\"[::1:80\"", "permitopen=\"[::1]x:80\"", "permitopen=\"[::1]\"",
		"permitopen=\"h:nosuchservice\"", "permitopen=\"h:8 0\"", "permitopen=\"80\"",
		"permitlisten=\"70000\"", "permitlisten=\"\"", "permitlisten=\"localhost/80\"",
		"tunnel=\"\"", "tunnel=\"-1\"", "tunnel=\"x\"", "tunnel=\"2147483646\"",
		"tunnel=\"0:1\""};

	(void)state;
	check_all_accepted(good, COUNT(good));
	check_all_refused(bad, COUNT(bad));
}

/* a2port() of OpenSSH asks getservbyname(3): the line works, so it is a key to us. */
static void ports_may_be_names_of_services(void **state)
{
	static const char *const good[] = {"permitopen=\"h:http\"", "permitlisten=\"http\"",
		"permitlisten=\"localhost:ssh\"", "permitopen=\"h:+80\"", "permitopen=\"h: 80\""};

	(void)state;
	check_all_accepted(good, COUNT(good));
}

static void environments(void **state)
{
	static const char *const good[] = {"environment=\"A=b\"", "environment=\"_9=\"",
		"environment=\"A==\"", "environment=\"A=b\",environment=\"A=c\""};
	static const char *const bad[] = {"environment=\"\"", "environment=\"A\"",
		"environment=\"A-B=c\"", "environment=\"=x\"", "environment=\" A=b\""};

	(void)state;
	check_all_accepted(good, COUNT(good));
	check_all_refused(bad, COUNT(bad));
}

/* The text repeated count times, with %d counting where distinct. */
static char *repeated(const char *before, const char *after, unsigned count, bool distinct)
{
	struct buffer text = BUFFER_EMPTY;

	for (unsigned i = 0; i < count; i++) {
		buffer_add_string(&text, before);
		if (distinct)
			buffer_add_format(&text, "%u", i);
		buffer_add_string(&text, after);
	}
	assert_non_null(text.data);
	return text.data;
}

static void check_repeated(
	const char *before, const char *after, unsigned count, bool distinct, int expected)
{
	char *text = repeated(before, after, count, distinct);
	struct key_options options;
	struct error error;
	int result = parse(text, &options, &error);

	free(text);
	assert_int_equal(result, expected);
}

static void there_are_limits(void **state)
{
	(void)state;
	check_repeated("environment=\"A", "=b\",", 1025, true, 0);
	check_repeated("environment=\"A", "=b\",", 1026, true, -1);
	check_repeated("permitopen=\"a:1", "\",", 4097, false, 0);
	check_repeated("permitopen=\"a:1", "\",", 4098, false, -1);
	check_repeated("permitlisten=\"1", "\",", 4097, false, 0);
	check_repeated("permitlisten=\"1", "\",", 4098, false, -1);
	/* The first of a name wins and the others do not count. */
	check_repeated("environment=\"A", "=b\",", 1100, false, 0);
}

static void a_host_has_less_than_1025_bytes(void **state)
{
	struct buffer text = BUFFER_EMPTY;
	struct key_options options;
	struct error error;

	(void)state;
	buffer_add_format(&text, "permitopen=\"%01024d:80\"", 0);
	assert_int_equal(parse(buffer_string(&text), &options, &error), 0);
	buffer_free(&text);
	buffer_add_format(&text, "permitopen=\"%01025d:80\"", 0);
	assert_int_equal(parse(buffer_string(&text), &options, &error), -1);
	buffer_free(&text);
}

static void expiry_times(void **state)
{
	static const char *const good[] = {"expiry-time=\"20990101\"",
		"expiry-time=\"209901011200\"", "expiry-time=\"20990101120059\"",
		"expiry-time=\"20990101120059Z\"", "expiry-time=\"20990101UTC\"",
		"expiry-time=\"20990101utc\"", "expiry-time=\"20990101z\"",
		"expiry-time=\"99991231235959Z\"", "expiry-time=\"20200101\"",
		"expiry-time=\"20990231\"", "EXPIRY-TIME=\"20990101\""};
	static const char *const bad[] = {"expiry-time=\"\"", "expiry-time=\"2099-01-01\"",
		"expiry-time=\"2099010112\"", "expiry-time=\"20991301\"",
		"expiry-time=\"20990132\"", "expiry-time=\"20990100\"",
		"expiry-time=\"209901012400\"", "expiry-time=\"19700101Z\"",
		"expiry-time=\"19691231\"", "expiry-time=\"19600101\"", "expiry-time=\"00010101\"",
		"expiry-time=\"20990101GMT\"", "expiry-time=\"20990101ZZ\"", "expiry-time=\"Z\"",
		"expiry-time=\"20990101 Z\"", "expiry-time=\"-2099010\"", "expiry-time=20990101",
		"expiry-time"};

	(void)state;
	check_all_accepted(good, COUNT(good));
	check_all_refused(bad, COUNT(bad));
}

static time_t expiry(const char *text)
{
	struct key_options options;
	struct error error;

	if (parse(text, &options, &error) != 0)
		fail_msg("%s: %s", text, error.message);
	return options.expires;
}

static void set_zone(const char *zone)
{
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

static int utc_again(void **state)
{
	(void)state;
	set_zone("UTC");
	return 0;
}

static void the_earliest_expiry_counts(void **state)
{
	(void)state;
	set_zone("UTC");
	assert_int_equal(expiry("restrict"), 0);
	assert_int_equal(expiry("expiry-time=\"19700102Z\""), 86400);
	assert_int_equal(expiry("expiry-time=\"20300101Z\",expiry-time=\"19700102Z\""), 86400);
	assert_int_equal(expiry("expiry-time=\"19700102Z\",expiry-time=\"20300101Z\""), 86400);
	assert_int_equal(expiry("expiry-time=\"197001020001\""), 86460);
	assert_int_equal(expiry("expiry-time=\"19700102000007\""), 86407);
}

static void an_expiry_without_a_zone_is_local(void **state)
{
	(void)state;
	set_zone("EST5");
	assert_int_equal(expiry("expiry-time=\"19700102\""), 86400 + 5 * 3600);
	assert_int_equal(expiry("expiry-time=\"19700102Z\""), 86400);
}

/*
 * sshd fills a zeroed struct tm, so tm_isdst is 0: it reads the digits as standard time
 * all the year (OpenSSH misc.c, parse_absolute_time()). `ssh-keygen -V` shows the same.
 */
static void a_local_expiry_is_in_standard_time(void **state)
{
	(void)state;
	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	assert_int_equal(
		expiry("expiry-time=\"20260101\""), expiry("expiry-time=\"20251231230000Z\""));
	assert_int_equal(
		expiry("expiry-time=\"20260701\""), expiry("expiry-time=\"20260630230000Z\""));
}

static void what_they_mean_is_told(void **state)
{
	struct key_options options;
	struct error error;

	(void)state;
	assert_int_equal(
		parse("Cert-Authority,principals=\"a\",from=\"*\",command=\"x\"", &options, &error),
		0);
	assert_true(options.cert_authority && options.principals);
	assert_true(options.from && options.command);
	assert_int_equal(parse("restrict", &options, &error), 0);
	assert_false(options.cert_authority || options.principals);
	assert_false(options.from || options.command);
}

static void an_unknown_option_is_named_harmlessly(void **state)
{
	struct key_options options;
	struct error error;

	(void)state;
	assert_int_equal(parse("restrict,\x1b[2Jevil,pty", &options, &error), -1);
	assert_non_null(strstr(error.message, "'\\x1b[2Jevil'"));
	assert_null(strchr(error.message, '\x1b'));
}

static void the_length_ends_at_an_unquoted_blank(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		int result;
	} rows[] = {
		{"", 0, 0},
		{"restrict key", 8, 0},
		{"restrict\tkey", 8, 0},
		{"restrict", 8, 0},
		{"command=\"a b\" key", 13, 0},
		{"command=\"a\\\" b\" key", 15, 0},
		{"command=\"a\\\\\" key", 17, -1}, /* a backslash and an escaped quote */
		{"command=\"a key", 14, -1},
		{"a\\\"b key", 4, 0},
		{"'a b' key", 2, 0},
		{" key", 0, 0},
		{"\\", 1, 0},
		{"\"\\", 2, -1},
	};
	size_t length;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(key_options_length(rows[i].text, strlen(rows[i].text), &length),
			rows[i].result);
		if (rows[i].result == 0)
			assert_int_equal(length, rows[i].length);
	}
}

/* The text is a slice: what stands behind its end must not be looked at. */
static void nothing_is_read_behind_the_end(void **state)
{
	static const char whole[] =
		"no-pty,command=\"a\\\"b\",expiry-time=\"20990101Z\",from=\"x\"";
	struct key_options options;
	struct error error;
	size_t ignored;
	char *copy;

	(void)state;
	for (size_t length = 0; length < sizeof(whole); length++) {
		copy = malloc(length ? length : 1); /* AddressSanitizer guards its end */
		assert_non_null(copy);
		memcpy(copy, whole, length);
		key_options_parse(copy, length, &options, &error);
		key_options_length(copy, length, &ignored);
		assert_true(ignored <= length);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags),
		cmocka_unit_test(quoting),
		cmocka_unit_test(addresses),
		cmocka_unit_test(ports),
		cmocka_unit_test(ports_may_be_names_of_services),
		cmocka_unit_test(environments),
		cmocka_unit_test(there_are_limits),
		cmocka_unit_test(a_host_has_less_than_1025_bytes),
		cmocka_unit_test(expiry_times),
		cmocka_unit_test_teardown(the_earliest_expiry_counts, utc_again),
		cmocka_unit_test_teardown(an_expiry_without_a_zone_is_local, utc_again),
		cmocka_unit_test_teardown(a_local_expiry_is_in_standard_time, utc_again),
		cmocka_unit_test(what_they_mean_is_told),
		cmocka_unit_test(an_unknown_option_is_named_harmlessly),
		cmocka_unit_test(the_length_ends_at_an_unquoted_blank),
		cmocka_unit_test(nothing_is_read_behind_the_end),
	};

	return cmocka_run_group_tests_name("keys/options", tests, NULL, NULL);
}
