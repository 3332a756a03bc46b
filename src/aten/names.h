// Names that are taken, and the next free one.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

namespace onnxport::aten {

class Names {
 public:
  // False when it was taken already.
  bool take(const std::string& name) { return taken_.insert(name).second; }
  bool taken(const std::string& name) const { return taken_.contains(name); }
  // `stem` if it is free, else `stem_1`, `stem_2`, ... (`separator` is "_"); taken from now on.
  std::string unique(std::string_view stem, std::string_view separator = "_") {
    std::string name(stem);
    for (int i = 1; !taken_.insert(name).second; ++i) {
      name = std::string(stem) + std::string(separator) + std::to_string(i);
    }
    return name;
  }

 private:
  std::unordered_set<std::string> taken_;
};

}  // namespace onnxport::aten
