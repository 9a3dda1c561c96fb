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

# The one object, with the registers of an architecture, and a skeleton of it.
function(anonvma_bpf_object arch name)
  set(source ${PROJECT_SOURCE_DIR}/tracers/bpf/anonvma.bpf.c)
  set(object ${CMAKE_BINARY_DIR}/bpf/anonvma.${arch}.bpf.o)
  set(skeleton ${CMAKE_BINARY_DIR}/bpf/include/${name}.skel.h)
  add_custom_command(OUTPUT ${object}
    COMMAND ${ANONVMA_CLANG} -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_${arch}
      -Wall -Werror -I ${PROJECT_SOURCE_DIR} -c ${source} -o ${object}
    DEPENDS ${source} ${PROJECT_SOURCE_DIR}/tracers/records.h ${anonvma_bpf_headers}
    COMMENT "Building the BPF programs for ${arch}" VERBATIM)
  add_custom_command(OUTPUT ${skeleton}
    COMMAND ${ANONVMA_BPFTOOL} gen skeleton ${object} name ${name}_bpf > ${skeleton}
    DEPENDS ${object}
    COMMENT "Generating the BPF skeleton for ${arch}" VERBATIM)
endfunction()
anonvma_bpf_object(${anonvma_bpf_arch} anonvma)
set(anonvma_skeleton ${CMAKE_BINARY_DIR}/bpf/include/anonvma.skel.h)

file(GLOB_RECURSE anonvma_tracer_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
add_library(anonvma_tracers STATIC ${anonvma_tracer_sources} ${anonvma_skeleton})
target_include_directories(anonvma_tracers SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/bpf/include)
target_link_libraries(anonvma_tracers
  PUBLIC anonvma_engine Threads::Threads PkgConfig::LIBBPF
  PRIVATE fmt::fmt)
