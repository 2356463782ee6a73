/* The commands that main.c lists. Each returns an exit status of sysexits(3). */
#ifndef VASTAGENT_CLI_COMMANDS_H
#define VASTAGENT_CLI_COMMANDS_H

struct cli;

int cmd_addkey(const struct cli *cli);
int cmd_rmkey(const struct cli *cli);
int cmd_keys(const struct cli *cli);
int cmd_undo(const struct cli *cli);
int cmd_sync(const struct cli *cli);
int cmd_adopt(const struct cli *cli);
int cmd_clean_image(const struct cli *cli);

int cmd_onstart(const struct cli *cli);
int cmd_uninstall(const struct cli *cli);

int cmd_doctor(const struct cli *cli);

int cmd_sessions(const struct cli *cli);
int cmd_forwards(const struct cli *cli);
int cmd_services(const struct cli *cli);

int cmd_events(const struct cli *cli);

int cmd_hostkeys(const struct cli *cli);
int cmd_ssh_config(const struct cli *cli);

int cmd_env(const struct cli *cli);

int cmd_status(const struct cli *cli);
int cmd_start(const struct cli *cli);
int cmd_stop(const struct cli *cli);
int cmd_reload(const struct cli *cli);
int cmd_pause(const struct cli *cli);
int cmd_resume(const struct cli *cli);
int cmd_version(const struct cli *cli);

#endif
