/* Keys of a real account, added, restored and removed in a real file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/wait.h>

#include "base/error.h"
#include "keys/manager.h"
#include "keys/update.h"
#include "sys/homefile.h"
#include "sys/homefile_places.h"
#include "sys/process.h"
#include "sys/sshd_version.h"
#include "test_keys_fixtures.h"
#include "test_sys_home.h"

#define NOBODY    65534
#define FOREIGN   "# the platform's\n" OTHER_KEY " platform\n"
#define THIRD_KEY TYPE_P256 " " BLOB_P256

struct fixture {
	struct home *home;
	struct keys_place place;
	struct keys_report report; /* of the last call */
	struct error error;
	size_t listed; /* rows of the last list */
	char state_dir[96];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	char keys[128];
	static const struct instance nowhere;
	void *home = NULL;

	*state = fixture;
	if (!fixture || home_set_up(&home) != 0)
		return -1;
	fixture->home = home;
	if (geteuid() != 0)
		return 0;
	snprintf(fixture->state_dir, sizeof(fixture->state_dir), "%s/state", fixture->home->base);
	snprintf(keys, sizeof(keys), "%s/keys", fixture->state_dir);
	home_directory(fixture->state_dir, 0700, 0);
	home_directory(keys, 0700, 0);
	fixture->place = (struct keys_place){.account = &fixture->home->account,
		.owner = &fixture->home->account,
		.file = fixture->home->file,
		.state_dir = fixture->state_dir,
		.instance = &nowhere};
	home_write(fixture->home->file, FOREIGN, 0600, NOBODY);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	void *home = fixture->home;

	keys_report_free(&fixture->report);
	home_tear_down(&home);
	free(fixture);
	return 0;
}

static struct fixture *fixture_of(void **state)
{
	if (geteuid() != 0)
		skip();
	return *state;
}

static int add(struct fixture *fixture, const char *text, enum key_origin origin, bool force)
{
	const struct keys_request request = {.text = text,
		.length = strlen(text),
		.origin = origin,
		.force = force,
		.root = true};

	keys_report_free(&fixture->report);
	fixture->error = (struct error){0};
	return keys_add(&fixture->place, &request, &fixture->report, &fixture->error);
}

static void check_add(struct fixture *fixture, const char *text)
{
	if (add(fixture, text, ORIGIN_COMMAND, false) != 0)
		fail_msg("add: %s", fixture->error.message);
}

static int remove_key(struct fixture *fixture, const char *fingerprint, bool foreign, bool force)
{
	const struct keys_removal removal = {
		.fingerprints = &fingerprint, .count = 1, .foreign = foreign, .force = force};

	keys_report_free(&fixture->report);
	fixture->error = (struct error){0};
	return keys_remove(&fixture->place, &removal, &fixture->report, &fixture->error);
}

static void check_look(struct fixture *fixture)
{
	struct homefile_places places;

	keys_report_free(&fixture->report);
	if (keys_look(&fixture->place, &places, &fixture->report, &fixture->error) != 0)
		fail_msg("look: %s", fixture->error.message);
	assert_true(places.count >= 3);
	homefile_places_close(&places);
}

struct wanted_row {
	const char *fingerprint;
	const char *state;
	size_t listed;
};

static int take_state(void *context, const struct keys_row *row)
{
	struct wanted_row *wanted = context;

	wanted->listed++;
	assert_null(strchr(buffer_string(&row->comment), '\x1b'));
	assert_null(strchr(buffer_string(&row->options), '\x1b'));
	if (!*wanted->state && strcmp(row->fingerprint, wanted->fingerprint) == 0)
		wanted->state = row->state;
	return 0;
}

/* The state of a key as the list has it, "" if it is not in there. */
static const char *state_of(struct fixture *fixture, const char *fingerprint)
{
	struct wanted_row wanted = {.fingerprint = fingerprint, .state = ""};
	struct keys_listing *listing;

	keys_report_free(&fixture->report);
	if (keys_list_begin(&listing, &fixture->place, &fixture->report, &fixture->error) != 0)
		fail_msg("list: %s", fixture->error.message);
	assert_int_equal(keys_list_parts(listing), 1);
	assert_int_equal(keys_list_part(listing, 0, take_state, &wanted), 0);
	keys_list_end(listing);
	fixture->listed = wanted.listed;
	return wanted.state;
}

