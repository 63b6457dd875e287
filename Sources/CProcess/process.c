#include "CProcess.h"

#ifdef __linux__
#include <sys/prctl.h>
#endif

void cprocess_forbid_dumps(void)
{
#ifdef __linux__
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}
