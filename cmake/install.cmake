# `cmake --install` gives a CMake package: find_package(onnxport) and link onnxport::onnxport.
#
#   bin/onnxport                     the command
#   lib/libonnxport.so               the library: what include/onnxport declares, forwarded to
#   lib/onnxport/onnxport_converter.so
#   lib/onnxport/onnxport_torch.so   the plugin that reads TorchScript and verifies against PyTorch
#   include/onnxport/                headers
#   lib/cmake/onnxport/              the package
#   share/doc/onnxport/LICENSE
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS onnxport_lib EXPORT onnxportTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET onnxport_cli)
  install(TARGETS onnxport_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(TARGETS onnxport_converter LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/onnxport)
if(TARGET onnxport_torch)
  install(TARGETS onnxport_torch LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/onnxport)
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/onnxport"
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(onnxport_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/onnxport)
install(EXPORT onnxportTargets NAMESPACE onnxport:: DESTINATION ${onnxport_package_dir})
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/onnxportConfig.cmake.in" "${PROJECT_BINARY_DIR}/onnxportConfig.cmake"
  INSTALL_DESTINATION ${onnxport_package_dir})
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/onnxportConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/onnxportConfig.cmake" "${PROJECT_BINARY_DIR}/onnxportConfigVersion.cmake"
  DESTINATION ${onnxport_package_dir})
