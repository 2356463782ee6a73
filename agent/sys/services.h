/* The names of TCP services: sshd takes them where a port is expected. */
#ifndef VASTAGENT_SYS_SERVICES_H
#define VASTAGENT_SYS_SERVICES_H

#include <stdbool.h>

/*
 * True if services(5) has the name, or has it as an alias, for TCP. /etc/services is read
 * at the first call and kept; where it is missing no name is known, to sshd as well. Also
 * true if memory is out: a line that was good does not become a bad one by that.
 */
bool service_is_known(const char *name);

#endif
