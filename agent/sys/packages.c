#include "sys/packages.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* An image has its manager in one of these; links make them one on most of today. */
static bool is_there(const char *root, const char *program)
{
	static const char *const places[] = {"/usr/bin", "/sbin", "/usr/sbin", "/bin"};
	char path[PATH_MAX];
	int length;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		length = snprintf(path, sizeof(path), "%s%s/%s", root, places[i], program);
		if (length > 0 && (size_t)length < sizeof(path) && access(path, X_OK) == 0)
			return true;
	}
	return false;
}

bool packages_install_command(const char *root, const char *package, char *out, size_t size)
{
	/* Images come without the lists of what there is, so these are fetched first. */
	static const struct manager {
		const char *program, *command;
	} managers[] = {
		{"apt-get", "apt-get update && apt-get install -y"},
		{"apk", "apk add --no-cache"},
		{"dnf", "dnf install -y"},
		{"microdnf", "microdnf install -y"},
		{"yum", "yum install -y"},
		{"zypper", "zypper install -y"},
		{"pacman", "pacman -Sy --noconfirm"},
	};
	int length;

	for (size_t i = 0; i < sizeof(managers) / sizeof(managers[0]); i++) {
		if (!is_there(root, managers[i].program))
			continue;
		length = snprintf(out, size, "%s %s", managers[i].command, package);
		if (length > 0 && (size_t)length < size)
			return true;
		break;
	}
	*out = '\0';
	return false;
}
