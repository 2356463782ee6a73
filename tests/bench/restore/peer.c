/* peer DIRECTORY NAME: puts the file back as it was at the start, whenever it changes. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

static char wanted[1 << 20], found[1 << 20];

static ssize_t read_file(const char *name, char *text, size_t size)
{
	int fd = open(name, O_RDONLY);
	ssize_t length = fd < 0 ? -1 : read(fd, text, size);

	if (fd >= 0)
		close(fd);
	return length;
}

static int put_back(const char *name, size_t length)
{
	int fd = open("peer.new", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, wanted, length) != (ssize_t)length || fsync(fd) != 0)
		return -1;
	close(fd);
	return rename("peer.new", name);
}

int main(int argc, char **argv)
{
	char events[4096] __attribute__((aligned(8)));
	int inotify = inotify_init();
	ssize_t length;

	if (argc != 3 || chdir(argv[1]) != 0 ||
		inotify_add_watch(inotify, ".", IN_CLOSE_WRITE | IN_MOVED_TO) < 0)
		return 1;
	length = read_file(argv[2], wanted, sizeof(wanted));
	if (length <= 0 || write(1, "r", 1) != 1)
		return 1;
	while (read(inotify, events, sizeof(events)) > 0)
		if ((read_file(argv[2], found, sizeof(found)) != length ||
			    memcmp(found, wanted, (size_t)length) != 0) &&
			put_back(argv[2], (size_t)length) != 0)
			return 1;
	return 1;
}
