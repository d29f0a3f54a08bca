// SPDX-License-Identifier: Apache-2.0
#include "search/report/html_page.hpp"

#include <string_view>

#include "kernels/core/contract.hpp"
#include "search/report/page_data.hpp"
#include "search/report/page_template.hpp"
#include "search/report/verdict_table.hpp"

namespace pare::search {
namespace {

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char letter : text) {
    if (letter == '<')
      safe += "&lt;";
    else if (letter == '&')
      safe += "&amp;";
    else
      safe += letter;
  }
  return safe;
}

/// JSON that cannot end the script element it stands in.
std::string data_text(const framework::Json& data) {
  std::string safe;
  for (const char letter : data.dump(-1, ' ', false, framework::Json::error_handler_t::replace)) {
    if (letter == '<')
      safe += "\\u003c";
    else
      safe += letter;
  }
  return safe;
}

}  // namespace

std::string html_page(const RunRecord& record, const std::optional<RunOverview>& overview) {
  const std::string_view page = page_template;
  const std::size_t text = page.find("@TEXT@");
  const std::size_t data = page.find("@DATA@");
  EXPECT(text < data && data < page.size(), "the template lacks a place");
  std::string whole(page.substr(0, text));
  whole += escaped(verdict_table(record));
  whole += page.substr(text + 6, data - text - 6);
  whole += data_text(page_data(record, overview));
  whole += page.substr(data + 6);
  return whole;
}

}  // namespace pare::search
