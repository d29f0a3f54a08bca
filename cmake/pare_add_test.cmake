# pare_add_test(<name> SOURCES <file>... [LIBRARIES <target>...] [LABELS <label>...] [RANKS <n>...])
#
# One GoogleTest executable for one room, registered with ctest. With RANKS the executable has its own main and runs once
# under mpirun for each number given, as <name>_ranks_<n>. Tests find real data through PARE_TEST_DATA and the sources
# through PARE_SOURCE_DIR.
include(GoogleTest)

set(PARE_TEST_DATA "$ENV{PARE_TEST_DATA}")
if(NOT PARE_TEST_DATA)
  set(PARE_TEST_DATA ${PROJECT_SOURCE_DIR}/../shared/data)
endif()
# Threads that wait sleep: tests run side by side, and spinning would take the cores from each other.
set(PARE_TEST_ENVIRONMENT "PARE_TEST_DATA=${PARE_TEST_DATA};PARE_SOURCE_DIR=${PROJECT_SOURCE_DIR};OMP_NUM_THREADS=2;OMP_WAIT_POLICY=passive"
    "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;PARE_BINARY=${PROJECT_BINARY_DIR}/pare")

function(pare_add_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES;LABELS;RANKS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} pare_compile_options GTest::gmock)
  if(arg_RANKS)
    target_link_libraries(${name} PRIVATE GTest::gtest)
    # Open MPI 4.1 leaves memory behind at exit, which is not ours to report.
    set(environment "${PARE_TEST_ENVIRONMENT};ASAN_OPTIONS=detect_leaks=0")
    foreach(ranks IN LISTS arg_RANKS)
      add_test(NAME ${name}_ranks_${ranks} COMMAND ${MPIEXEC_EXECUTABLE} --oversubscribe -n ${ranks} $<TARGET_FILE:${name}>)
      set_tests_properties(${name}_ranks_${ranks} PROPERTIES LABELS "mpi;${arg_LABELS}" PROCESSORS ${ranks} TIMEOUT 300
                           ENVIRONMENT "${environment}")
    endforeach()
  else()
    target_link_libraries(${name} PRIVATE GTest::gtest_main)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT 600 ENVIRONMENT "${PARE_TEST_ENVIRONMENT}")
  endif()
endfunction()
