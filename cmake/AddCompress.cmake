# Functions that add this project's libraries, tools and tests.

set(compress_warnings -Wall -Wextra -Wno-unused-parameter)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  list(APPEND compress_warnings -Wno-unknown-warning-option)
else()
  # g++ 12 reports these inside MLIR's own templates.
  list(APPEND compress_warnings -Wno-dangling-reference -Wno-maybe-uninitialized -Wno-comment)
endif()
if(COMPRESS_WERROR)
  list(APPEND compress_warnings -Werror)
endif()

# One precompiled header of MLIR's dialects; never of our own generated headers, which change.
if(COMPRESS_PCH)
  file(GENERATE OUTPUT "${CMAKE_BINARY_DIR}/compress_pch.cpp" CONTENT "// Owner of the shared precompiled header.\n")
  add_library(CompressPch OBJECT "${CMAKE_BINARY_DIR}/compress_pch.cpp")
  target_precompile_headers(CompressPch PRIVATE
    <mlir/IR/BuiltinOps.h> <mlir/IR/PatternMatch.h> <mlir/Pass/PassManager.h> <mlir/Dialect/Affine/IR/AffineOps.h>
    <mlir/Dialect/Arith/IR/Arith.h> <mlir/Dialect/Func/IR/FuncOps.h> <mlir/Dialect/Linalg/IR/Linalg.h>
    <mlir/Dialect/MemRef/IR/MemRef.h> <mlir/Dialect/SCF/IR/SCF.h> <mlir/Dialect/Tensor/IR/Tensor.h>
    <mlir/Dialect/Vector/IR/VectorOps.h> <mlir/Transforms/DialectConversion.h>)
  target_compile_options(CompressPch PRIVATE ${compress_warnings})
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
  endif()
endif()

function(compress_target_defaults name)
  cmake_parse_arguments(ARG "NO_PCH" "" "" ${ARGN})
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${compress_warnings}>)
  if(COMPRESS_PCH AND NOT ARG_NO_PCH)
    target_precompile_headers(${name} REUSE_FROM CompressPch)
  endif()
endfunction()

# add_compress_library(MLIRCompressX a.cpp … [NO_PCH] [DEPENDS …] [LINK_LIBS PUBLIC|PRIVATE …])
# A static library of the package, exported under its own name, with the shared MLIR and LLVM behind it.
function(add_compress_library name)
  cmake_parse_arguments(ARG "NO_PCH" "" "DEPENDS;LINK_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${name} ${ARG_LINK_LIBS})
  target_link_libraries(${name} PUBLIC MLIR LLVM)
  add_dependencies(${name} CompressHeaders ${ARG_DEPENDS})
  if(ARG_NO_PCH)
    compress_target_defaults(${name} NO_PCH)
  else()
    compress_target_defaults(${name})
  endif()
  set_property(GLOBAL APPEND PROPERTY COMPRESS_LIBRARIES ${name})
endfunction()

# add_compress_tool(name a.cpp … [LINK_LIBS …])
function(add_compress_tool name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} MLIR LLVM)
  add_dependencies(${name} CompressHeaders)
  compress_target_defaults(${name} NO_PCH)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  set_property(GLOBAL APPEND PROPERTY COMPRESS_TOOLS ${name})
endfunction()

# add_compress_unittest(Name a.cpp … [LIBS …]) : one GoogleTest program, one ctest entry.
function(add_compress_unittest name)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gtest GTest::gtest_main MLIR LLVM)
  add_dependencies(${name} CompressHeaders)
  compress_target_defaults(${name} NO_PCH)
  add_test(NAME unit-${name} COMMAND ${name})
  set_property(GLOBAL APPEND PROPERTY COMPRESS_TEST_PROGRAMS ${name})
endfunction()