static void set_file(const struct fixture *fixture, const char *text)
{
	home_write(fixture->home->file, text, 0600, NOBODY);
}

static bool file_has(const struct fixture *fixture, const char *text)
{
	return strstr(home_text(fixture->home->file), text) != NULL;
}

static void check_event(const struct fixture *fixture, const char *event)
{
	for (size_t i = 0; i < fixture->report.event_count; i++)
		if (strcmp(fixture->report.events[i].event, event) == 0)
			return;
	fail_msg("no event '%s'", event);
}

/* Copies the file with every line dropped that holds text. */
static char *without_line(const struct fixture *fixture, const char *text)
{
	char *copy = strdup(home_text(fixture->home->file)), *at, *start, *end;

	assert_non_null(copy);
	at = strstr(copy, text);
	assert_non_null(at);
	for (start = at; start > copy && start[-1] != '\n';)
		start--;
	end = strchr(at, '\n');
	memmove(start, end + 1, strlen(end + 1) + 1);
	return copy;
}

static void a_key_is_added_and_listed(void **state)
{
	struct fixture *fixture = fixture_of(state);

	check_add(fixture, KEY " alice");
	assert_int_equal(fixture->report.row_count, 1);
	assert_int_equal(fixture->report.rows[0].kind, ROW_ADDED);
	assert_string_equal(fixture->report.rows[0].fingerprint, PRINT_ED25519);
	assert_false(fixture->report.pending);
	check_event(fixture, "added");
	assert_memory_equal(home_text(fixture->home->file), FOREIGN, strlen(FOREIGN));
	assert_true(file_has(fixture, "\n" KEY " alice\n# END vastagent "));
	assert_string_equal(state_of(fixture, PRINT_ED25519), "active");
	assert_string_equal(state_of(fixture, PRINT_ED25519_OTHER), "active");
	assert_int_equal(fixture->listed, 2);
}

/* Whatever stands in a file, its list can be shown. */
static void every_kind_of_line_is_listed(void **state)
{
	static const char *const lines[] = {"command=\"not closed " KEY "\n", "x\n",
		"foobar " KEY "\n", "ssh-ed25519\n", "\"" KEY "\"\n", "\xff\xfe\x1b[2J\n", "\rx\n",
		"ssh-dss " BLOB_DSA "\n", KEY " \x1b[2J\r\n"};
	struct fixture *fixture = fixture_of(state);
	struct buffer text = BUFFER_EMPTY;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		buffer_add_string(&text, lines[i]);
	set_file(fixture, buffer_string(&text));
	buffer_free(&text);
	assert_string_equal(state_of(fixture, ""), "invalid");
	assert_true(fixture->listed >= 8);
}

static void adding_again_changes_nothing(void **state)
{
	struct fixture *fixture = fixture_of(state);
	char *before;

	check_add(fixture, KEY " alice");
	before = strdup(home_text(fixture->home->file));
	check_add(fixture, KEY " alice");
	assert_int_equal(fixture->report.rows[0].kind, ROW_EXISTING);
	check_look(fixture);
	assert_string_equal(home_text(fixture->home->file), before);
	free(before);
}

static void one_bad_key_and_nothing_is_added(void **state)
{
	struct fixture *fixture = fixture_of(state);

	assert_int_equal(add(fixture, KEY " a\nssh-ed25519 AAAA b\n", ORIGIN_COMMAND, false), -1);
	assert_int_equal(fixture->error.code, ERROR_BAD_KEY);
	assert_int_equal(fixture->error.line, 2);
	assert_int_equal(fixture->report.reject_count, 1);
	assert_string_equal(home_text(fixture->home->file), FOREIGN);
	assert_string_equal(state_of(fixture, PRINT_ED25519), "");
}

