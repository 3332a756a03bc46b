# libonnx's package asks for Protobuf's own CMake package, which Debian does not ship. This answers
# with CMake's FindProtobuf. The static library: the executable must not lend its protobuf to libtorch.
set(Protobuf_USE_STATIC_LIBS ON)
find_package(Protobuf REQUIRED MODULE)
set(Protobuf_FOUND TRUE)
