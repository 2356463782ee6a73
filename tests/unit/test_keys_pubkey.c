/* Public keys: what is one, what is the same one, and what is said of a damaged one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "keys/curve.h"
#include "keys/pubkey.h"
#include "sys/process.h"
#include "test_keys_fixtures.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define POINT_P256   65 /* bytes: 0x04, x, y */
#define POINT_P384   97
#define POINT_P521   133

static const struct fixture {
	const char *type;
	const char *base64;
	const char *fingerprint; /* by ssh-keygen -l */
	enum pubkey_kind kind;
	unsigned bits;
} fixtures[] = {
	{"ssh-ed25519", BLOB_ED25519, PRINT_ED25519, PUBKEY_ED25519, 256},
	{"ssh-rsa", BLOB_RSA, PRINT_RSA, PUBKEY_RSA, 2048},
	{"ssh-rsa", BLOB_RSA_1024, PRINT_RSA_1024, PUBKEY_RSA, 1024},
	{TYPE_P256, BLOB_P256, PRINT_P256, PUBKEY_ECDSA, 256},
	{TYPE_P384, BLOB_P384, PRINT_P384, PUBKEY_ECDSA, 384},
	{TYPE_P521, BLOB_P521, PRINT_P521, PUBKEY_ECDSA, 521},
	{TYPE_SK_ED25519, BLOB_SK_ED25519, PRINT_SK_ED25519, PUBKEY_SK_ED25519, 256},
	{TYPE_SK_P256, BLOB_SK_P256, PRINT_SK_P256, PUBKEY_SK_ECDSA, 256},
	{"ssh-dss", BLOB_DSA, PRINT_DSA, PUBKEY_DSA, 1024},
};

/* A blob under construction. */
struct blob {
	unsigned char data[4096];
	size_t length;
};

static void put(struct blob *blob, const void *data, size_t length)
{
	const unsigned char size[4] = {0, 0, (unsigned char)(length >> 8), (unsigned char)length};

	assert_true(blob->length + 4 + length <= sizeof(blob->data));
	memcpy(blob->data + blob->length, size, 4);
	memcpy(blob->data + blob->length + 4, data, length);
	blob->length += 4 + length;
}

static void put_name(struct blob *blob, const char *name)
{
	put(blob, name, strlen(name));
}

static struct blob decoded(const char *base64)
{
	struct blob blob = {.length = 0};

	assert_int_equal(sodium_base642bin(blob.data, sizeof(blob.data), base64, strlen(base64),
				 NULL, &blob.length, NULL, sodium_base64_VARIANT_ORIGINAL),
		0);
	return blob;
}

static int parse_text(const char *type, const char *base64, struct pubkey *key, struct error *error)
{
	*error = (struct error){0};
	return pubkey_parse(type, type ? strlen(type) : 0, base64, strlen(base64), key, error);
}

static int parse_blob(
	const char *type, const struct blob *blob, struct pubkey *key, struct error *error)
{
	char base64[8192];

	sodium_bin2base64(
		base64, sizeof(base64), blob->data, blob->length, sodium_base64_VARIANT_ORIGINAL);
	return parse_text(type, base64, key, error);
}

static void check_refused(const char *type, const struct blob *blob, const char *says)
{
	struct pubkey key;
	struct error error;

	assert_int_equal(parse_blob(type, blob, &key, &error), -1);
	assert_int_equal(error.code, ERROR_BAD_KEY);
	assert_non_null(strstr(error.message, says));
	assert_null(key.blob);
}

/* The blob is the key with this fingerprint, and is re-encoded to its canonical form. */
static void check_same(const char *type, const struct blob *blob, const char *fingerprint)
{
	char got[PUBKEY_FINGERPRINT_SIZE];
	struct pubkey key;
	struct error error;

	if (parse_blob(type, blob, &key, &error) != 0)
		fail_msg("%s: %s", type, error.message);
	pubkey_fingerprint(&key, got);
	assert_string_equal(got, fingerprint);
	pubkey_free(&key);
}

