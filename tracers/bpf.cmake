# The recorder: BPF programs, their skeleton and the library target anonvma_tracers. Sets
# ANONVMA_HAVE_RECORDER, or ANONVMA_NO_RECORDER_REASON where it cannot be built.
set(ANONVMA_HAVE_RECORDER OFF)
set(ANONVMA_NO_RECORDER_REASON "")

find_program(ANONVMA_CLANG NAMES clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14)
find_program(ANONVMA_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin /usr/local/sbin)
pkg_check_modules(LIBBPF IMPORTED_TARGET libbpf>=1.1)

if(NOT ANONVMA_RECORD)
  set(ANONVMA_NO_RECORDER_REASON "built with ANONVMA_RECORD=OFF")
elseif(NOT ANONVMA_CLANG)
  set(ANONVMA_NO_RECORDER_REASON "clang not found")
elseif(NOT ANONVMA_BPFTOOL)
  set(ANONVMA_NO_RECORDER_REASON "bpftool not found")
elseif(NOT LIBBPF_FOUND)
  set(ANONVMA_NO_RECORDER_REASON "libbpf 1.1 or newer not found")
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(anonvma_bpf_arch x86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(anonvma_bpf_arch arm64)
else()
  set(ANONVMA_NO_RECORDER_REASON "no recorder for ${CMAKE_SYSTEM_PROCESSOR}")
endif()

if(ANONVMA_NO_RECORDER_REASON)
  message(STATUS "Recorder: off (${ANONVMA_NO_RECORDER_REASON})")
  return()
endif()
set(ANONVMA_HAVE_RECORDER ON)
message(STATUS "Recorder: on (${ANONVMA_CLANG}, ${ANONVMA_BPFTOOL}, libbpf ${LIBBPF_VERSION})")

file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/bpf/include)
file(GLOB_RECURSE anonvma_bpf_headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/bpf/*.h)

# The three objects (tracers/README.md), each with a skeleton NAME.skel.h.
set(anonvma_bpf_sources
  bpf/anonvma.bpf.c bpf/preemptible/anonvma_preemptible.bpf.c bpf/fallback/anonvma_5_10.bpf.c)

# With the registers of an architecture. `suffix` goes to the skeletons' names, whose files are listed
# in the variable `skeletons`.
function(anonvma_bpf_objects arch suffix skeletons)
  set(files "")
  foreach(path ${anonvma_bpf_sources})
    set(source ${PROJECT_SOURCE_DIR}/tracers/${path})
    get_filename_component(name ${path} NAME_WE)
    set(object ${CMAKE_BINARY_DIR}/bpf/${name}.${arch}.bpf.o)
    set(skeleton ${CMAKE_BINARY_DIR}/bpf/include/${name}${suffix}.skel.h)
    add_custom_command(OUTPUT ${object}
      COMMAND ${ANONVMA_CLANG} -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_${arch}
        -Wall -Werror -I ${PROJECT_SOURCE_DIR} -c ${source} -o ${object}
      DEPENDS ${source} ${PROJECT_SOURCE_DIR}/tracers/records.h ${anonvma_bpf_headers}
      COMMENT "Building ${path} for ${arch}" VERBATIM)
    add_custom_command(OUTPUT ${skeleton}
      COMMAND ${ANONVMA_BPFTOOL} gen skeleton ${object} name ${name}${suffix}_bpf > ${skeleton}
      DEPENDS ${object}
      COMMENT "Generating ${name}${suffix}.skel.h" VERBATIM)
    list(APPEND files ${skeleton})
  endforeach()
  set(${skeletons} ${files} PARENT_SCOPE)
endfunction()
anonvma_bpf_objects(${anonvma_bpf_arch} "" anonvma_skeletons)

file(GLOB_RECURSE anonvma_tracer_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
add_library(anonvma_tracers STATIC ${anonvma_tracer_sources} ${anonvma_skeletons})
target_include_directories(anonvma_tracers SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/bpf/include)
target_link_libraries(anonvma_tracers
  PUBLIC anonvma_engine Threads::Threads PkgConfig::LIBBPF
  PRIVATE fmt::fmt)
