/*
 * A home for tests: /var/lib/vastagent-test-XXXXXX/home, owned by the account nobody, as
 * sshd wants it: every parent is root's. Needs root.
 */
#ifndef VASTAGENT_TEST_SYS_HOME_H
#define VASTAGENT_TEST_SYS_HOME_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "sys/account.h"

struct home {
	char base[64];
	char path[96];  /* the home itself */
	char ssh[128];  /* .ssh in it */
	char file[160]; /* authorized_keys in that */
	struct account account;
};

static inline void home_write(const char *path, const char *text, mode_t mode, uid_t uid)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchown(fd, uid, uid), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static inline void home_directory(const char *path, mode_t mode, uid_t uid)
{
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chown(path, uid, uid), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* The whole file; "" if there is none. Static: valid until the next call. */
static inline const char *home_text(const char *path)
{
	static char text[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	return text;
}

/* Cmocka's setup and teardown: a fresh home for each test, in *state. */
static inline int home_set_up(void **state)
{
	struct home *home = calloc(1, sizeof(*home));

	*state = home;
	if (!home || geteuid() != 0)
		return home ? 0 : -1;
	strcpy(home->base, "/var/lib/vastagent-test-XXXXXX");
	if (!mkdtemp(home->base) || chmod(home->base, 0755) != 0 ||
		account_by_name("nobody", &home->account, NULL) != 0)
		return -1;
	snprintf(home->path, sizeof(home->path), "%s/home", home->base);
	snprintf(home->ssh, sizeof(home->ssh), "%s/.ssh", home->path);
	snprintf(home->file, sizeof(home->file), "%s/authorized_keys", home->ssh);
	free(home->account.home);
	home->account.home = strdup(home->path);
	home_directory(home->path, 0755, home->account.uid);
	home_directory(home->ssh, 0700, home->account.uid);
	return home->account.home ? 0 : -1;
}

static inline void home_erase(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	char below[512];

	while (directory && (entry = readdir(directory))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (entry->d_type == DT_DIR)
			home_erase(below);
		else
			unlink(below);
	}
	if (directory)
		closedir(directory);
	rmdir(path);
}

static inline int home_tear_down(void **state)
{
	struct home *home = *state;

	if (home->base[0])
		home_erase(home->base);
	account_free(&home->account);
	free(home);
	return 0;
}

/* Entries of a directory, without the two that each has. */
static inline int home_count(const char *path)
{
	DIR *directory = opendir(path);
	int count = -2;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

#endif