static void every_type_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(fixtures); i++) {
		const struct fixture *fixture = &fixtures[i];
		char fingerprint[PUBKEY_FINGERPRINT_SIZE], *base64;
		struct pubkey key, untyped;
		struct error error;

		assert_int_equal(parse_text(fixture->type, fixture->base64, &key, &error), 0);
		assert_int_equal(key.kind, fixture->kind);
		assert_int_equal(key.bits, fixture->bits);
		assert_string_equal(key.type, fixture->type);
		pubkey_fingerprint(&key, fingerprint);
		assert_string_equal(fingerprint, fixture->fingerprint);
		base64 = pubkey_base64(&key);
		assert_string_equal(base64, fixture->base64);
		free(base64);
		assert_int_equal(parse_text(NULL, fixture->base64, &untyped, &error), 0);
		assert_true(pubkey_equal(&key, &untyped));
		pubkey_free(&key);
		pubkey_free(&untyped);
		assert_null(key.blob);
	}
}

static void a_certificate_is_known_for_one(void **state)
{
	struct pubkey key;
	struct error error;

	(void)state;
	assert_int_equal(
		parse_text("ssh-ed25519-cert-v01@openssh.com", BLOB_CERTIFICATE, &key, &error), 0);
	assert_int_equal(key.kind, PUBKEY_CERTIFICATE);
	pubkey_free(&key);
}

/* The judge of fingerprints is the installed ssh-keygen itself. */
static void ssh_keygen_prints_the_same(void **state)
{
	char path[] = "/tmp/vastagent-key-XXXXXX", expected[128];
	struct buffer output = BUFFER_EMPTY;
	FILE *file;
	int fd;

	(void)state;
	if (access("/usr/bin/ssh-keygen", X_OK) != 0)
		skip();
	fd = mkstemp(path);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	for (size_t i = 0; i < COUNT(fixtures); i++)
		fprintf(file, "%s %s c\n", fixtures[i].type, fixtures[i].base64);
	fclose(file);
	assert_int_equal(process_capture((const char *const[]){"/usr/bin/ssh-keygen", "-l", "-f",
						 path, NULL},
				 NULL, 20000, 65536, &output, NULL),
		0);
	unlink(path);
	for (size_t i = 0; i < COUNT(fixtures); i++) {
		if (fixtures[i].kind == PUBKEY_DSA)
			continue; /* unknown to OpenSSH since 10.0 */
		snprintf(expected, sizeof(expected), "%u %s c (", fixtures[i].bits,
			fixtures[i].fingerprint);
		assert_non_null(strstr(buffer_string(&output), expected));
	}
	buffer_free(&output);
}

static void names_are_exact(void **state)
{
	static const char *const unknown[] = {"", "SSH-ED25519", "ssh-ed2551", "ssh-ed25519x",
		"ssh-ed25519 ", "sk-ssh-ed25519", "ecdsa-sha2-nistp224", "ed25519", "#"};

	(void)state;
	for (size_t i = 0; i < COUNT(unknown); i++)
		assert_false(pubkey_type_is_known(unknown[i], strlen(unknown[i])));
	for (size_t i = 0; i < COUNT(fixtures); i++)
		assert_true(pubkey_type_is_known(fixtures[i].type, strlen(fixtures[i].type)));
	assert_true(pubkey_type_is_known("rsa-sha2-512", 12));
	assert_true(pubkey_type_is_known("webauthn-sk-ecdsa-sha2-nistp256@openssh.com", 43));
}

/* The same numbers, with alias as the name inside. */
static struct blob renamed(const char *base64, const char *alias)
{
	struct blob whole = decoded(base64), blob = {.length = 0};
	size_t name = 4 + ((size_t)whole.data[2] << 8 | whole.data[3]);

	put_name(&blob, alias);
	memcpy(blob.data + blob.length, whole.data + name, whole.length - name);
	blob.length += whole.length - name;
	return blob;
}

static void an_alias_is_the_same_key(void **state)
{
	static const char webauthn[] = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com";
	const struct blob rsa = decoded(BLOB_RSA), sk = decoded(BLOB_SK_P256);
	const struct blob inner = renamed(BLOB_RSA, "rsa-sha2-512");
	const struct blob inner_256 = renamed(BLOB_RSA, "rsa-sha2-256");
	const struct blob inner_sk = renamed(BLOB_SK_P256, webauthn);

	(void)state;
	check_same("rsa-sha2-512", &rsa, PRINT_RSA);
	check_same("rsa-sha2-256", &rsa, PRINT_RSA);
	check_same("ssh-rsa", &inner, PRINT_RSA);
	check_same("rsa-sha2-512", &inner_256, PRINT_RSA);
	check_same(webauthn, &sk, PRINT_SK_P256);
	check_same(TYPE_SK_P256, &inner_sk, PRINT_SK_P256);
}

