// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/failure.hpp"

#include <exception>

#include "framework/comm/exit_code.hpp"
#include "search/coordination/drain.hpp"
#include "search/coordination/failure_breaker.hpp"
#include "search/coordination/scheduler.hpp"
#include "search/store/posix_file.hpp"

namespace pare::search {

Failure explain_current_exception() {
  using namespace framework;
  try {
    throw;
  } catch (const DataError& error) {
    return {exit_code::data, std::string("error: ") + error.what()};
  } catch (const OutputError& error) {
    return {exit_code::output, std::string("error: ") + error.what()};
  } catch (const InputError& error) {
    return {exit_code::usage, std::string("error: ") + error.what()};
  } catch (const JournalError& error) {
    return {exit_code::journal, std::string("error: ") + error.what()};
  } catch (const TooManyFailures& error) {
    return {exit_code::breaker, std::string("error: ") + error.what()};
  } catch (const NobodyLeft& error) {
    return {exit_code::temporary, std::string("error: ") + error.what()};
  } catch (const Drained& drained) {
    return {exit_code::drained, drained.what()};
  } catch (const std::exception& error) {
    return {exit_code::internal, std::string("internal error: ") + error.what()};
  }
}

}  // namespace pare::search
