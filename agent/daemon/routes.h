/* The routes: what each does and who may ask, checked in one place before any handler. */
#ifndef VASTAGENT_DAEMON_ROUTES_H
#define VASTAGENT_DAEMON_ROUTES_H

struct agent;
struct evhttp_request;

/* An evhttp callback: finds the route, checks the peer, calls the handler. */
void routes_dispatch(struct evhttp_request *http, void *agent);

#endif
