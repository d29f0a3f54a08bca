message(STATUS "pare ${PROJECT_VERSION}: ${CMAKE_BUILD_TYPE}, -march=${PARE_ARCH}, MPI ${PARE_MPI}, tests ${PARE_TESTS}, "
               "CUDA ${PARE_CUDA}, benchmarks ${PARE_BENCHMARKS}, sanitizers '${PARE_SANITIZE}'")