static void a_dry_run_changes_nothing(void **state)
{
	struct fixture *fixture = fixture_of(state);
	const struct keys_request request = {
		.text = KEY, .length = strlen(KEY), .dry_run = true, .root = true};

	assert_int_equal(keys_add(&fixture->place, &request, &fixture->report, &fixture->error), 0);
	assert_int_equal(fixture->report.rows[0].kind, ROW_ADDED);
	assert_string_equal(home_text(fixture->home->file), FOREIGN);
	assert_string_equal(state_of(fixture, PRINT_ED25519), "");
}

static void a_missing_directory_is_made_for_a_key(void **state)
{
	struct fixture *fixture = fixture_of(state);

	unlink(fixture->home->file);
	assert_int_equal(rmdir(fixture->home->ssh), 0);
	check_add(fixture, KEY " alice");
	assert_true(file_has(fixture, KEY " alice\n"));
}

static void a_removed_key_stays_away(void **state)
{
	struct fixture *fixture = fixture_of(state);

	check_add(fixture, KEY " alice");
	assert_int_equal(remove_key(fixture, PRINT_ED25519, false, false), 0);
	assert_int_equal(fixture->report.rows[0].kind, ROW_REMOVED);
	assert_string_equal(home_text(fixture->home->file), FOREIGN);
	check_look(fixture);
	assert_string_equal(home_text(fixture->home->file), FOREIGN);
	assert_string_equal(state_of(fixture, PRINT_ED25519), "removed");
	assert_int_equal(remove_key(fixture, PRINT_ED25519, false, false), -1);
	assert_int_equal(fixture->error.code, ERROR_NO_SUCH_KEY);
	assert_int_equal(add(fixture, KEY, ORIGIN_TEMPLATE, false), 0);
	assert_string_equal(home_text(fixture->home->file), FOREIGN);
	check_add(fixture, KEY " alice");
	assert_true(file_has(fixture, KEY " alice\n"));
}

static void the_file_is_restored_after_a_rewrite(void **state)
{
	struct fixture *fixture = fixture_of(state);

	check_add(fixture, KEY " alice");
	set_file(fixture, FOREIGN);
	check_look(fixture);
	check_event(fixture, "restored");
	assert_true(file_has(fixture, KEY " alice\n"));
	assert_int_equal(truncate(fixture->home->file, 0), 0);
	check_look(fixture);
	assert_true(file_has(fixture, KEY " alice\n"));
	assert_false(file_has(fixture, FOREIGN));
	unlink(fixture->home->file);
	check_look(fixture);
	assert_true(file_has(fixture, KEY " alice\n"));
}

static void a_removal_by_hand_is_honoured(void **state)
{
	struct fixture *fixture = fixture_of(state);
	char *edited;

	check_add(fixture, KEY " alice\n" THIRD_KEY " carol");
	edited = without_line(fixture, KEY);
	set_file(fixture, edited);
	check_look(fixture);
	check_event(fixture, "taken_out");
	assert_false(file_has(fixture, KEY));
	assert_true(file_has(fixture, THIRD_KEY));
	assert_string_equal(state_of(fixture, PRINT_ED25519), "removed");
	set_file(fixture, FOREIGN); /* and it is not restored either */
	check_look(fixture);
	assert_false(file_has(fixture, KEY));
	free(edited);
}

static void a_stale_copy_is_merged(void **state)
{
	struct fixture *fixture = fixture_of(state);
	char *stale;

	check_add(fixture, KEY " alice");
	stale = strdup(home_text(fixture->home->file));
	check_add(fixture, THIRD_KEY " carol");
	set_file(fixture, stale); /* an editor that was opened before saves now */
	check_look(fixture);
	assert_true(file_has(fixture, KEY " alice\n"));
	assert_true(file_has(fixture, THIRD_KEY " carol\n"));
	assert_memory_equal(home_text(fixture->home->file), FOREIGN, strlen(FOREIGN));
	free(stale);
}

/* The removal was answered, so the older copy must not undo it. */
static void a_stale_copy_brings_no_removed_key_back(void **state)
{
	struct fixture *fixture = fixture_of(state);
	char *stale;

	check_add(fixture, KEY " alice\n" THIRD_KEY " carol");
	stale = strdup(home_text(fixture->home->file));
	assert_int_equal(remove_key(fixture, PRINT_ED25519, false, false), 0);
	set_file(fixture, stale);
	check_look(fixture);
	assert_false(file_has(fixture, KEY));
	assert_true(file_has(fixture, THIRD_KEY));
	free(stale);
}

