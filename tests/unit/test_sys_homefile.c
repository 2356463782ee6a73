/* A file in a real home of a real account, under everything that can go wrong there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

#include "base/error.h"
#include "sys/homefile.h"
#include "sys/homefile_places.h"
#include "sys/process.h"
#include "test_sys_home.h"

#define FLAGS  (HOMEFILE_WRITE | HOMEFILE_KEYS)
#define NOBODY 65534

static struct home *home_of(void **state)
{
	if (geteuid() != 0)
		skip();
	return *state;
}

static struct homefile *open_file(const struct home *home, unsigned flags)
{
	struct homefile *file;
	struct error error = {0};

	if (homefile_open(&file, &home->account, home->file, flags, &error) != 0)
		fail_msg("open: %s", error.message);
	return file;
}

static void check_read(struct homefile *file, const char *expected)
{
	const struct buffer *content;
	struct error error = {0};
	bool exists;

	if (homefile_read(file, &content, &exists, &error) != 0)
		fail_msg("read: %s", error.message);
	assert_true(exists == (expected != NULL));
	assert_string_equal(buffer_string(content), expected ? expected : "");
}

/* Replaces the file; expects what *content then holds, NULL if nothing changed. */
static void check_replace(struct homefile *file, const char *text, const char *expected)
{
	struct buffer replacement = BUFFER_EMPTY;
	const struct buffer *content;
	struct error error = {0};
	bool changed;

	assert_int_equal(buffer_add_string(&replacement, text), 0);
	if (homefile_replace(file, &replacement, &changed, &content, &error) != 0)
		fail_msg("replace: %s", error.message);
	assert_true(changed == (expected != NULL));
	if (expected)
		assert_string_equal(buffer_string(content), expected);
	buffer_free(&replacement);
}

/* Opening or reading must end in this code. */
static void check_refused(const struct home *home, unsigned flags, enum error_code code)
{
	const struct buffer *content;
	struct homefile *file;
	struct error error = {0};
	bool exists;
	int result = homefile_open(&file, &home->account, home->file, flags, &error);

	if (result == 0)
		result = homefile_read(file, &content, &exists, &error);
	homefile_close(file);
	assert_int_equal(result, -1);
	assert_int_equal(error.code, code);
	assert_non_null(strstr(error.message, "/home"));
}

static void check_cannot_write(struct homefile *file)
{
	struct buffer replacement = BUFFER_EMPTY;
	const struct buffer *content;
	struct error error = {0};
	bool changed;

	assert_int_equal(buffer_add_string(&replacement, "new\n"), 0);
	assert_int_equal(homefile_replace(file, &replacement, &changed, &content, &error), -1);
	assert_int_equal(error.code, ERROR_CANNOT_WRITE);
	buffer_free(&replacement);
}

static void a_file_is_read_and_replaced(void **state)
{
	struct home *home = home_of(state);
	struct homefile *file;

	home_write(home->file, "old\n", 0600, NOBODY);
	file = open_file(home, FLAGS);
	check_read(file, "old\n");
	check_replace(file, "new\n", NULL);
	homefile_close(file);
	assert_string_equal(home_text(home->file), "new\n");
	assert_int_equal(home_count(home->ssh), 1);
}

static void a_missing_file_is_made(void **state)
{
	struct home *home = home_of(state);
	struct homefile *file = open_file(home, FLAGS);
	struct stat what;

	check_read(file, NULL);
	check_replace(file, "new\n", NULL);
	homefile_close(file);
	assert_string_equal(home_text(home->file), "new\n");
	assert_int_equal(stat(home->file, &what), 0);
	assert_int_equal(what.st_mode & 07777, 0600);
	assert_int_equal(what.st_uid, NOBODY);
	assert_int_equal(what.st_gid, NOBODY);
}

static void two_replacements_in_a_row(void **state)
{
	struct home *home = home_of(state);
	struct homefile *file;

	home_write(home->file, "one\n", 0600, NOBODY);
	file = open_file(home, FLAGS);
	check_read(file, "one\n");
	check_replace(file, "two\n", NULL);
	check_replace(file, "three\n", NULL);
	assert_string_equal(home_text(home->file), "three\n");
	check_replace(file, "", NULL);
	homefile_close(file);
	assert_string_equal(home_text(home->file), "");
}

