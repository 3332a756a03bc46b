// A Python pickle read as data. Nothing is imported, called or built: a global is a name, a call is
// a record of what would be called with which arguments. Covers what pickle protocols 0 to 5 write
// for plain data, tensors' rebuild calls and persistent ids; other opcodes are errors.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace onnxport::formats {

struct PickleLimits {
  size_t max_objects = 10'000'000;
};

// Objects refer to each other by index, so shared and even cyclic ones are no trouble.
using PickleId = uint32_t;

struct PickleObject {
  enum class Kind {
    kNone,
    kBool,
    kInt,
    kFloat,
    kString,
    kBytes,
    kTuple,
    kList,
    kSet,         // items
    kDict,        // items: key, value, key, value, ...
    kGlobal,      // text: "torch._utils _rebuild_tensor_v2" (module, space, name)
    kPersistent,  // items[0]: the id that the pickler gave to something stored elsewhere
    kCall,        // items[0]: callable, items[1]: tuple of arguments
    kNew,         // the same, made by NEWOBJ: an object of the class items[0], empty until `state`
  };
  Kind kind = Kind::kNone;
  int64_t integer = 0;  // kInt, kBool
  double number = 0;    // kFloat
  std::string text;     // kString, kBytes, kGlobal
  std::vector<PickleId> items;
  std::vector<PickleId> added;  // what was appended or set on a kCall (an OrderedDict's
                                // key, value, key, value, ...)
  std::vector<PickleId> state;  // what BUILD would have given to it
};

struct Pickle {
  std::deque<PickleObject> objects;  // not moved as it grows
  PickleId root = 0;

  const PickleObject& operator[](PickleId id) const { return objects[id]; }
  const PickleObject& top() const { return objects[root]; }
};

Result<Pickle> parse_pickle(std::span<const std::byte> bytes, const PickleLimits& limits = {});

}  // namespace onnxport::formats