/* The same with the last key: the store has no block any more, the copy has one. */
static void a_stale_copy_brings_the_last_removed_key_not_back(void **state)
{
	struct fixture *fixture = fixture_of(state);
	char *stale;

	check_add(fixture, KEY " alice");
	stale = strdup(home_text(fixture->home->file));
	assert_int_equal(remove_key(fixture, PRINT_ED25519, false, false), 0);
	set_file(fixture, stale);
	check_look(fixture);
	assert_false(file_has(fixture, KEY));
	free(stale);
}

static void foreign_bytes_are_kept(void **state)
{
	static const char *const texts[] = {"", "no newline", "a\r\nb\r\n\r", "\n\n#\n",
		"# BEGIN vastagent 0000000000000000 1; x\nk\n# END vastagent 0000000000000000\n"};
	struct fixture *fixture = fixture_of(state);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		set_file(fixture, texts[i]);
		check_look(fixture);
		check_add(fixture, KEY " alice");
		assert_true(file_has(fixture, KEY));
		assert_memory_equal(home_text(fixture->home->file), texts[i], strlen(texts[i]));
		assert_int_equal(remove_key(fixture, PRINT_ED25519, false, true), 0);
		assert_string_equal(home_text(fixture->home->file), texts[i]);
	}
}

static void a_foreign_key_is_pinned(void **state)
{
	struct fixture *fixture = fixture_of(state);

	check_add(fixture, OTHER_KEY " bob");
	assert_int_equal(fixture->report.rows[0].kind, ROW_EXISTING);
	assert_string_equal(home_text(fixture->home->file), FOREIGN);
	set_file(fixture, "# rewritten\n");
	check_look(fixture);
	assert_true(file_has(fixture, OTHER_KEY " bob\n"));
	set_file(fixture, FOREIGN);
	check_look(fixture);
	assert_string_equal(home_text(fixture->home->file), FOREIGN);
}

/* A line that lets the key not in is no reason to leave it out of the block. */
static void a_foreign_line_that_lets_nobody_in_pins_nothing(void **state)
{
	static const char *const useless[] = {"expiry-time=\"20000101Z\" " KEY "\n",
		"cert-authority " KEY "\n", "foobar " KEY "\n", "#" KEY "\n"};
	struct fixture *fixture = fixture_of(state);

	for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++) {
		set_file(fixture, useless[i]);
		check_add(fixture, KEY " alice");
		if (!file_has(fixture, "\n" KEY " alice\n"))
			fail_msg("%s: the added key does not work", useless[i]);
		assert_int_equal(remove_key(fixture, PRINT_ED25519, false, true), 0);
	}
}

static void a_laxer_copy_is_told_of(void **state)
{
	struct fixture *fixture = fixture_of(state);

	assert_int_equal(add(fixture, "restrict " OTHER_KEY, ORIGIN_COMMAND, false), -1);
	assert_int_equal(fixture->error.code, ERROR_BAD_OPTION);
	assert_non_null(strstr(fixture->error.message, "line 2 of "));
	assert_int_equal(add(fixture, "cert-authority " KEY, ORIGIN_COMMAND, false), -1);
	assert_int_equal(fixture->error.code, ERROR_BAD_OPTION);
	assert_int_equal(add(fixture, "cert-authority " KEY, ORIGIN_COMMAND, true), 0);
	assert_true(file_has(fixture, "\ncert-authority " KEY));
}

static void damage_store(const struct fixture *fixture)
{
	char store[128];

	snprintf(store, sizeof(store), "%s/keys/nobody.json", fixture->state_dir);
	home_write(store, "{", 0600, 0);
}

/* Which of several copies is the laxer one. */
static void a_laxer_copy_behind_the_same_line_is_told_of(void **state)
{
	struct fixture *fixture = fixture_of(state);

	set_file(fixture, "restrict " KEY " same\n" OTHER_KEY "\n" KEY " laxer\n");
	assert_int_equal(add(fixture, "restrict " KEY, ORIGIN_COMMAND, false), -1);
	assert_int_equal(fixture->error.code, ERROR_BAD_OPTION);
	assert_non_null(strstr(fixture->error.message, "line 3 of "));
	set_file(fixture, "restrict " KEY " same\n" OTHER_KEY "\n");
	check_add(fixture, "restrict " KEY);
}

