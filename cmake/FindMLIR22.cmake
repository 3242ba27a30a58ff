# Finds the distribution's LLVM/MLIR 22.1 and links it as two shared libraries.
#
# Debian's MLIRConfigVersion compares major.minor, so "22" alone is refused; nothing is on the default search path.
find_package(MLIR 22.1 REQUIRED CONFIG
  HINTS "$ENV{LLVM_ROOT}/lib/cmake/mlir" /usr/lib/llvm-22/lib/cmake/mlir)

set(LLVM_LINK_LLVM_DYLIB ON)
set(MLIR_LINK_MLIR_DYLIB ON) # MLIRConfig does not set it
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(LLVM_RUNTIME_OUTPUT_INTDIR "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
set(LLVM_LIBRARY_OUTPUT_INTDIR "${CMAKE_LIBRARY_OUTPUT_DIRECTORY}")
set(MLIR_BINARY_DIR "${CMAKE_BINARY_DIR}") # else add_mlir_doc writes to /docs

list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# LLVM_DEFINITIONS is one string, and repeats a definition that the compiler already has.
separate_arguments(compress_llvm_definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
list(REMOVE_ITEM compress_llvm_definitions -D_GLIBCXX_USE_CXX11_ABI=1)
add_definitions(${compress_llvm_definitions})

include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
include_directories("${PROJECT_SOURCE_DIR}/include" "${PROJECT_BINARY_DIR}/include")

# See LLVMStatistic.h; builds with NDEBUG see the right layout anyway.
if(NOT CMAKE_BUILD_TYPE MATCHES "Rel")
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-include ${PROJECT_SOURCE_DIR}/cmake/LLVMStatistic.h>")
endif()