/* sshd reads names with sshbuf_get_cstring(), which allows one NUL at the end. */
static void a_nul_behind_a_name_is_the_same_key(void **state)
{
	const struct blob whole = decoded(BLOB_ED25519), p256 = decoded(BLOB_P256);
	struct blob inner = {.length = 0}, curve = {.length = 0}, application = {.length = 0};

	(void)state;
	put(&application, TYPE_SK_ED25519, strlen(TYPE_SK_ED25519));
	put(&application, whole.data + whole.length - 32, 32);
	put(&application, "ssh:", 5);
	check_same(TYPE_SK_ED25519, &application, PRINT_SK_ED25519);
	put(&curve, TYPE_P256, strlen(TYPE_P256));
	put(&curve, "nistp256", 9);
	put(&curve, p256.data + p256.length - POINT_P256, POINT_P256);
	check_same(TYPE_P256, &curve, PRINT_P256);
	put(&inner, "ssh-ed25519", 12);
	put(&inner, whole.data + whole.length - 32, 32);
	check_same("ssh-ed25519", &inner, PRINT_ED25519);
}

static void a_nul_inside_an_application_is_refused(void **state)
{
	const struct blob whole = decoded(BLOB_ED25519);
	struct blob blob = {.length = 0};

	(void)state;
	put_name(&blob, TYPE_SK_ED25519);
	put(&blob, whole.data + whole.length - 32, 32);
	put(&blob, "ss\0h:", 5);
	check_refused(TYPE_SK_ED25519, &blob, "");
}

/* An RSA key: its modulus has zeros leading bytes of 0, then first, …, 1. */
static struct blob rsa(size_t zeros, unsigned char first, size_t modulus_length)
{
	static const unsigned char exponent[] = {1, 0, 1};
	unsigned char modulus[4096] = {0};
	struct blob blob = {.length = 0};

	modulus[zeros] = first;
	modulus[zeros + modulus_length - 1] = 1;
	put_name(&blob, "ssh-rsa");
	put(&blob, exponent, sizeof(exponent));
	put(&blob, modulus, zeros + modulus_length);
	return blob;
}

static void rsa_keys_have_1024_to_16384_bits(void **state)
{
	const struct blob least = rsa(1, 0x80, 128), less = rsa(0, 0x40, 128);
	const struct blob most = rsa(1, 0x80, 2048), more = rsa(0, 0x01, 2049);

	(void)state;
	check_same("ssh-rsa", &least, "SHA256:TmSdNd3srqMNoW9o0wUlDDpp95ZqXdroNK3QuD6eWjI");
	check_same("ssh-rsa", &most, "SHA256:R79tKCrT82fagTFW5iOxVjaGA3yjEpHnc4enARbBJns");
	check_refused("ssh-rsa", &less, "has 1023 bits");
	check_refused("ssh-rsa", &more, "16385");
}

static void leading_zeros_are_the_same_key(void **state)
{
	static const char print[] = "SHA256:TmSdNd3srqMNoW9o0wUlDDpp95ZqXdroNK3QuD6eWjI";
	const struct blob padded = rsa(100, 0x80, 128);
	struct blob exponent = {.length = 0}, whole = rsa(1, 0x80, 128);

	(void)state;
	check_same("ssh-rsa", &padded, print);
	put_name(&exponent, "ssh-rsa");
	put(&exponent, "\0\0\1\0\1", 5);
	put(&exponent, whole.data + whole.length - 129, 129);
	check_same("ssh-rsa", &exponent, print);
}

/* sshbuf_get_bignum2_bytes_direct() takes 2049 bytes, zeros included. */
static void too_many_leading_zeros_are_refused(void **state)
{
	const struct blob most = rsa(1921, 0x80, 128), more = rsa(1922, 0x80, 128);
	const struct blob large = rsa(2, 0x80, 2048);

	(void)state;
	check_same("ssh-rsa", &most, "SHA256:TmSdNd3srqMNoW9o0wUlDDpp95ZqXdroNK3QuD6eWjI");
	check_refused("ssh-rsa", &more, "");
	check_refused("ssh-rsa", &large, "");
}

static void negative_numbers_are_refused(void **state)
{
	const struct blob modulus = rsa(0, 0x80, 128), good = rsa(1, 0x80, 128);
	struct blob exponent = {.length = 0};

	(void)state;
	check_refused("ssh-rsa", &modulus, "do not add up");
	put_name(&exponent, "ssh-rsa");
	put(&exponent, "\x81\1\1", 3);
	put(&exponent, good.data + good.length - 129, 129);
	check_refused("ssh-rsa", &exponent, "do not add up");
}

