# CUDA: which machine code is made, and pare_cuda_sources, through which every room adds its .cu files.
#   sm_80   Ampere and Ada (8.0 to 8.9)      sm_90a  Hopper, with wgmma and TMA
#   PTX of compute_80 stands in for every other GPU from 8.0 on: the driver compiles it at start.
# Every source names its own targets below.
set(CMAKE_CUDA_ARCHITECTURES OFF)
if(NOT CMAKE_CUDA_COMPILER)
  find_program(CMAKE_CUDA_COMPILER nvcc PATHS /usr/local/cuda/bin)
endif()
enable_language(CUDA)
# CMake 3.25 does not know that nvcc 13 speaks C++20.
set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
set(CMAKE_CUDA_STANDARD 20)
# As for C++: contracts stay.
set(CMAKE_CUDA_FLAGS_RELWITHDEBINFO "-O3 -lineinfo")
find_package(CUDAToolkit 13 REQUIRED)
if(PARE_CCACHE)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${PARE_CCACHE})
endif()
set(PARE_CUDA_PORTABLE -gencode=arch=compute_80,code=[sm_80,compute_80] -gencode=arch=compute_90a,code=sm_90a
    CACHE STRING "Machine code of kernels that run on every GPU")
set(PARE_CUDA_HOPPER -gencode=arch=compute_90a,code=sm_90a CACHE STRING "Machine code of kernels of Hopper alone")

# pare_cuda_sources(<target> [PORTABLE <file>...] [HOPPER <file>...])
#
# PORTABLE files are compiled for every GPU, HOPPER files for sm_90a only: their launchers look at the GPU first.
function(pare_cuda_sources target)
  cmake_parse_arguments(arg "" "" "PORTABLE;HOPPER" ${ARGN})
  target_sources(${target} PRIVATE ${arg_PORTABLE} ${arg_HOPPER})
  foreach(file IN LISTS arg_PORTABLE)
    set_property(SOURCE ${file} TARGET_DIRECTORY ${target} PROPERTY COMPILE_OPTIONS ${PARE_CUDA_PORTABLE})
  endforeach()
  foreach(file IN LISTS arg_HOPPER)
    set_property(SOURCE ${file} TARGET_DIRECTORY ${target} PROPERTY COMPILE_OPTIONS ${PARE_CUDA_HOPPER})
  endforeach()
endfunction()
