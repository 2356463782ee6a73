/*
 * What is done with an account's keys: store, file and judge together. These calls
 * block; the agent makes them in a short-lived process of root's, and whatever lies in
 * a home is touched by a child of that which has become the account.
 */
#ifndef VASTAGENT_KEYS_MANAGER_H
#define VASTAGENT_KEYS_MANAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/buffer.h"
#include "keys/report.h"
#include "keys/request.h"

struct account;
struct error;
struct homefile_places;

/*
 * Fills .owner, as whom the file is changed: in the account's home, as the account.
 * Elsewhere it is the administrator's, and changed as root and for root (by_root) only.
 * Returns 0, or -1 with ERROR_MANAGED_BY_ROOT, or ERROR_UNSAFE_FILE if others could have
 * put that file there.
 */
int keys_place_choose_owner(
	struct keys_place *place, const struct account *root, bool by_root, struct error *error);

/*
 * Lists the keys of file and store, in parts that make up the list in their order: begin,
 * then each part once, then end, also where something failed. Parts may be worked on by
 * several threads at once. sink is called for each row, which lives during the call only,
 * and returns 0, or -1 to stop. begin and part return 0 or -1; end notes in the report
 * what was left out.
 */
struct keys_listing;
typedef int keys_row_sink(void *context, const struct keys_row *row);
int keys_list_begin(struct keys_listing **listing, const struct keys_place *place,
	struct keys_report *report, struct error *error);
size_t keys_list_parts(const struct keys_listing *listing);
int keys_list_part(struct keys_listing *listing, size_t part, keys_row_sink *sink, void *context);
void keys_list_end(struct keys_listing *listing);

/*
 * The file as it would be without the agent, byte for byte, appended to *bytes; nothing
 * if there is no file. Returns 0 or -1.
 */
int keys_foreign_bytes(const struct keys_place *place, struct buffer *bytes, struct error *error);

/*
 * Adds every key of the text, or none. Returns 0; or -1 with *error, and for a bad key
 * with each bad line in report->rejects. If the file could not be written the keys are
 * stored all the same and tried again later: report->pending is true then.
 */
int keys_add(const struct keys_place *place, const struct keys_request *request,
	struct keys_report *report, struct error *error);

/*
 * Removes the keys, all or none, and remembers that. report->incomplete is true if a
 * line that was left still lets one of them in. Returns 0, or -1 with ERROR_NO_SUCH_KEY
 * or ERROR_LAST_KEY, or as keys_add.
 */
int keys_remove(const struct keys_place *place, const struct keys_removal *removal,
	struct keys_report *report, struct error *error);

/*
 * Takes keys that were removed from one account out of another account's file too:
 * from its block, and copies in other lines, which the platform's images spread. What
 * stood there is in the report. Returns 0, also where there was nothing, or -1.
 */
int keys_sweep(const struct keys_place *place, const struct keys_removal *removal,
	struct keys_report *report, struct error *error);

/* Brings back what was last removed, by a command or by hand, in one step. Returns 0, or
 * -1 with ERROR_NO_SUCH_KEY if there is nothing. */
int keys_undo(const struct keys_place *place, struct keys_report *report, struct error *error);

/*
 * Takes over the keys of a store that was set aside because it belongs to another
 * instance. Returns 0, or -1 with ERROR_NO_SUCH_KEY if there is none.
 */
int keys_adopt(const struct keys_place *place, struct keys_report *report, struct error *error);

/*
 * Forgets the account: takes the block out of its file and deletes its stores. With keep
 * its lines stay as anybody's, ROW_LEFT in the report; not those that the agent alone would
 * end in time. Returns 0 or -1.
 */
int keys_forget(
	const struct keys_place *place, bool keep, struct keys_report *report, struct error *error);

/*
 * Looks at the file, judges what happened to it, and puts it right. *places tells what
 * to watch, also after a failure; end with homefile_places_close. Returns 0 or -1.
 */
int keys_look(const struct keys_place *place, struct homefile_places *places,
	struct keys_report *report, struct error *error);

#endif
