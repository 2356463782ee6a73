/* The text of the keys that `addkey` was given. */
#ifndef VASTAGENT_CLI_KEY_TEXT_H
#define VASTAGENT_CLI_KEY_TEXT_H

struct buffer;
struct cli;

/*
 * Collects the operands: a key (in quotes, or as the words of one line), the name of a
 * file, or "-" for standard input. The text becomes UTF-8 with a note on standard error
 * for what was repaired. A private key is refused, wiped and not repeated; of a PuTTY
 * file the public part is left. sodium_init(3) must have been called.
 * Returns 0, or an exit status after a message; *text is the caller's to wipe and free
 * in any case.
 */
int key_text_collect(const struct cli *cli, struct buffer *text);

#endif
