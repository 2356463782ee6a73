/* What installs packages on this system: an image may be any distribution. */
#ifndef VASTAGENT_SYS_PACKAGES_H
#define VASTAGENT_SYS_PACKAGES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes the shell command that installs the package: of the first package manager that is
 * found below root ("" for this system). False, and "" in out, if there is none that we
 * know or it does not fit.
 */
bool packages_install_command(const char *root, const char *package, char *out, size_t size);

#endif