/* Where the server knows no end of a time, the options are the same, and the time is not. */
static void another_time_is_another_time(void **state)
{
	struct fixture *fixture = fixture_of(state);
	const struct sshd_answer local = *sshd_version_answer();
	time_t now = time(NULL);
	struct keys_request request = {
		.text = KEY " alice", .length = strlen(KEY " alice"), .root = true};

	sshd_version_remember("OpenSSH_7.6p1", local.program, false);
	for (time_t hours = 0; hours < 3; hours++) {
		request.expires = hours ? now + hours * 3600 : 0;
		keys_report_free(&fixture->report);
		assert_int_equal(
			keys_add(&fixture->place, &request, &fixture->report, &fixture->error), 0);
		assert_int_equal(fixture->report.next_expiry, request.expires);
	}
	/* The bare key lifts no end. */
	check_add(fixture, KEY " alice");
	assert_int_equal(fixture->report.rows[0].kind, ROW_EXISTING);
	check_look(fixture);
	assert_int_equal(fixture->report.next_expiry, request.expires);
	/* Nor does a damaged store, though the block's line does not say it. */
	check_add(fixture, THIRD_KEY " carol");
	damage_store(fixture);
	check_look(fixture);
	check_event(fixture, "rebuilt");
	assert_int_equal(fixture->report.next_expiry, request.expires);
	sshd_version_remember(local.release, local.program, false);
}

/* Two lines of one key in one request: the laxer one must not quietly win or lose. */
static void a_request_that_contradicts_itself_is_refused(void **state)
{
	struct fixture *fixture = fixture_of(state);

	assert_int_equal(add(fixture, KEY " a\nrestrict " KEY " a", ORIGIN_COMMAND, false), -1);
	assert_string_equal(home_text(fixture->home->file), FOREIGN);
}

static void a_foreign_line_is_left_or_removed_as_asked(void **state)
{
	struct fixture *fixture = fixture_of(state);

	check_add(fixture, KEY " alice");
	assert_int_equal(remove_key(fixture, PRINT_ED25519_OTHER, false, false), 0);
	assert_true(fixture->report.incomplete);
	assert_non_null(strstr(buffer_string(&fixture->report.notes), "line 2 of "));
	assert_true(file_has(fixture, OTHER_KEY));
	assert_int_equal(remove_key(fixture, PRINT_ED25519_OTHER, true, false), 0);
	assert_false(fixture->report.incomplete);
	assert_false(file_has(fixture, OTHER_KEY));
	assert_true(file_has(fixture, "# the platform's\n"));
	assert_true(file_has(fixture, KEY " alice\n"));
}

static void check_undo(struct fixture *fixture)
{
	keys_report_free(&fixture->report);
	if (keys_undo(&fixture->place, &fixture->report, &fixture->error) != 0)
		fail_msg("undo: %s", fixture->error.message);
}

/* What comes back may do what it could do before, and no more. */
static void a_foreign_line_comes_back_with_its_options(void **state)
{
	struct fixture *fixture = fixture_of(state);
	const char *fingerprint = PRINT_ED25519;
	const struct keys_removal removal = {.fingerprints = &fingerprint, .count = 1};

	for (int sweep = 0; sweep < 2; sweep++) {
		set_file(fixture, FOREIGN "restrict,command=\"true\" " KEY " mate\n");
		keys_report_free(&fixture->report);
		if (sweep)
			assert_int_equal(keys_sweep(&fixture->place, &removal, &fixture->report,
						 &fixture->error),
				0);
		else
			assert_int_equal(remove_key(fixture, PRINT_ED25519, true, false), 0);
		assert_string_equal(home_text(fixture->home->file), FOREIGN);
		check_undo(fixture);
		assert_true(file_has(fixture, "\nrestrict,command=\"true\" " KEY " mate\n"));
		assert_int_equal(remove_key(fixture, PRINT_ED25519, false, false), 0);
	}
}

