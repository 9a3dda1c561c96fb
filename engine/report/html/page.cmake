# Puts the page of `report` and the chart library into the program: sets page_sources.
# scripts/setup fetches the library into build/npm. Without it a report has plain pictures.
set(page_dir ${CMAKE_CURRENT_LIST_DIR})
set(ANONVMA_UPLOT ${PROJECT_SOURCE_DIR}/build/npm/node_modules/uplot CACHE PATH
  "The folder of the npm package uplot")

function(anonvma_read variable file)
  set(text "")
  if(EXISTS ${file})
    file(READ ${file} text)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  endif()
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()

foreach(kind html css)
  anonvma_read(page_${kind} ${page_dir}/page.${kind})
endforeach()
set(page_js "")
foreach(part elements timeline peak details page)  # each may use those before it
  anonvma_read(part_js ${page_dir}/${part}.js)
  string(APPEND page_js "${part_js}\n")
endforeach()
anonvma_read(chart_js ${ANONVMA_UPLOT}/dist/uPlot.iife.min.js)
anonvma_read(chart_css ${ANONVMA_UPLOT}/dist/uPlot.min.css)
anonvma_read(chart_licence ${ANONVMA_UPLOT}/LICENSE)
if(chart_js STREQUAL "" OR chart_licence STREQUAL "")
  message(NOTICE "anonvma report: plain pictures instead of charts, as uPlot is not there: run scripts/setup, which needs npm")
endif()
set(page_sources ${PROJECT_BINARY_DIR}/page_parts.cpp)
configure_file(${page_dir}/page_parts.cpp.in ${page_sources} @ONLY)