static void bytes_behind_the_key_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(fixtures); i++) {
		struct blob blob = decoded(fixtures[i].base64);

		blob.data[blob.length++] = 0;
		check_refused(fixtures[i].type, &blob, "1 bytes too many");
	}
}

static void a_cut_blob_is_refused_at_every_length(void **state)
{
	char expected[64];

	(void)state;
	for (size_t i = 0; i < COUNT(fixtures); i++) {
		const struct blob whole = decoded(fixtures[i].base64);
		struct blob cut = whole;

		for (cut.length = 0; cut.length < whole.length; cut.length++)
			check_refused(fixtures[i].type, &cut, " ");
	}
	/* From the point's own length on, the size of the whole is known. */
	for (struct blob cut = decoded(BLOB_ED25519); --cut.length >= 19;) {
		snprintf(expected, sizeof(expected), "the key is cut off: %zu of 51 bytes",
			cut.length);
		check_refused("ssh-ed25519", &cut, expected);
	}
}

static void cut_base64_is_refused_at_every_length(void **state)
{
	char text[sizeof(BLOB_RSA)];
	struct pubkey key;
	struct error error;

	(void)state;
	for (size_t i = 0; i < COUNT(fixtures); i++) {
		for (size_t length = strlen(fixtures[i].base64); length-- > 0;) {
			if (length >= sizeof(text))
				continue;
			memcpy(text, fixtures[i].base64, length);
			text[length] = '\0';
			assert_int_equal(parse_text(fixtures[i].type, text, &key, &error), -1);
			assert_int_equal(error.code, ERROR_BAD_KEY);
			assert_true(strlen(error.message) > 10);
			assert_null(key.blob);
		}
	}
	/* 41 bytes are 55 characters: the last group of the text is incomplete. */
	memcpy(text, BLOB_ED25519, 55);
	text[55] = '\0';
	assert_int_equal(parse_text("ssh-ed25519", text, &key, &error), -1);
	assert_non_null(strstr(error.message, "the key is cut off: "));
	assert_non_null(strstr(error.message, " of 51 bytes"));
}

static void damaged_base64_is_refused(void **state)
{
	static const char *const damaged[] = {"=", "====", "AAAA=", "*",
		"AAAAC3NzaC1lZDI1NTE5AAAA INnT8", BLOB_ED25519 "=", BLOB_ED25519 "-",
		"-" BLOB_ED25519, BLOB_P256 "=", BLOB_ED25519 " ", BLOB_ED25519 "\\n"};
	char spare[] = BLOB_RSA_1024; /* ends in "kw==" */
	struct pubkey key;
	struct error error;

	(void)state;
	for (size_t i = 0; i < COUNT(damaged); i++) {
		assert_int_equal(parse_text("ssh-ed25519", damaged[i], &key, &error), -1);
		assert_int_equal(error.code, ERROR_BAD_KEY);
	}
	spare[strlen(spare) - 3]++; /* bits that no byte holds */
	assert_int_equal(parse_text("ssh-rsa", spare, &key, &error), -1);
	spare[strlen(spare) - 3]--;
	spare[strlen(spare) - 1] = '\0'; /* a padding character too few */
	assert_int_equal(parse_text("ssh-rsa", spare, &key, &error), -1);
}

/* OpenSSH's base64 decoder skips what isspace(3) says, at any place. */
static void white_space_inside_is_skipped(void **state)
{
	static const char glue[] = "\r\v\f";
	char text[sizeof(BLOB_ED25519) + 8], padded[] = BLOB_RSA_1024 "?";
	struct pubkey key;
	struct error error;

	(void)state;
	for (size_t at = 0; at < sizeof(BLOB_ED25519); at++) {
		snprintf(text, sizeof(text), "%.*s%s%s", (int)at, BLOB_ED25519, glue,
			&BLOB_ED25519[at]);
		assert_int_equal(parse_text("ssh-ed25519", text, &key, &error), 0);
		pubkey_free(&key);
	}
	memcpy(padded + strlen(padded) - 3, "=\r=", 3);
	assert_int_equal(parse_text("ssh-rsa", padded, &key, &error), 0);
	pubkey_free(&key);
}