/* Options that no store can hold: not the key without them. */
static void a_line_that_cannot_be_kept_does_not_come_back(void **state)
{
	struct fixture *fixture = fixture_of(state);

	set_file(fixture, FOREIGN "command=\"echo \x1b[2J\" " KEY " mate\n");
	assert_int_equal(remove_key(fixture, PRINT_ED25519, true, false), 0);
	assert_int_equal(keys_undo(&fixture->place, &fixture->report, &fixture->error), -1);
	assert_int_equal(fixture->error.code, ERROR_NO_SUCH_KEY);
	assert_string_equal(home_text(fixture->home->file), FOREIGN);
}

/* What was edited is no number that a store can hold. */
static void a_store_is_made_anew_from_any_block(void **state)
{
	struct fixture *fixture = fixture_of(state);
	char *edited, *number, *text;

	check_add(fixture, KEY " alice");
	edited = strdup(home_text(fixture->home->file));
	number = strstr(edited, " 1;");
	assert_non_null(number);
	*number = '\0';
	damage_store(fixture);
	assert_true(asprintf(&text, "%s 18446744073709551615;%s", edited, number + 3) > 0);
	set_file(fixture, text);
	free(text);
	for (int i = 0; i < 3; i++)
		check_look(fixture);
	check_add(fixture, THIRD_KEY " carol");
	assert_true(file_has(fixture, KEY " alice\n" THIRD_KEY " carol\n# END"));
	free(edited);
}

/* The account of a fixture, in the place of root, and one that gets root's keys. */
static void a_mirror_follows_roots_options(void **state)
{
	struct fixture *fixture = fixture_of(state);
	const struct keys_place own = fixture->place;
	struct account root = fixture->home->account;
	char file[192], name[] = "root";

	root.name = name;
	snprintf(file, sizeof(file), "%s/roots", fixture->home->ssh);
	fixture->place.account = &root;
	fixture->place.file = file;
	check_add(fixture, KEY " alice");
	fixture->place = own;
	fixture->place.mirror = true;
	check_look(fixture);
	assert_true(file_has(fixture, "\n" KEY " alice\n"));
	fixture->place.account = &root;
	fixture->place.file = file;
	check_add(fixture, "restrict " KEY " alice");
	fixture->place = own;
	fixture->place.mirror = true;
	check_look(fixture);
	assert_true(file_has(fixture, "\nrestrict " KEY " alice\n"));
	assert_false(file_has(fixture, "\n" KEY " alice\n"));
}

static void the_last_key_needs_force(void **state)
{
	struct fixture *fixture = fixture_of(state);

	assert_int_equal(remove_key(fixture, PRINT_ED25519_OTHER, true, false), -1);
	assert_int_equal(fixture->error.code, ERROR_LAST_KEY);
	assert_string_equal(home_text(fixture->home->file), FOREIGN);
	assert_int_equal(remove_key(fixture, PRINT_ED25519_OTHER, true, true), 0);
	assert_string_equal(home_text(fixture->home->file), "# the platform's\n");
}

/* It lets nobody in, so taking it away locks nobody out. */
static void an_expired_key_is_never_the_last(void **state)
{
	struct fixture *fixture = fixture_of(state);

	set_file(fixture, "");
	check_add(fixture, "expiry-time=\"20000101Z\" " KEY " alice");
	assert_string_equal(state_of(fixture, PRINT_ED25519), "expired");
	assert_int_equal(remove_key(fixture, PRINT_ED25519, false, false), 0);
}

static void a_key_whose_time_is_over_is_added_again(void **state)
{
	struct fixture *fixture = fixture_of(state);

	check_add(fixture, "expiry-time=\"20000101Z\" " KEY " alice");
	assert_int_equal(add(fixture, KEY, ORIGIN_TEMPLATE, false), 0);
	assert_string_equal(state_of(fixture, PRINT_ED25519), "expired");
	check_add(fixture, KEY " alice");
	assert_int_equal(fixture->report.rows[0].kind, ROW_ADDED);
	assert_string_equal(state_of(fixture, PRINT_ED25519), "active");
	check_add(fixture, "expiry-time=\"20990101Z\" " KEY " alice");
	check_add(fixture, KEY " alice");
	assert_int_equal(fixture->report.rows[0].kind, ROW_EXISTING);
	assert_true(file_has(fixture, "expiry-time=\"20990101Z\" " KEY " alice\n"));
}

