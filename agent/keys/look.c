/* Looking at a file: is it as it was promised? */
#include "keys/manager.h"

#include "base/error.h"
#include "keys/update.h"
#include "sys/homefile.h"

int keys_look(const struct keys_place *place, struct homefile_places *places,
	struct keys_report *report, struct error *error)
{
	struct keys_update update;
	int result = keys_update_begin(&update, place, false, report, error);

	*places = (struct homefile_places){-1, -1};
	if (result == 0)
		result = keys_update_finish(&update, error);
	if (update.file && homefile_places(update.file, places, result == 0 ? error : NULL) != 0)
		result = -1;
	keys_update_end(&update);
	return result;
}
