/* Where the agent answers, and what it is asked. */
#ifndef VASTAGENT_CONTROL_PATHS_H
#define VASTAGENT_CONTROL_PATHS_H

#define CONTROL_SOCKET "/run/vastagent/agent.sock"

#define CONTROL_STATUS   "/v1/status"
#define CONTROL_KEYS     "/v1/keys"
#define CONTROL_UNDO     "/v1/undo"
#define CONTROL_ADOPT    "/v1/adopt"
#define CONTROL_FORWARDS "/v1/forwards"
#define CONTROL_SESSIONS "/v1/sessions"
#define CONTROL_EVENTS   "/v1/events"
#define CONTROL_SERVICES "/v1/services"
#define CONTROL_STOP     "/v1/stop"
#define CONTROL_RELOAD   "/v1/reload"
#define CONTROL_PAUSE    "/v1/pause"
#define CONTROL_RESUME   "/v1/resume"

/* Limits of a request, in bytes. */
#define CONTROL_BODY_MAX_ROOT (1024 * 1024)
#define CONTROL_BODY_MAX      (64 * 1024)

#endif
