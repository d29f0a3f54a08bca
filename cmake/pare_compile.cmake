# Compiler settings shared by every target; link pare_compile_options to get them.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# RelWithDebInfo keeps the contracts (no -DNDEBUG) and light debug information.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")

find_program(PARE_CCACHE ccache)
if(PARE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PARE_CCACHE})
endif()

add_library(pare_compile_options INTERFACE)
target_include_directories(pare_compile_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
# Contraction to fused multiply-add is left on: it is the same for every run of one build.
# g++ 12 sees overlaps, overreads and uninitialised members in std::string, vector and variant that are not there (its
# bugs 105651 and 105562).
target_compile_options(pare_compile_options INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow>"
  "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-psabi;-Wno-restrict;-Wno-stringop-overread;-Wno-maybe-uninitialized>"
  # nvcc's own code is not pedantic; 554: a conversion to const whose requires-clause rules it out where it would be none.
  "$<$<COMPILE_LANGUAGE:CUDA>:--diag-suppress=554;--expt-relaxed-constexpr;-Xcompiler=-Wall,-Wextra,-Wno-psabi,-Wno-maybe-uninitialized>")
if(PARE_ARCH)
  target_compile_options(pare_compile_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-march=${PARE_ARCH}>)
endif()
if(PARE_WARNINGS_AS_ERRORS)
  target_compile_options(pare_compile_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>
                                                       $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
endif()
if(PARE_SANITIZE)
  # g++ 12 takes the checks it adds for real paths (its bug 105329).
  target_compile_options(pare_compile_options INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${PARE_SANITIZE};-fno-omit-frame-pointer;-Wno-stringop-overflow;-Wno-array-bounds;-fno-sanitize-recover=all>")
  target_link_options(pare_compile_options INTERFACE -fsanitize=${PARE_SANITIZE})
endif()