static void the_two_types_must_agree(void **state)
{
	const struct blob ed25519 = decoded(BLOB_ED25519), p256 = decoded(BLOB_P256);
	const struct blob unknown = renamed(BLOB_ED25519, "ssh-ed2\x1b[J");
	struct blob curve = {.length = 0}, other = decoded(BLOB_P384);
	struct pubkey key;
	struct error error;

	(void)state;
	check_refused("ssh-rsa", &ed25519, "'ssh-ed25519' inside but 'ssh-rsa' outside");
	check_refused(TYPE_SK_ED25519, &ed25519, "inside but");
	check_refused(TYPE_P384, &p256, "inside but");
	check_refused("ssh-ed25519", &unknown, "says 'ssh-ed2\\x1b[J' inside");
	assert_int_equal(parse_blob(NULL, &unknown, &key, &error), -1);
	assert_int_equal(error.code, ERROR_BAD_KEY);
	put_name(&curve, TYPE_P256);
	put_name(&curve, "nistp384");
	put(&curve, other.data + other.length - POINT_P384, POINT_P384);
	check_refused(TYPE_P256, &curve, "its curve is not the one of its type");
}

static void a_point_of_the_wrong_size_is_refused(void **state)
{
	const struct blob whole = decoded(BLOB_ED25519);
	struct blob shorter = {.length = 0}, longer = {.length = 0}, zero = {.length = 0};
	unsigned char point[33] = {0};

	(void)state;
	put_name(&shorter, "ssh-ed25519");
	put(&shorter, whole.data + whole.length - 32, 31);
	check_refused("ssh-ed25519", &shorter, "its point has 31 bytes");
	put_name(&longer, "ssh-ed25519");
	put(&longer, point, 33);
	check_refused("ssh-ed25519", &longer, "its point has 33 bytes");
	put_name(&zero, "ssh-ed25519");
	put(&zero, point, 32);
	check_same("ssh-ed25519", &zero, "SHA256:kmYcvdi2GkPeWxB6XLjrZB8JHsy2Hm8luHMFp9GMvqk");
}

static const struct curve_fixture {
	const char *type, *curve, *base64;
	const char *mirrored; /* the same x with p - y, which lies on the curve too */
	size_t point;
} curve_fixtures[] = {
	{TYPE_P256, "nistp256", BLOB_P256,
		"AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBCjmU0SL011hvTb/vV"
		"F/WFdUrNePKblJtUdcojcjK9sDvaDgnj0fe+qVYZEjzu3R5BgYni8VfaoO53IePQkswFE=",
		POINT_P256},
	{TYPE_P384, "nistp384", BLOB_P384,
		"AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBDRuj2OwOOPj8Fv0/W"
		"HB61GSzufPZabmcyNkCQF8un2dzIo5PIu18IJeHSm2SEqzfVTx1otbkPaQMTULlPxT4gAn"
		"DnoJVw4jSfpXAyGYaQwbjmN2Zu/2aRgOk1MRFTIISg==",
		POINT_P384},
	{TYPE_P521, "nistp521", BLOB_P521,
		"AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAA9IOhQ8rTrCknvAS"
		"2H+pkZJrABbZZdCtbO0+TQAGiBHaKjh+ENuOXVxMYEgYzAfc8FuEKgL147oZ6l7nI2ibY+"
		"4gFPrjFd2OaAGF5NUmrYDvmN3zgcddp2nSjM/ERKle6wuWKr2+lgOO8KYjQ5fS5E4H+YjD"
		"k3pBWWdZS/ASsQMaMmSQ==",
		POINT_P521},
};

static void the_mirrored_point_lies_on_the_curve(void **state)
{
	struct pubkey key;
	struct error error;

	(void)state;
	for (size_t i = 0; i < COUNT(curve_fixtures); i++) {
		assert_int_equal(parse_text(curve_fixtures[i].type, curve_fixtures[i].mirrored,
					 &key, &error),
			0);
		pubkey_free(&key);
	}
}

static void no_flipped_bit_of_a_point_gets_through(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(curve_fixtures); i++) {
		const struct curve_fixture *fixture = &curve_fixtures[i];
		struct blob blob = decoded(fixture->base64);
		unsigned char *point = blob.data + blob.length - fixture->point;

		assert_true(curve_has_point(fixture->curve, point, fixture->point));
		for (size_t bit = 0; bit < fixture->point * 8; bit++) {
			point[bit / 8] ^= (unsigned char)(1 << bit % 8);
			check_refused(fixture->type, &blob, "not on the curve");
			point[bit / 8] ^= (unsigned char)(1 << bit % 8);
		}
	}
}

