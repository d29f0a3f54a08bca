// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace pare::framework {

/// How a process of pare ends, for batch scripts and the supervisor. The values are those of sysexits.h where it has
/// one; 2 is what command lines return by custom.
namespace exit_code {
inline constexpr int complete = 0;
inline constexpr int usage = 2;       ///< the command line or the experiment is wrong
inline constexpr int data = 65;       ///< the model or the text is wrong
inline constexpr int internal = 70;   ///< a defect of pare
inline constexpr int output = 73;     ///< a directory or file of results cannot be created
inline constexpr int journal = 74;    ///< the journal cannot be written: a full disk, a quota, a broken disk
inline constexpr int temporary = 75;  ///< interrupted, or a part of the machine failed: the same command continues
inline constexpr int drained = 76;  ///< stopped as asked, with all that was under way kept: the same command continues
inline constexpr int breaker = 77;  ///< stopped because too many evaluations failed
}  // namespace exit_code

}  // namespace pare::framework