static void other_options_leave_the_name(void **state)
{
	struct fixture *fixture = fixture_of(state);
	const struct keys_request request = {
		.text = KEY, .length = strlen(KEY), .name = "alice", .root = true};

	assert_int_equal(keys_add(&fixture->place, &request, &fixture->report, &fixture->error), 0);
	check_add(fixture, "no-pty " KEY " laptop");
	assert_true(file_has(fixture, "no-pty " KEY " alice\n"));
}

static void an_unwritable_directory_makes_it_pending(void **state)
{
	struct fixture *fixture = fixture_of(state);

	assert_int_equal(chmod(fixture->home->ssh, 0500), 0);
	assert_int_equal(add(fixture, KEY " alice", ORIGIN_COMMAND, false), -1);
	assert_int_equal(fixture->error.code, ERROR_CANNOT_WRITE);
	assert_true(fixture->report.pending);
	assert_string_equal(home_text(fixture->home->file), FOREIGN);
	assert_string_equal(state_of(fixture, PRINT_ED25519), "pending");
	assert_int_equal(chmod(fixture->home->ssh, 0700), 0);
	check_look(fixture);
	assert_true(file_has(fixture, KEY " alice\n"));
	assert_string_equal(state_of(fixture, PRINT_ED25519), "active");
}

/* A write that failed must not turn a later edit by hand into a stale copy. */
static void a_removal_by_hand_after_a_failed_write_is_honoured(void **state)
{
	struct fixture *fixture = fixture_of(state);
	char *edited;

	check_add(fixture, KEY " alice");
	assert_int_equal(chmod(fixture->home->ssh, 0500), 0);
	assert_int_equal(add(fixture, THIRD_KEY " carol", ORIGIN_COMMAND, false), -1);
	assert_int_equal(chmod(fixture->home->ssh, 0700), 0);
	edited = without_line(fixture, KEY);
	set_file(fixture, edited);
	check_look(fixture);
	assert_false(file_has(fixture, KEY));
	assert_true(file_has(fixture, THIRD_KEY));
	free(edited);
}

static void an_unsafe_file_is_refused(void **state)
{
	struct fixture *fixture = fixture_of(state);

	assert_int_equal(chmod(fixture->home->file, 0666), 0);
	assert_int_equal(add(fixture, KEY, ORIGIN_COMMAND, false), -1);
	assert_int_equal(fixture->error.code, ERROR_UNSAFE_FILE);
	assert_string_equal(home_text(fixture->home->file), FOREIGN);
}

static void a_line_added_between_look_and_write_is_kept(void **state)
{
	struct fixture *fixture = fixture_of(state);
	struct keys_update update;
	struct key_line line;

	assert_int_equal(keys_update_begin(&update, &fixture->place, false, &fixture->report,
				 &fixture->error),
		0);
	key_line_parse(KEY, strlen(KEY), &line);
	assert_non_null(store_add(&update.store, &line.key));
	key_line_free(&line);
	update.store_changed = true;
	set_file(fixture, FOREIGN "theirs\n");
	assert_int_equal(keys_update_finish(&update, &fixture->error), 0);
	keys_update_end(&update);
	assert_memory_equal(home_text(fixture->home->file), FOREIGN "theirs\n# BEGIN",
		strlen(FOREIGN "theirs\n# BEGIN"));
	assert_true(file_has(fixture, KEY "\n"));
}

