// Included before everything where our assertions are on. llvm::Statistic, a base of every pass's statistics, has one
// layout with NDEBUG and another without; the distribution's libraries are built with it. Seen with the other layout,
// incrementing a statistic reads memory that was never written.
#ifndef NDEBUG
#define NDEBUG
#include "llvm/ADT/Statistic.h"
#undef NDEBUG
#include <cassert>
#endif