static void the_same_bytes_are_not_written(void **state)
{
	struct home *home = home_of(state);
	struct homefile *file;
	struct stat before, after;

	home_write(home->file, "old\n", 0600, NOBODY);
	assert_int_equal(stat(home->file, &before), 0);
	file = open_file(home, FLAGS);
	check_read(file, "old\n");
	check_replace(file, "old\n", NULL);
	homefile_close(file);
	assert_int_equal(stat(home->file, &after), 0);
	assert_true(before.st_ino == after.st_ino);
	assert_true(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
}

static void mode_owner_and_attributes_are_kept(void **state)
{
	static const mode_t modes[] = {0600, 0644, 0640, 0400, 0444};
	struct home *home = home_of(state);
	struct homefile *file;
	struct stat what;
	char value[8];
	bool attributes;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		home_write(home->file, "old\n", modes[i], NOBODY);
		attributes = setxattr(home->file, "user.note", "kept", 4, 0) == 0;
		file = open_file(home, FLAGS);
		check_read(file, "old\n");
		check_replace(file, "new\n", NULL);
		homefile_close(file);
		assert_int_equal(stat(home->file, &what), 0);
		assert_int_equal(what.st_mode & 07777, modes[i]);
		assert_int_equal(what.st_uid, NOBODY);
		if (attributes) {
			assert_int_equal(getxattr(home->file, "user.note", value, 8), 4);
			assert_memory_equal(value, "kept", 4);
		}
		unlink(home->file);
	}
}

static void a_link_stays_a_link(void **state)
{
	struct home *home = home_of(state);
	struct homefile *file;
	char target[160];
	struct stat what;

	snprintf(target, sizeof(target), "%s/dotfiles", home->path);
	home_directory(target, 0755, NOBODY);
	strcat(target, "/keys");
	home_write(target, "old\n", 0600, NOBODY);
	assert_int_equal(symlink("../dotfiles/keys", home->file), 0);
	file = open_file(home, FLAGS);
	check_read(file, "old\n");
	check_replace(file, "new\n", NULL);
	homefile_close(file);
	assert_string_equal(home_text(target), "new\n");
	assert_int_equal(lstat(home->file, &what), 0);
	assert_true(S_ISLNK(what.st_mode));
	assert_int_equal(home_count(home->ssh), 1);
}

static void a_linked_directory_stays_a_link(void **state)
{
	struct home *home = home_of(state);
	struct homefile *file;
	char elsewhere[160];
	struct stat what;

	snprintf(elsewhere, sizeof(elsewhere), "%s/synced", home->path);
	assert_int_equal(rename(home->ssh, elsewhere), 0);
	assert_int_equal(symlink("synced", home->ssh), 0);
	file = open_file(home, FLAGS);
	check_read(file, NULL);
	check_replace(file, "new\n", NULL);
	homefile_close(file);
	assert_int_equal(lstat(home->ssh, &what), 0);
	assert_true(S_ISLNK(what.st_mode));
	strcat(elsewhere, "/authorized_keys");
	assert_string_equal(home_text(elsewhere), "new\n");
}

static void what_is_no_regular_file_is_refused(void **state)
{
	struct home *home = home_of(state);

	assert_int_equal(mkfifo(home->file, 0600), 0);
	assert_int_equal(chown(home->file, NOBODY, NOBODY), 0);
	check_refused(home, FLAGS, ERROR_UNSAFE_FILE);
	unlink(home->file);
	home_directory(home->file, 0700, NOBODY);
	check_refused(home, FLAGS, ERROR_UNSAFE_FILE);
	rmdir(home->file);
	assert_int_equal(symlink("/dev/null", home->file), 0);
	check_refused(home, HOMEFILE_READ, ERROR_UNSAFE_FILE);
	unlink(home->file);
	assert_int_equal(symlink("nowhere", home->file), 0);
	check_refused(home, FLAGS, ERROR_UNSAFE_FILE);
	unlink(home->file);
	assert_int_equal(symlink("authorized_keys", home->file), 0);
	check_refused(home, FLAGS, ERROR_UNSAFE_FILE);
}

