# Toolchain of `scripts/build arm64`: Debian's cross compiler, the libraries of scripts/sysroot-arm64, and
# qemu's user-mode emulation, under which the tests run.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ANONVMA_SYSROOT)
set(CMAKE_FIND_ROOT_PATH ${ANONVMA_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${ANONVMA_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR}
  ${ANONVMA_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${ANONVMA_SYSROOT}/usr/share/pkgconfig)

find_program(ANONVMA_QEMU_ARM64 NAMES qemu-aarch64-static qemu-aarch64)
if(ANONVMA_QEMU_ARM64)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${ANONVMA_QEMU_ARM64})
endif()
