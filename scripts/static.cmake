# ANONVMA_STATIC: programs that need nothing of the machine they run on. Debian has fmt and spdlog as shared
# libraries only, so the build uses their headers alone.
set(PKG_CONFIG_ARGN --static)
set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
add_link_options(-static)

function(anonvma_headers_only target) # [DEFINITION...]
  get_target_property(type ${target} TYPE)
  if(NOT type STREQUAL "SHARED_LIBRARY")
    return()
  endif()
  set(nothing ${CMAKE_BINARY_DIR}/nothing.a) # an archive without members
  file(WRITE ${nothing} "!<arch>\n")
  get_target_property(configurations ${target} IMPORTED_CONFIGURATIONS)
  foreach(configuration ${configurations})
    set_target_properties(${target} PROPERTIES IMPORTED_LOCATION_${configuration} ${nothing})
  endforeach()
  set_target_properties(${target} PROPERTIES INTERFACE_COMPILE_DEFINITIONS "${ARGN}")
endfunction()
