// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sstream>
#include <string>

#include "kernels/core/error.hpp"

/// The three checks of this code base. The arguments after the condition are streamed into one line of text,
/// which follows the grammar "problem (why it is one), what would be right".
///
///   VALIDATE(cond, ...)  data from users, files, networks; always on; throws InputError
///   EXPECT(cond, ...)    what a caller promised; off with NDEBUG; throws InternalError
///   ENSURE(cond, ...)    what we promised the caller; off with NDEBUG; throws InternalError

namespace pare::detail {

template <class... Parts>
std::string concatenate([[maybe_unused]] const Parts&... parts) {
  std::ostringstream text;
  (static_cast<void>(text << parts), ...);
  return text.str();
}

[[noreturn]] inline void throw_broken_contract(const char* kind, const char* condition, const char* file, int line,
                                               const std::string& text) {
  throw InternalError(concatenate(file, ":", line, ": ", kind, " failed: ", condition, text.empty() ? "" : ": ", text));
}

}  // namespace pare::detail

#define VALIDATE(condition, ...)                                                          \
  do {                                                                                    \
    if (!(condition)) throw ::pare::InputError(::pare::detail::concatenate(__VA_ARGS__)); \
  } while (false)

#ifdef NDEBUG
// Not evaluated, but compiled: what only a contract looks at does not become an unused variable.
#  define EXPECT(condition, ...) static_cast<void>(sizeof((condition) ? 1 : 0))
#  define ENSURE(condition, ...) static_cast<void>(sizeof((condition) ? 1 : 0))
#else
#  define EXPECT(condition, ...)                                                         \
    do {                                                                                 \
      if (!(condition))                                                                  \
        ::pare::detail::throw_broken_contract("EXPECT", #condition, __FILE__, __LINE__,  \
                                              ::pare::detail::concatenate(__VA_ARGS__)); \
    } while (false)
#  define ENSURE(condition, ...)                                                         \
    do {                                                                                 \
      if (!(condition))                                                                  \
        ::pare::detail::throw_broken_contract("ENSURE", #condition, __FILE__, __LINE__,  \
                                              ::pare::detail::concatenate(__VA_ARGS__)); \
    } while (false)
#endif