static void compressed_and_odd_points_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(curve_fixtures); i++) {
		const struct curve_fixture *fixture = &curve_fixtures[i];
		const struct blob whole = decoded(fixture->base64);
		unsigned char point[POINT_P521];
		size_t half = (fixture->point - 1) / 2;

		memcpy(point, whole.data + whole.length - fixture->point, fixture->point);
		for (unsigned char form = 0; form < 8; form++) {
			point[0] = form;
			assert_false(curve_has_point(fixture->curve, point, 1 + half));
			assert_int_equal(
				curve_has_point(fixture->curve, point, fixture->point), form == 4);
			assert_false(curve_has_point(fixture->curve, point, 0));
			assert_false(curve_has_point(fixture->curve, point, fixture->point - 1));
		}
		memset(point + 1, 0, fixture->point - 1);
		point[0] = 4;
		assert_false(curve_has_point(fixture->curve, point, fixture->point));
		memset(point + 1, 0xff, fixture->point - 1);
		assert_false(curve_has_point(fixture->curve, point, fixture->point));
	}
	assert_false(curve_has_point("nistp224", (const unsigned char *)"\4", 1));
	assert_int_equal(curve_bits("nistp224"), 0);
}

/* x + p is the same x modulo p, and fits into the 66 bytes; it is no number of the field. */
static void a_coordinate_beyond_the_prime_is_refused(void **state)
{
	const struct blob blob =
		decoded("AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAI9IOhQ8rTrCknvAS"
			"2H+pkZJrABbZZdCtbO0+TQAGiBHaKjh+ENuOXVxMYEgYzAfc8FuEKgL147oZ6l7nI2ibY+"
			"4QCwUc6iJxl/56GyrZUn8QZyIMfjiiWJYtczA7u1ahFPRp1UJBafxxD1ncvGgtG7H4Bnc8"
			"bIW+ppimtA/tTvzlzZtg==");

	(void)state;
	check_refused(TYPE_P521, &blob, "not on the curve");
}

static void a_long_filler_inside_is_no_hiding_place(void **state)
{
	static char text[sizeof(BLOB_ED25519) + 9000];
	struct pubkey key;
	struct error error;

	(void)state;
	memset(text, '\r', sizeof(text) - 1);
	memcpy(text, BLOB_ED25519, 20);
	memcpy(text + sizeof(text) - 1 - (strlen(BLOB_ED25519) - 20), &BLOB_ED25519[20],
		strlen(BLOB_ED25519) - 20);
	/* ssh-keygen -l and sshd take it, so this key is known here too. */
	assert_int_equal(parse_text("ssh-ed25519", text, &key, &error), 0);
	pubkey_free(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_read),
		cmocka_unit_test(a_certificate_is_known_for_one),
		cmocka_unit_test(ssh_keygen_prints_the_same),
		cmocka_unit_test(names_are_exact),
		cmocka_unit_test(an_alias_is_the_same_key),
		cmocka_unit_test(a_nul_behind_a_name_is_the_same_key),
		cmocka_unit_test(a_nul_inside_an_application_is_refused),
		cmocka_unit_test(rsa_keys_have_1024_to_16384_bits),
		cmocka_unit_test(leading_zeros_are_the_same_key),
		cmocka_unit_test(too_many_leading_zeros_are_refused),
		cmocka_unit_test(negative_numbers_are_refused),
		cmocka_unit_test(bytes_behind_the_key_are_refused),
		cmocka_unit_test(a_cut_blob_is_refused_at_every_length),
		cmocka_unit_test(cut_base64_is_refused_at_every_length),
		cmocka_unit_test(damaged_base64_is_refused),
		cmocka_unit_test(white_space_inside_is_skipped),
		cmocka_unit_test(the_two_types_must_agree),
		cmocka_unit_test(a_point_of_the_wrong_size_is_refused),
		cmocka_unit_test(the_mirrored_point_lies_on_the_curve),
		cmocka_unit_test(no_flipped_bit_of_a_point_gets_through),
		cmocka_unit_test(compressed_and_odd_points_are_refused),
		cmocka_unit_test(a_coordinate_beyond_the_prime_is_refused),
		cmocka_unit_test(a_long_filler_inside_is_no_hiding_place),
	};

	return cmocka_run_group_tests_name("keys/pubkey", tests, NULL, NULL);
}
