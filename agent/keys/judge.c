#include "keys/judge.h"

enum judge_verdict judge_decide(const struct judge_case *facts)
{
	if (facts->written == 0)
		return JUDGE_INTACT;
	if (!facts->found)
		return JUDGE_REWRITTEN;
	if (facts->found_generation != facts->written_generation)
		return JUDGE_STALE;
	return facts->missing ? JUDGE_TAKEN_OUT : JUDGE_INTACT;
}

const char *judge_verdict_name(enum judge_verdict verdict)
{
	switch (verdict) {
	case JUDGE_TAKEN_OUT:
		return "taken_out";
	case JUDGE_STALE:
		return "stale";
	case JUDGE_REWRITTEN:
		return "rewritten";
	case JUDGE_INTACT:
		break;
	}
	return "intact";
}
