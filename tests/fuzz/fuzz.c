#include "fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

static char directory[64];

void fuzz_require(bool truth, const char *what, const char *file, int line)
{
	if (truth)
		return;
	fprintf(stderr, "%s:%d: broken: %s\n", file, line, what);
	abort();
}

uint8_t fuzz_byte(struct fuzz_input *input)
{
	if (!input->left)
		return 0;
	input->left--;
	return *input->at++;
}

char *fuzz_part(struct fuzz_input *input, size_t *length)
{
	const uint8_t *end = input->left ? memchr(input->at, 0xff, input->left) : NULL;
	size_t size = end ? (size_t)(end - input->at) : input->left;
	char *part = malloc(size + 1);

	require(part != NULL);
	if (size)
		memcpy(part, input->at, size);
	part[size] = '\0';
	input->at += size + (end != NULL);
	input->left -= size + (end != NULL);
	if (length)
		*length = size;
	return part;
}

static int remove_one(const char *path, const struct stat *what, int kind, struct FTW *place)
{
	(void)what;
	(void)kind;
	return place->level ? remove(path) : 0;
}

void fuzz_empty(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_directory(void)
{
	fuzz_empty(directory);
	rmdir(directory);
}

const char *fuzz_directory(void)
{
	if (*directory)
		return directory;
	/* Files of state are taken only if they are root's. */
	if (geteuid() != 0) {
		fprintf(stderr, "not root: skipped\n");
		exit(77);
	}
	strcpy(directory, access("/dev/shm", W_OK) == 0 ? "/dev/shm/vastagent-fuzz-XXXXXX"
							: "/tmp/vastagent-fuzz-XXXXXX");
	require(mkdtemp(directory) != NULL);
	atexit(remove_directory);
	return directory;
}

void fuzz_write(const char *path, const void *data, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	require(fd >= 0 && write(fd, data, length) == (ssize_t)length);
	close(fd);
}

char *fuzz_read(const char *path, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat what;
	char *text;

	if (fd < 0)
		return NULL;
	require(fstat(fd, &what) == 0);
	text = malloc((size_t)what.st_size + 1);
	require(text && read(fd, text, (size_t)what.st_size) == what.st_size);
	close(fd);
	*length = (size_t)what.st_size;
	text[*length] = '\0';
	return text;
}

bool fuzz_is_visible(const char *text)
{
	return !text || text_is_visible(text, strlen(text));
}
