/// What the system keeps of a process, where Swift cannot say so by itself: the function is variadic.
#ifndef CPROCESS_H
#define CPROCESS_H

/// No core dump of this process, and nobody but root reads its memory, its environment or attaches to it. Does nothing where the
/// system has no such protection.
void cprocess_forbid_dumps(void);

#endif
