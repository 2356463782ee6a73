/* The helper's side of helper.h. */
#ifndef VASTAGENT_DAEMON_HELPER_WORK_H
#define VASTAGENT_DAEMON_HELPER_WORK_H

/* Answers questions from that socket until its other end is closed; never returns. */
void helper_serve(int socket) __attribute__((noreturn));

#endif
