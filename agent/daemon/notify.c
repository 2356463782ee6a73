#include "daemon/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

void notify_ready(void)
{
	static const char word[] = "READY=1";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;
	int fd;

	if (length < 2 || length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	/* In the abstract namespace; the length counts, not a NUL. */
	if (*path == '@')
		address.sun_path[0] = '\0';
	/* Not for the children. */
	unsetenv("NOTIFY_SOCKET");
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	length += offsetof(struct sockaddr_un, sun_path);
	if (fd < 0 || sendto(fd, word, sizeof(word) - 1, MSG_NOSIGNAL, (struct sockaddr *)&address,
			      (socklen_t)length) < 0)
		log_warning("the service manager cannot be told that the agent has started");
	if (fd >= 0)
		close(fd);
}
