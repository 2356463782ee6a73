/*
 * Runs every file of the directories named through the harness: what libFuzzer does with
 * a corpus, without libFuzzer. A sanitizer ends the program at the first mistake.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static int replay_file(const char *path)
{
	struct buffer content = BUFFER_EMPTY;
	FILE *file = fopen(path, "re");
	unsigned char *exact;
	char chunk[4096];
	size_t got;

	while (file && (got = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buffer_add(&content, chunk, got);
	/* Of the exact size, so that a byte read behind the end is noticed. */
	exact = malloc(content.length ? content.length : 1);
	if (!file || content.failed || !exact) {
		perror(path);
		return -1;
	}
	fclose(file);
	for (size_t i = 0; i < content.length; i++)
		exact[i] = (unsigned char)content.data[i];
	LLVMFuzzerTestOneInput(exact, content.length);
	free(exact);
	buffer_free(&content);
	return 0;
}

static int replay_directory(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	char below[4096];
	int count = 0;

	if (!directory) {
		perror(path);
		return -1;
	}
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (replay_file(below) != 0)
			break;
		count++;
	}
	closedir(directory);
	return entry ? -1 : count;
}

int main(int argc, char **argv)
{
	int count = 0, total = 0;

	if (LLVMFuzzerInitialize && LLVMFuzzerInitialize(&argc, &argv) != 0)
		return 1;
	for (int i = 1; i < argc; i++) {
		count = replay_directory(argv[i]);
		if (count < 0)
			return 1;
		total += count;
	}
	printf("%d inputs\n", total);
	return total > 0 ? 0 : 1;
}