/* As sshd's StrictModes has it, with Debian's exception for an account's own group. */
static void the_files_mode_and_owner(void **state)
{
	static const struct {
		mode_t mode;
		uid_t uid;
		gid_t gid;
		bool fine;
	} rows[] = {{0600, NOBODY, NOBODY, true}, {0644, NOBODY, NOBODY, true},
		{0640, NOBODY, 1, true}, {0644, 0, 0, true}, {0620, NOBODY, NOBODY, false},
		{0620, NOBODY, 1, false}, {0660, NOBODY, 0, false}, {0602, NOBODY, NOBODY, false},
		{0666, NOBODY, NOBODY, false}, {0644, 1, 1, false}, {0600, 1, 1, false}};
	struct home *home = home_of(state);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		home_write(home->file, "x\n", 0600, NOBODY);
		assert_int_equal(chown(home->file, rows[i].uid, rows[i].gid), 0);
		assert_int_equal(chmod(home->file, rows[i].mode), 0);
		if (rows[i].fine) {
			struct homefile *file = open_file(home, FLAGS);
			check_read(file, "x\n");
			homefile_close(file);
		} else {
			check_refused(home, FLAGS, ERROR_UNSAFE_FILE);
		}
		unlink(home->file);
	}
}

static void the_directories_modes_and_owners(void **state)
{
	struct home *home = home_of(state);

	home_write(home->file, "x\n", 0600, NOBODY);
	assert_int_equal(chmod(home->ssh, 0777), 0);
	check_refused(home, FLAGS, ERROR_UNSAFE_FILE);
	assert_int_equal(chmod(home->ssh, 01777), 0);
	check_refused(home, FLAGS, ERROR_UNSAFE_FILE);
	assert_int_equal(chmod(home->ssh, 0700), 0);
	assert_int_equal(chmod(home->path, 0757), 0);
	check_refused(home, FLAGS, ERROR_UNSAFE_FILE);
	assert_int_equal(chmod(home->path, 0755), 0);
	assert_int_equal(chown(home->path, 1, 1), 0);
	check_refused(home, FLAGS, ERROR_UNSAFE_FILE);
	assert_int_equal(chown(home->path, 0, 0), 0);
	/* What lies above the home is no concern of sshd's. */
	assert_int_equal(chmod(home->base, 0777), 0);
	homefile_close(open_file(home, FLAGS));
	assert_int_equal(chmod(home->base, 0755), 0);
}

static void a_missing_directory_is_made_only_if_asked(void **state)
{
	struct home *home = home_of(state);
	struct homefile *file;
	struct stat what;

	assert_int_equal(rmdir(home->ssh), 0);
	file = open_file(home, FLAGS);
	check_read(file, NULL);
	check_cannot_write(file);
	homefile_close(file);
	assert_int_equal(stat(home->ssh, &what), -1);
	file = open_file(home, FLAGS | HOMEFILE_CREATE);
	check_read(file, NULL);
	check_replace(file, "new\n", NULL);
	homefile_close(file);
	assert_int_equal(stat(home->ssh, &what), 0);
	assert_int_equal(what.st_mode & 07777, 0700);
	assert_int_equal(what.st_uid, NOBODY);
	assert_string_equal(home_text(home->file), "new\n");
}

static void a_directory_that_cannot_be_written_is_told(void **state)
{
	struct home *home = home_of(state);
	struct homefile *file;

	home_write(home->file, "old\n", 0600, NOBODY);
	assert_int_equal(chmod(home->ssh, 0500), 0);
	file = open_file(home, FLAGS);
	check_read(file, "old\n");
	check_cannot_write(file);
	homefile_close(file);
	assert_string_equal(home_text(home->file), "old\n");
	assert_int_equal(home_count(home->ssh), 1);
}

