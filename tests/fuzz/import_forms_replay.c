/* Runs a fuzz target over the files of the folders it is given, without a fuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static int run_file(const char *folder, const char *name)
{
	static unsigned char data[1024 * 1024];
	char path[4096];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (!file) {
		perror(path);
		return -1;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	return 0;
}

static int run_folder(const char *folder, int *count)
{
	DIR *entries = opendir(folder);
	const struct dirent *entry;
	int result = entries ? 0 : -1;

	if (!entries)
		perror(folder);
	while (result == 0 && (entry = readdir(entries))) {
		if (entry->d_name[0] == '.')
			continue;
		result = run_file(folder, entry->d_name);
		(*count)++;
	}
	if (entries)
		closedir(entries);
	return result;
}

int main(int argc, char **argv)
{
	int count = 0;

	if (LLVMFuzzerInitialize(&argc, &argv) != 0)
		return 1;
	for (int i = 1; i < argc; i++)
		if (run_folder(argv[i], &count) != 0)
			return 1;
	printf("%d inputs\n", count);
	return count > 0 ? 0 : 1;
}