static void nothing_is_left_open_or_running(void **state)
{
	struct fixture *fixture = fixture_of(state);
	int before = home_count("/proc/self/fd");
	const struct timespec pause = {.tv_nsec = 10000000};
	long long end = process_now_ms() + 15000;

	for (int i = 0; i < 10; i++) {
		check_add(fixture, KEY " alice");
		set_file(fixture, FOREIGN);
		check_look(fixture);
		assert_int_equal(remove_key(fixture, PRINT_ED25519, false, false), 0);
		assert_int_equal(remove_key(fixture, "SHA256:x", false, false), -1);
	}
	assert_int_equal(home_count("/proc/self/fd"), before);
	/* Those that still watch for late writers end by themselves. */
	while (waitpid(-1, NULL, WNOHANG) >= 0 && process_now_ms() < end)
		nanosleep(&pause, NULL);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void keys_that_are_forgotten_are_left_or_taken_along(void **state)
{
	struct fixture *fixture = fixture_of(state);
	struct keys_update update;

	for (int keep = 0; keep < 2; keep++) {
		set_file(fixture, "# no newline");
		check_add(fixture, KEY " alice\n" THIRD_KEY " carol");
		/* Only the agent would have ended her time. */
		assert_int_equal(keys_update_begin(&update, &fixture->place, false,
					 &fixture->report, &fixture->error),
			0);
		update.store.keys[1].expires = update.now + 1000;
		update.store_changed = true;
		assert_int_equal(keys_update_finish(&update, &fixture->error), 0);
		keys_update_end(&update);
		keys_report_free(&fixture->report);
		assert_int_equal(
			keys_forget(&fixture->place, keep, &fixture->report, &fixture->error), 0);
		assert_string_equal(home_text(fixture->home->file),
			keep ? "# no newline\n" KEY " alice\n" : "# no newline");
		assert_int_equal(fixture->report.row_count, 2);
		assert_int_equal(fixture->report.rows[0].kind, keep ? ROW_LEFT : ROW_REMOVED);
		assert_int_equal(fixture->report.rows[1].kind, ROW_REMOVED);
		assert_string_equal(state_of(fixture, PRINT_ED25519), keep ? "active" : "");
	}
}

#define KEYS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* The first, so that nothing of a failed test is in its way. */
		KEYS_TEST(nothing_is_left_open_or_running),
		KEYS_TEST(a_key_is_added_and_listed),
		KEYS_TEST(every_kind_of_line_is_listed),
		KEYS_TEST(adding_again_changes_nothing),
		KEYS_TEST(one_bad_key_and_nothing_is_added),
		KEYS_TEST(a_dry_run_changes_nothing),
		KEYS_TEST(a_missing_directory_is_made_for_a_key),
		KEYS_TEST(a_removed_key_stays_away),
		KEYS_TEST(the_file_is_restored_after_a_rewrite),
		KEYS_TEST(a_removal_by_hand_is_honoured),
		KEYS_TEST(a_stale_copy_is_merged),
		KEYS_TEST(a_stale_copy_brings_no_removed_key_back),
		KEYS_TEST(a_stale_copy_brings_the_last_removed_key_not_back),
		KEYS_TEST(foreign_bytes_are_kept),
		KEYS_TEST(a_foreign_key_is_pinned),
		KEYS_TEST(a_foreign_line_that_lets_nobody_in_pins_nothing),
		KEYS_TEST(a_laxer_copy_is_told_of),
		KEYS_TEST(a_laxer_copy_behind_the_same_line_is_told_of),
		KEYS_TEST(another_time_is_another_time),
		KEYS_TEST(a_request_that_contradicts_itself_is_refused),
		KEYS_TEST(a_foreign_line_is_left_or_removed_as_asked),
		KEYS_TEST(a_foreign_line_comes_back_with_its_options),
		KEYS_TEST(a_line_that_cannot_be_kept_does_not_come_back),
		KEYS_TEST(a_mirror_follows_roots_options),
		KEYS_TEST(a_store_is_made_anew_from_any_block),
		KEYS_TEST(the_last_key_needs_force),
		KEYS_TEST(an_expired_key_is_never_the_last),
		KEYS_TEST(a_key_whose_time_is_over_is_added_again),
		KEYS_TEST(other_options_leave_the_name),
		KEYS_TEST(an_unwritable_directory_makes_it_pending),
		KEYS_TEST(a_removal_by_hand_after_a_failed_write_is_honoured),
		KEYS_TEST(an_unsafe_file_is_refused),
		KEYS_TEST(keys_that_are_forgotten_are_left_or_taken_along),
		KEYS_TEST(a_line_added_between_look_and_write_is_kept),
	};

	return cmocka_run_group_tests_name("keys/manager", tests, NULL, NULL);
}