static void append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void what_came_since_the_read_is_not_lost(void **state)
{
	struct home *home = home_of(state);
	struct homefile *file;

	home_write(home->file, "old\n", 0600, NOBODY);
	file = open_file(home, FLAGS);
	check_read(file, "old\n");
	append(home->file, "theirs\n");
	check_replace(file, "old\nours\n", "old\ntheirs\n");
	assert_string_equal(home_text(home->file), "old\ntheirs\n");
	check_replace(file, "old\ntheirs\nours\n", NULL);
	assert_string_equal(home_text(home->file), "old\ntheirs\nours\n");
	home_write(home->file, "rewritten\n", 0600, NOBODY);
	check_read(file, "rewritten\n");
	unlink(home->file);
	check_replace(file, "rewritten\nours\n", "");
	check_replace(file, "ours\n", NULL);
	homefile_close(file);
	assert_string_equal(home_text(home->file), "ours\n");
	assert_int_equal(home_count(home->ssh), 1);
}

static void a_file_that_appears_meanwhile_is_seen(void **state)
{
	struct home *home = home_of(state);
	struct homefile *file = open_file(home, FLAGS);

	check_read(file, NULL);
	home_write(home->file, "theirs\n", 0600, NOBODY);
	check_replace(file, "ours\n", "theirs\n");
	homefile_close(file);
	assert_string_equal(home_text(home->file), "theirs\n");
}

/*
 * A program that opened the file before it was replaced and writes behind the rename:
 * what it wrote stands in a file that has no name any more.
 */
static pid_t start_late_writer(const struct home *home, int how, const char *text)
{
	int fd = open(home->file, how | O_CLOEXEC), gate[2];
	long long end = process_now_ms() + 10000;
	struct stat mine, now;
	pid_t child;
	char byte;

	assert_true(fd >= 0);
	assert_int_equal(pipe(gate), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		fstat(fd, &mine);
		close(gate[0]);
		close(gate[1]);
		while (process_now_ms() < end)
			if (stat(home->file, &now) == 0 && now.st_ino != mine.st_ino)
				break;
		_exit(write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : 1);
	}
	close(fd);
	close(gate[1]);
	assert_int_equal(read(gate[0], &byte, 1), 0); /* it runs */
	close(gate[0]);
	return child;
}

/* Replaces the file, and again by what came back if somebody was faster. */
static void replace_and_merge(struct homefile *file, const char *text)
{
	struct buffer wanted = BUFFER_EMPTY;
	const struct buffer *content;
	struct error error = {0};
	bool changed = true;

	assert_int_equal(buffer_add_string(&wanted, text), 0);
	for (int i = 0; i < 5 && changed; i++) {
		assert_int_equal(homefile_replace(file, &wanted, &changed, &content, &error), 0);
		if (changed) {
			buffer_clear(&wanted);
			buffer_add(&wanted, content->data, content->length);
		}
	}
	assert_false(changed);
	buffer_free(&wanted);
}

static void wait_for_text(const char *path, const char *text)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	long long end = process_now_ms() + 15000;

	while (strcmp(home_text(path), text) != 0 && process_now_ms() < end)
		nanosleep(&pause, NULL);
	assert_string_equal(home_text(path), text);
}

static void what_is_appended_late_is_not_lost(void **state)
{
	struct home *home = home_of(state);
	struct homefile *file;
	pid_t writer;

	home_write(home->file, "old\n", 0600, NOBODY);
	file = open_file(home, FLAGS);
	check_read(file, "old\n");
	writer = start_late_writer(home, O_WRONLY | O_APPEND, "late\n");
	/* It is noticed at once, or by the watch that stays behind. */
	replace_and_merge(file, "old\nours\n");
	assert_int_equal(process_wait(writer), 0);
	homefile_close(file);
	wait_for_text(home->file, "old\nours\nlate\n");
}

static void what_is_rewritten_late_is_not_lost(void **state)
{
	struct home *home = home_of(state);
	struct homefile *file;
	pid_t writer;

	home_write(home->file, "old\n", 0600, NOBODY);
	file = open_file(home, FLAGS);
	check_read(file, "old\n");
	writer = start_late_writer(home, O_WRONLY, "their whole file\n");
	/* While it is being written it is half a text: it is taken once its writer is done. */
	replace_and_merge(file, "old\nours\n");
	homefile_close(file);
	assert_int_equal(process_wait(writer), 0);
	wait_for_text(home->file, "their whole file\n");
}

