# cmake --install: headers, libraries, tools, and the package CompressMLIR for find_package.
include(CMakePackageConfigHelpers)
set(compress_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/CompressMLIR")
get_property(compress_libraries GLOBAL PROPERTY COMPRESS_LIBRARIES)

install(DIRECTORY include/compress include/compress-c DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN "*.td")
install(DIRECTORY "${PROJECT_BINARY_DIR}/include/compress" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h.inc")
install(TARGETS ${compress_libraries} EXPORT CompressMLIRTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS CompressCAPI EXPORT CompressMLIRTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT CompressMLIRTargets DESTINATION ${compress_package_dir})
configure_package_config_file(cmake/CompressMLIRConfig.cmake.in "${PROJECT_BINARY_DIR}/CompressMLIRConfig.cmake"
  INSTALL_DESTINATION ${compress_package_dir})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/CompressMLIRConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/CompressMLIRConfig.cmake" "${PROJECT_BINARY_DIR}/CompressMLIRConfigVersion.cmake"
  DESTINATION ${compress_package_dir})
