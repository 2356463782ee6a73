/* What the routes call. Each answers its request, now or when a job is done. */
#ifndef VASTAGENT_DAEMON_HANDLERS_H
#define VASTAGENT_DAEMON_HANDLERS_H

struct request;

void handle_events(struct request *request);
void handle_status(struct request *request);
void handle_stop(struct request *request);
void handle_reload(struct request *request);
void handle_pause(struct request *request);
void handle_resume(struct request *request);

void handle_keys_list(struct request *request);
void handle_keys_add(struct request *request);
void handle_keys_remove(struct request *request);
void handle_undo(struct request *request);
void handle_adopt(struct request *request);

void handle_sessions(struct request *request);
void handle_forwards(struct request *request);
void handle_services(struct request *request);

#endif