static void leftovers_of_a_killed_agent_are_removed(void **state)
{
	struct home *home = home_of(state);
	struct homefile *file;
	char leftover[256], similar[256];

	snprintf(leftover, sizeof(leftover), "%s/.authorized_keys.vastagent-00ff", home->ssh);
	snprintf(similar, sizeof(similar), "%s/.authorized_keys.vasta", home->ssh);
	home_write(leftover, "half", 0600, NOBODY);
	home_write(similar, "theirs", 0600, NOBODY);
	home_write(home->file, "old\n", 0600, NOBODY);
	file = open_file(home, FLAGS);
	check_read(file, "old\n");
	check_replace(file, "new\n", NULL);
	homefile_close(file);
	assert_int_equal(access(leftover, F_OK), -1);
	assert_int_equal(access(similar, F_OK), 0);
}

static void one_writer_at_a_time(void **state)
{
	struct home *home = home_of(state);
	struct homefile *first = open_file(home, FLAGS), *second;
	struct error error = {0};

	homefile_close(open_file(home, HOMEFILE_KEYS)); /* a reader does not wait */
	assert_int_equal(homefile_open(&second, &home->account, home->file, FLAGS, &error), -1);
	assert_int_equal(error.code, ERROR_BUSY);
	homefile_close(first);
	homefile_close(open_file(home, FLAGS));
}

static void there_is_a_largest_file(void **state)
{
	struct home *home = home_of(state);
	struct buffer large = BUFFER_EMPTY;
	const struct buffer *content;
	struct homefile *file;
	struct error error = {0};
	bool exists, changed;

	home_write(home->file, "", 0600, NOBODY);
	assert_int_equal(truncate(home->file, HOMEFILE_LIMIT), 0);
	file = open_file(home, FLAGS);
	assert_int_equal(homefile_read(file, &content, &exists, &error), 0);
	assert_int_equal(content->length, HOMEFILE_LIMIT);
	assert_int_equal(truncate(home->file, HOMEFILE_LIMIT + 1), 0);
	assert_int_equal(homefile_read(file, &content, &exists, &error), -1);
	assert_int_equal(error.code, ERROR_TOO_LARGE);
	assert_int_equal(truncate(home->file, 0), 0);
	check_read(file, "");
	assert_non_null(buffer_reserve(&large, (size_t)HOMEFILE_LIMIT + 1));
	memset(large.data, 'x', (size_t)HOMEFILE_LIMIT + 1);
	large.length = (size_t)HOMEFILE_LIMIT + 1;
	assert_int_equal(homefile_replace(file, &large, &changed, &content, &error), -1);
	assert_int_equal(error.code, ERROR_TOO_LARGE);
	homefile_close(file);
	buffer_free(&large);
}

/* The home is at /var/lib/vastagent-test-…/home. */
static void check_places(const struct home *home, unsigned flags, const char *names, int at_home)
{
	struct homefile *file = open_file(home, flags);
	struct homefile_places places;
	struct stat given, expected;
	struct error error;
	char wanted[512];

	snprintf(wanted, sizeof(wanted), "var/lib/%s/home/%s", strrchr(home->base, '/') + 1, names);
	assert_int_equal(homefile_places(file, &places, &error), 0);
	assert_string_equal(places.names, wanted);
	assert_int_equal(places.home, at_home);
	assert_int_equal(fstat(places.directories[4], &given), 0);
	assert_int_equal(stat(home->path, &expected), 0);
	assert_true(given.st_ino == expected.st_ino && given.st_dev == expected.st_dev);
	homefile_places_close(&places);
	homefile_close(file);
}

/* A link to itself: what does not end is cut off, from the far side. */
static void check_loop(const struct home *home)
{
	struct homefile *file = open_file(home, HOMEFILE_KEYS | HOMEFILE_ASIDE);
	struct homefile_places places;
	struct error error;

	assert_int_equal(homefile_places(file, &places, &error), 0);
	assert_int_equal(places.count, HOMEFILE_PLACES);
	assert_int_equal(places.home, -1);
	homefile_places_close(&places);
	homefile_close(file);
}

