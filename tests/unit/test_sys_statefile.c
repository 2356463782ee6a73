#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/error.h"
#include "sys/statefile.h"
#include "test_sys_home.h"

static char directory[64];
static char path[96];

static int set_up(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	strcpy(directory, "/run/vastagent-state-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/file", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (geteuid() == 0)
		home_erase(directory);
	return 0;
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static struct buffer text_of(const char *text)
{
	struct buffer buffer = BUFFER_EMPTY;

	assert_int_equal(buffer_add_string(&buffer, text), 0);
	return buffer;
}

static int read_file(size_t limit, struct buffer *content, struct error *error)
{
	bool exists;

	*error = (struct error){0};
	return statefile_read(path, limit, content, &exists, error);
}

static void check_unsafe(void)
{
	struct buffer content = BUFFER_EMPTY;
	struct error error;

	assert_int_equal(read_file(100, &content, &error), -1);
	assert_int_equal(error.code, ERROR_UNSAFE_FILE);
	assert_non_null(strstr(error.message, path));
	assert_int_equal(content.length, 0);
	buffer_free(&content);
}

static void only_roots_own_files_are_read(void **state)
{
	struct buffer content = BUFFER_EMPTY;
	struct error error;

	(void)state;
	need_root();
	home_write(path, "x", 0644, 0);
	assert_int_equal(read_file(100, &content, &error), 0);
	assert_string_equal(buffer_string(&content), "x");
	buffer_free(&content);
	assert_int_equal(chmod(path, 0660), 0);
	check_unsafe();
	assert_int_equal(chmod(path, 0602), 0);
	check_unsafe();
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(chown(path, 65534, 0), 0);
	check_unsafe();
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	check_unsafe();
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	check_unsafe();
	rmdir(path);
}

static void a_missing_file_and_a_large_one(void **state)
{
	struct buffer content = BUFFER_EMPTY;
	struct error error;
	bool exists = true;

	(void)state;
	need_root();
	assert_int_equal(statefile_read(path, 3, &content, &exists, &error), 0);
	assert_false(exists);
	home_write(path, "abc", 0600, 0);
	assert_int_equal(statefile_read(path, 3, &content, &exists, &error), 0);
	assert_true(exists);
	assert_int_equal(statefile_read(path, 3, &content, &exists, &error), 0); /* appends */
	assert_string_equal(buffer_string(&content), "abcabc");
	assert_int_equal(statefile_read(path, 2, &content, &exists, &error), -1);
	assert_int_equal(error.code, ERROR_TOO_LARGE);
	buffer_free(&content);
}

static void a_file_is_replaced_not_rewritten(void **state)
{
	struct buffer content = text_of("new"), empty = BUFFER_EMPTY;
	struct stat before, after;
	struct error error;
	int old;

	(void)state;
	need_root();
	home_write(path, "old", 0644, 0);
	old = open(path, O_RDONLY);
	assert_int_equal(fstat(old, &before), 0);
	assert_int_equal(statefile_write(path, &content, &error), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_mode & 07777, 0600);
	assert_true(before.st_ino != after.st_ino);
	assert_string_equal(home_text(path), "new");
	assert_int_equal(fstat(old, &before), 0);
	assert_int_equal(before.st_size, 3); /* who reads it still sees it whole */
	close(old);
	assert_int_equal(statefile_write(path, &empty, &error), 0);
	assert_string_equal(home_text(path), "");
	assert_int_equal(home_count(directory), 1);
	buffer_free(&content);
}

static void a_failed_write_leaves_the_old_file(void **state)
{
	struct buffer content = text_of("new");
	struct error error;
	char inside[128];

	(void)state;
	need_root();
	assert_int_equal(statefile_write("/run/no/such/place", &content, &error), -1);
	assert_int_equal(error.code, ERROR_CANNOT_WRITE);
	/* A directory in the place of the file: the rename fails. */
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(inside, sizeof(inside), "%s/x", path);
	home_write(inside, "old", 0600, 0);
	assert_int_equal(statefile_write(path, &content, &error), -1);
	assert_int_equal(error.code, ERROR_CANNOT_WRITE);
	assert_string_equal(home_text(inside), "old");
	assert_int_equal(home_count(directory), 1);
	buffer_free(&content);
}

static void a_planted_link_is_not_followed(void **state)
{
	struct buffer content = text_of("new");
	struct error error;
	char temporary[128], victim[128];

	(void)state;
	need_root();
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	snprintf(victim, sizeof(victim), "%s/victim", directory);
	home_write(victim, "theirs", 0600, 0);
	assert_int_equal(symlink(victim, temporary), 0);
	assert_int_equal(statefile_write(path, &content, &error), 0);
	assert_string_equal(home_text(victim), "theirs");
	unlink(path);
	assert_int_equal(symlink(victim, path), 0);
	assert_int_equal(statefile_append(path, 100, &content, &error), -1);
	assert_int_equal(error.code, ERROR_CANNOT_WRITE);
	assert_string_equal(home_text(victim), "theirs");
	buffer_free(&content);
}

static void a_journal_is_rotated(void **state)
{
	struct buffer line = text_of("123456789\n");
	struct error error;
	char older[128];
	struct stat what;

	(void)state;
	need_root();
	snprintf(older, sizeof(older), "%s.1", path);
	for (int i = 0; i < 2; i++)
		assert_int_equal(statefile_append(path, 30, &line, &error), 0);
	assert_string_equal(home_text(path), "123456789\n123456789\n");
	assert_int_equal(stat(path, &what), 0);
	assert_int_equal(what.st_mode & 07777, 0600);
	assert_int_equal(stat(older, &what), -1);
	for (int i = 0; i < 5; i++)
		assert_int_equal(statefile_append(path, 30, &line, &error), 0);
	assert_string_equal(home_text(path), "123456789\n");
	assert_string_equal(home_text(older), "123456789\n123456789\n123456789\n");
	assert_int_equal(home_count(directory), 2);
	buffer_free(&line);
}

static void a_journal_stays_within_its_bound(void **state)
{
	struct buffer line = text_of("123456789\n"), lines = text_of("one\ntwo\nthree\nfour\n");
	struct error error;
	char older[128];

	(void)state;
	need_root();
	snprintf(older, sizeof(older), "%s.1", path);
	assert_int_equal(statefile_append(path, 12, &lines, &error), 0);
	assert_string_equal(home_text(path), "three\nfour\n");
	/* Where it cannot be renamed, it does not grow either. */
	assert_int_equal(mkdir(older, 0700), 0);
	assert_int_equal(statefile_append(path, 12, &line, &error), -1);
	assert_int_equal(error.code, ERROR_CANNOT_WRITE);
	assert_string_equal(home_text(path), "three\nfour\n");
	assert_int_equal(rmdir(older), 0);
	buffer_free(&line);
	buffer_free(&lines);
}

/* Whoever writes it would wait for a reader, or for the lock, and a key with him. */
static void what_stands_in_a_journals_place_is_not_waited_for(void **state)
{
	struct buffer line = text_of("123456789\n");
	struct error error;
	int fd;

	(void)state;
	need_root();
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(statefile_append(path, 100, &line, &error), -1);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	assert_int_equal(statefile_append(path, 100, &line, &error), -1);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(statefile_append(path, 100, &line, &error), -1);
	assert_int_equal(rmdir(path), 0);
	home_write(path, "", 0600, 0);
	fd = open(path, O_RDONLY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(statefile_append(path, 100, &line, &error), -1);
	assert_int_equal(error.code, ERROR_CANNOT_WRITE);
	assert_int_equal(close(fd), 0);
	assert_int_equal(statefile_append(path, 100, &line, &error), 0);
	buffer_free(&line);
}

static void a_directory_is_prepared(void **state)
{
	struct error error;
	struct stat what;

	(void)state;
	need_root();
	assert_int_equal(statefile_prepare_directory(path, 0755, &error), 0);
	assert_int_equal(stat(path, &what), 0);
	assert_int_equal(what.st_mode & 07777, 0755);
	assert_int_equal(chmod(path, 0711), 0); /* what was there before is somebody's choice */
	assert_int_equal(statefile_prepare_directory(path, 0700, &error), 0);
	assert_int_equal(stat(path, &what), 0);
	assert_int_equal(what.st_mode & 07777, 0711);
	assert_int_equal(chown(path, 65534, 0), 0);
	assert_int_equal(statefile_prepare_directory(path, 0700, &error), -1);
	assert_int_equal(error.code, ERROR_CANNOT_WRITE);
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(statefile_prepare_directory(path, 0700, &error), -1);
	rmdir(path);
	assert_int_equal(symlink("/run", path), 0);
	assert_int_equal(statefile_prepare_directory(path, 0755, &error), -1);
	unlink(path);
	home_write(path, "", 0600, 0);
	assert_int_equal(statefile_prepare_directory(path, 0755, &error), -1);
}

#define STATE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STATE_TEST(only_roots_own_files_are_read),
		STATE_TEST(a_missing_file_and_a_large_one),
		STATE_TEST(a_file_is_replaced_not_rewritten),
		STATE_TEST(a_failed_write_leaves_the_old_file),
		STATE_TEST(a_planted_link_is_not_followed),
		STATE_TEST(a_journal_is_rotated),
		STATE_TEST(a_journal_stays_within_its_bound),
		STATE_TEST(what_stands_in_a_journals_place_is_not_waited_for),
		STATE_TEST(a_directory_is_prepared),
	};

	return cmocka_run_group_tests_name("sys/statefile", tests, NULL, NULL);
}
