#include "base/library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>

namespace onnxport {
namespace {

// A program that has a protobuf of its own in sight (the shared libonnxport does, the command does
// not) would lend it to libtorch, which has another one inside: then a library prefers its own
// symbols. Not always, since it would also pass over a preloaded malloc.
int loading_flags() {
  int flags = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE;
#if !defined(__SANITIZE_ADDRESS__)  // which refuses RTLD_DEEPBIND
  constexpr const char* kProtobuf = "_ZN6google8protobuf8internal13VerifyVersionEiiPKc";
  if (dlsym(RTLD_DEFAULT, kProtobuf) != nullptr) flags |= RTLD_DEEPBIND;
#endif
  return flags;
}

}  // namespace

Result<void*> load_library(const std::vector<std::string>& candidates, const std::string& what,
                           const std::string& remedy) {
  std::string tried;
  for (const std::string& candidate : candidates) {
    if (candidate.empty()) continue;
    void* library = dlopen(candidate.c_str(), loading_flags());
    if (library != nullptr) return library;
    const char* why = dlerror();
    tried += "\n  tried " + (why != nullptr ? std::string(why) : candidate);
  }
  return Error{what + " could not be loaded: " + remedy + tried, ""};
}

Result<void*> find_function(void* library, const std::string& name) {
  void* found = dlsym(library, name.c_str());
  if (found != nullptr) return found;
  return Error{"the library has no function " + name, ""};
}

std::string own_folder() {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&own_folder), &info) == 0 || info.dli_fname == nullptr) {
    return "";
  }
  std::error_code error;
  // For the executable itself the loader may know only the name that the shell used.
  std::filesystem::path self = std::filesystem::canonical(info.dli_fname, error);
  if (error) self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "" : self.parent_path().string();
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace onnxport