static void the_places_to_watch_are_given(void **state)
{
	struct home *home = home_of(state);
	char other[256];

	check_places(home, FLAGS, ".ssh/authorized_keys", 4);
	snprintf(other, sizeof(other), "%s/other", home->path);
	assert_int_equal(rename(home->ssh, other), 0);
	check_places(home, HOMEFILE_KEYS, ".ssh", 4);
	assert_int_equal(symlink("./other/", home->ssh), 0);
	check_places(home, HOMEFILE_KEYS, ".ssh/other/authorized_keys", 4);
	assert_int_equal(chmod(other, 0777), 0);
	check_places(home, HOMEFILE_KEYS | HOMEFILE_ASIDE, ".ssh/other/authorized_keys", 4);
	assert_int_equal(unlink(home->ssh), 0);
	assert_int_equal(symlink(".ssh", home->ssh), 0);
	check_loop(home);
}

/* What root may read and the account may not stays unread: the child is the account. */
static void nothing_is_opened_as_root(void **state)
{
	struct home *home = home_of(state);
	char secret[128];

	snprintf(secret, sizeof(secret), "%s/secret", home->base);
	home_write(secret, "secret\n", 0600, 0);
	assert_int_equal(symlink(secret, home->file), 0);
	check_refused(home, HOMEFILE_READ, ERROR_UNSAFE_FILE);
	assert_int_equal(chmod(home->base, 0700), 0);
	check_refused(home, HOMEFILE_READ, ERROR_UNSAFE_FILE);
	assert_int_equal(chmod(home->base, 0755), 0);
}

static void nothing_is_left_open_or_running(void **state)
{
	struct home *home = home_of(state);
	int before = home_count("/proc/self/fd");
	struct homefile *file;
	struct error error;

	for (int i = 0; i < 20; i++) {
		file = open_file(home, FLAGS);
		check_read(file, i ? "x\n" : NULL);
		check_replace(file, "x\n", NULL);
		homefile_close(file);
	}
	assert_int_equal(chmod(home->ssh, 0777), 0);
	assert_int_equal(homefile_open(&file, &home->account, home->file, FLAGS, &error), -1);
	assert_null(file);
	homefile_close(NULL);
	assert_int_equal(home_count("/proc/self/fd"), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

#define HOME_TEST(name) cmocka_unit_test_setup_teardown(name, home_set_up, home_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* The first, so that nothing of a failed test is in its way. */
		HOME_TEST(nothing_is_left_open_or_running),
		HOME_TEST(a_file_is_read_and_replaced),
		HOME_TEST(a_missing_file_is_made),
		HOME_TEST(two_replacements_in_a_row),
		HOME_TEST(the_same_bytes_are_not_written),
		HOME_TEST(mode_owner_and_attributes_are_kept),
		HOME_TEST(a_link_stays_a_link),
		HOME_TEST(a_linked_directory_stays_a_link),
		HOME_TEST(what_is_no_regular_file_is_refused),
		HOME_TEST(the_files_mode_and_owner),
		HOME_TEST(the_directories_modes_and_owners),
		HOME_TEST(a_missing_directory_is_made_only_if_asked),
		HOME_TEST(a_directory_that_cannot_be_written_is_told),
		HOME_TEST(what_came_since_the_read_is_not_lost),
		HOME_TEST(a_file_that_appears_meanwhile_is_seen),
		HOME_TEST(what_is_appended_late_is_not_lost),
		HOME_TEST(what_is_rewritten_late_is_not_lost),
		HOME_TEST(leftovers_of_a_killed_agent_are_removed),
		HOME_TEST(one_writer_at_a_time),
		HOME_TEST(there_is_a_largest_file),
		HOME_TEST(the_places_to_watch_are_given),
		HOME_TEST(nothing_is_opened_as_root),
	};

	return cmocka_run_group_tests_name("sys/homefile", tests, NULL, NULL);
}
