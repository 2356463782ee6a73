/* What listens on this machine, and how to reach it from outside. */
#ifndef VASTAGENT_NET_SERVICES_H
#define VASTAGENT_NET_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "net/address.h"

struct error;
struct net_mapping;
struct net_portal;
struct net_snapshot;

struct net_service {
	struct net_address address; /* where it listens */
	pid_t pid;                  /* 0 if not known */
	uid_t uid;                  /* who made the socket */
	char *process;              /* the kernel's name for the process; NULL if not known */
	char *name;                 /* what the platform's web portal calls it, or NULL */
	char *public;               /* "HOST:PORT", or NULL */
	char *url;                  /* the same for a browser, if it can be a web page */
	char *command;              /* the ssh line that leads to it, or NULL */
	char *hint;                 /* why a mapped port does not lead to it, or NULL */
	bool exposed;               /* the outside reaches it without a portal or SSH between */
	const char *attributed;     /* "pid": seen among a process's descriptors; "uid" */
};

struct net_services {
	struct net_service *list; /* by port and address */
	size_t count;
};

/* What is known about the way in. */
struct net_way_in {
	const struct net_mapping *mapping;
	const struct net_portal *portal;
	const char *user; /* who the ssh line logs in as; NULL: nobody can */
};

/*
 * Reads the TCP services of this machine: what listens, less what SSH sessions listen on
 * for their clients. *complete is false if an account's processes could not be read.
 * Returns 0, or -1 with ERROR_INTERNAL. Free with net_services_free in either case.
 */
int net_services_read(struct net_services *services, const struct net_way_in *way, bool *complete,
	struct error *error);

/* The same of a snapshot with all processes. Pure. Returns 0, or -1: memory is short. */
int net_services_build(struct net_services *services, const struct net_snapshot *snapshot,
	const struct net_way_in *way);

void net_services_free(struct net_services *services);

#endif
