# The page of a report in one string: cmake -DDIRECTORY=... -DOUTPUT=FILE.cpp -P embed.cmake
file(READ ${DIRECTORY}/page.html page)
file(READ ${DIRECTORY}/page.css style)
set(script "")
foreach(part format dom svg verdict rivals pareto heatmap sensitivity search tables main)
  file(READ ${DIRECTORY}/${part}.js text)
  string(APPEND script "${text}")
endforeach()
string(REPLACE "@STYLE@" "${style}" page "${page}")
string(REPLACE "@SCRIPT@" "${script}" page "${page}")
file(WRITE ${OUTPUT} "// Made from search/report/page by embed.cmake.
#include \"search/report/page_template.hpp\"

namespace pare::search {

const std::string_view page_template = R\"pare_page(${page})pare_page\";

}  // namespace pare::search
")
