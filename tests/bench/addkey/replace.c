/*
 * replace FILE [SOURCE]: what is measured against. Writes the bytes of SOURCE (FILE) into
 * a new file beside FILE, fsync(2), rename(2), nothing else.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char bytes[16 * 1024 * 1024];
	char name[4096];
	ssize_t length;
	int fd;

	if (argc < 2)
		return 64;
	fd = open(argv[argc - 1], O_RDONLY);
	length = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
	if (length < 0)
		return 66;
	snprintf(name, sizeof(name), "%s.new", argv[1]);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, bytes, (size_t)length) != length || fsync(fd) != 0 ||
		close(fd) != 0 || rename(name, argv[1]) != 0)
		return 73;
	return 0;
}
