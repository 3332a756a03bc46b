// libtorch's reader (torch/csrc/jit/serialization/unpickler.cpp) has one stack for values and for
// what is to be called: a global is the number of an entry in its table of functions, a storage
// type the number of that type. So what is a global here is a global in the place where it is used,
// and nothing else is taken there.
#include "read/script_pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "formats/torch_types.h"

namespace onnxport::read {

namespace {

using formats::Pickle;
using formats::PickleId;
using formats::PickleObject;
using formats::TorchType;
using formats::Zip;
using formats::ZipEntry;
using Kind = PickleObject::Kind;

constexpr int kMaxNesting = 1000;     // of containers and objects
constexpr int kMaxTypeNesting = 200;  // of brackets in the name of a type
constexpr size_t kMaxRank = 64;

constexpr std::string_view kTensor = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view kQuantized = "torch._utils _rebuild_qtensor";
constexpr std::string_view kPerTensor = "torch per_tensor_affine";
constexpr std::array<std::string_view, 2> kPerChannel = {"torch per_channel_affine",
                                                         "torch per_channel_affine_float_qparams"};

// What is called beside those two: data in, data out.
constexpr std::array<std::string_view, 8> kFunctions = {
    "collections OrderedDict",
    "torch device",
    "builtins complex",
    "torch.jit._pickle restore_type_tag",
    "torch.jit._pickle build_intlist",
    "torch.jit._pickle build_doublelist",
    "torch.jit._pickle build_boollist",
    "torch.jit._pickle build_tensorlist",
};

template <typename Names>
bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_function(std::string_view global) {
  return global == kTensor || global == kQuantized || contains(kFunctions, global);
}

// A class of the archive, or one of libtorch's that holds packed weights.
bool is_class(std::string_view global) {
  if (global.starts_with("__torch__.torch.classes.")) {
    return global.starts_with("__torch__.torch.classes.quantized.");
  }
  return global.starts_with("__torch__");
}

bool is_known(std::string_view global) {
  return is_function(global) || is_class(global) || global == kPerTensor ||
         contains(kPerChannel, global) || formats::torch_type_of_storage(global) != nullptr;
}

int nesting_of(std::string_view text) {
  int depth = 0;
  int most = 0;
  for (char c : text) {
    if (c == '[' || c == '(' || c == '{') most = std::max(most, ++depth);
    if (c == ']' || c == ')' || c == '}') --depth;
  }
  return most;
}

class PickleCheck {
 public:
  PickleCheck(const Zip& zip, const std::string& storages, const Pickle& pickle, size_t& budget)
      : zip_(zip), storages_(storages), pickle_(pickle), budget_(budget) {}

  Status run() {
    for (const PickleObject& o : pickle_.objects) TRY(check(o));
    return check_depth();
  }

 private:
  struct StorageOf {
    const TorchType* type;
    int64_t elements;
  };

  const PickleObject& at(PickleId id) const { return pickle_[id]; }
  bool is_global(PickleId id, std::string_view name) const {
    return at(id).kind == Kind::kGlobal && at(id).text == name;
  }

  Status check(const PickleObject& o) {
    switch (o.kind) {
      case Kind::kGlobal: {
        if (is_known(o.text)) return {};
        std::string name = o.text;
        std::replace(name.begin(), name.end(), ' ', '.');
        return Error{
            fmt::format("names `{}`, which no TorchScript archive needs: it is refused, and "
                        "was not executed",
                        name),
            ""};
      }
      case Kind::kString:
        if (nesting_of(o.text) <= kMaxTypeNesting) return {};
        return Error{"has a type that is nested too deep", ""};
      case Kind::kPersistent:
        return check_storage(o);
      case Kind::kCall:
        return check_call(o);
      case Kind::kNew:
        return check_object(o);
      default:
        return {};
    }
  }

  // ('storage', torch.FloatStorage, '0', 'cpu', element count)
  Result<StorageOf> storage_of(const PickleObject& persistent) const {
    const std::vector<PickleId>& id = at(persistent.items[0]).items;
    if (at(persistent.items[0]).kind != Kind::kTuple || id.size() < 5 ||
        at(id[0]).kind != Kind::kString || at(id[0]).text != "storage" ||
        at(id[2]).kind != Kind::kString || at(id[3]).kind != Kind::kString ||
        at(id[4]).kind != Kind::kInt) {
      return Error{"names a storage in an unknown way", ""};
    }
    if (at(id[1]).kind != Kind::kGlobal) {
      return Error{"has a storage whose type is not named, as torch.jit.save does", ""};
    }
    const TorchType* type = formats::torch_type_of_storage(at(id[1]).text);
    if (type == nullptr || type->name.empty()) {
      return Error{
          fmt::format("has a storage of the type `{}`, which is not known", at(id[1]).text), ""};
    }
    return StorageOf{type, at(id[4]).integer};
  }

  // libtorch reads the entry into memory each time it is named.
  Status check_storage(const PickleObject& persistent) {
    TRY_ASSIGN(const StorageOf storage, storage_of(persistent));
    const std::string name = storages_ + at(at(persistent.items[0]).items[2]).text;
    const ZipEntry* entry = storages_.empty() ? nullptr : zip_.find(name);
    if (entry == nullptr) return Error{"needs the entry `" + name + "`, which is missing", ""};
    const auto bytes = formats::bytes_of_elements(*storage.type, storage.elements);
    if (!bytes.ok() || *bytes > entry->size) {
      return Error{fmt::format("says that `{}` holds {} elements, but it has {} bytes", name,
                               storage.elements, entry->size),
                   ""};
    }
    return spend(entry->size, "its storages, read one by one");
  }

  Status spend(size_t bytes, const char* what) {
    if (bytes > budget_) {
      return Error{fmt::format("{}, would take far more memory than the archive has", what), ""};
    }
    budget_ -= bytes;
    return {};
  }

  // Made by NEWOBJ from a class, filled by one BUILD.
  Status check_object(const PickleObject& object) const {
    const PickleObject& type = at(object.items[0]);
    if (type.kind == Kind::kGlobal && is_class(type.text) && at(object.items[1]).items.empty() &&
        object.added.empty() && object.state.size() == 1) {
      return {};
    }
    return Error{"makes an object in a way that torch.jit.save does not", ""};
  }

  Status check_call(const PickleObject& call) {
    const PickleObject& callable = at(call.items[0]);
    if (callable.kind != Kind::kGlobal || !is_function(callable.text) || !call.added.empty() ||
        !call.state.empty()) {
      return Error{"calls something in a way that torch.jit.save does not", ""};
    }
    const std::vector<PickleId>& args = at(call.items[1]).items;
    if (callable.text == kTensor) return check_tensor(args, false);
    if (callable.text == kQuantized) {
      TRY(check_tensor(args, true));
      return check_quantizer(at(args[2]).items, at(args[4]));
    }
    return {};
  }

  Result<std::vector<int64_t>> counts(PickleId id) const {
    std::vector<int64_t> out;
    const PickleObject& tuple = at(id);
    bool good = tuple.kind == Kind::kTuple && tuple.items.size() <= kMaxRank;
    for (size_t i = 0; good && i < tuple.items.size(); ++i) {
      const PickleObject& item = at(tuple.items[i]);
      good = item.kind == Kind::kInt && item.integer >= 0;
      out.push_back(item.integer);
    }
    if (good) return out;
    return Error{"a tensor's sizes or strides are broken", ""};
  }

  // (storage, offset, sizes, strides, requires_grad, hooks[, metadata]); a quantized one has its
  // quantizer in place of the fifth, and the rest behind it.
  Status check_tensor(const std::vector<PickleId>& args, bool quantized) {
    const Error wrong{"a tensor's sizes or strides are broken", ""};
    if (args.size() < (quantized ? 7 : 6) || at(args[0]).kind != Kind::kPersistent ||
        at(args[1]).kind != Kind::kInt) {
      return wrong;
    }
    TRY_ASSIGN(const StorageOf storage, storage_of(at(args[0])));
    if (storage.type->quantized != quantized) {
      return Error{fmt::format("makes a tensor of `{}` in an unknown way", storage.type->storage),
                   ""};
    }
    TRY_ASSIGN(const std::vector<int64_t> sizes, counts(args[2]));
    TRY_ASSIGN(const std::vector<int64_t> strides, counts(args[3]));
    int64_t last = at(args[1]).integer;
    if (last < 0 || sizes.size() != strides.size()) return wrong;
    int64_t elements = 1;
    for (size_t i = 0; i < sizes.size(); ++i) {
      int64_t reach = 0;
      if (__builtin_mul_overflow(elements, sizes[i], &elements) ||
          __builtin_mul_overflow(std::max<int64_t>(sizes[i] - 1, 0), strides[i], &reach) ||
          __builtin_add_overflow(last, reach, &last)) {
        return wrong;
      }
    }
    if (elements == 0) return {};
    if (last >= storage.elements) return Error{"a tensor reaches outside its storage", ""};
    TRY_ASSIGN(const size_t bytes, formats::bytes_of_elements(*storage.type, elements));
    // An expanded tensor is larger than its storage. It takes memory when it is first copied.
    if (elements <= storage.elements) return {};
    return spend(bytes, "its expanded tensors, written out");
  }

  // (torch.per_tensor_affine, scale, zero point) or (torch.per_channel_affine, scales, zero points,
  // axis): libtorch does not look whether there are as many as channels.
  Status check_quantizer(const std::vector<PickleId>& sizes, const PickleObject& quantizer) const {
    const std::vector<PickleId>& parts = quantizer.items;
    if (quantizer.kind == Kind::kTuple && parts.size() >= 3 && is_global(parts[0], kPerTensor)) {
      return {};
    }
    const Error wrong{"a quantized tensor's scales do not fit it", ""};
    if (quantizer.kind != Kind::kTuple || parts.size() < 4 || at(parts[0]).kind != Kind::kGlobal ||
        !contains(kPerChannel, at(parts[0]).text) || at(parts[3]).kind != Kind::kInt) {
      return wrong;
    }
    const int64_t axis = at(parts[3]).integer;
    if (axis < 0 || axis >= static_cast<int64_t>(sizes.size())) return wrong;
    const int64_t channels = at(sizes[static_cast<size_t>(axis)]).integer;
    for (size_t part : {1, 2}) {
      const PickleObject& tensor = at(parts[part]);
      if (tensor.kind != Kind::kCall || !is_global(tensor.items[0], kTensor)) return wrong;
      const std::vector<PickleId>& args = at(tensor.items[1]).items;  // checked as any tensor's
      if (args.size() < 4 || at(args[2]).items.size() != 1 ||
          at(at(args[2]).items[0]).integer != channels) {
        return wrong;
      }
    }
    return {};
  }

  // libtorch frees nested containers by recursion. Depth by a walk with a stack of its own; an
  // object that contains itself has no depth, and is refused too.
  Status check_depth() const {
    std::vector<int> depth(pickle_.objects.size(), 0);  // 0: not seen, -1: open
    std::vector<PickleId> stack = {pickle_.root};
    while (!stack.empty()) {
      const PickleId id = stack.back();
      const PickleObject& o = at(id);
      if (depth[id] > 0) {
        stack.pop_back();
        continue;
      }
      const bool first = depth[id] == 0;
      depth[id] = -1;
      int deepest = 0;
      bool waits = false;
      for (const auto* parts : {&o.items, &o.added, &o.state}) {
        for (PickleId part : *parts) {
          if (depth[part] == -1) return Error{"has an object that contains itself", ""};
          if (depth[part] == 0 && first) {
            stack.push_back(part);
            waits = true;
          }
          deepest = std::max(deepest, depth[part]);
        }
      }
      if (waits) continue;
      depth[id] = deepest + 1;
      if (depth[id] > kMaxNesting) return Error{"is nested too deep", ""};
      stack.pop_back();
    }
    return {};
  }

  const Zip& zip_;
  const std::string& storages_;
  const Pickle& pickle_;
  size_t& budget_;
};

}  // namespace

Status check_script_pickle(const Zip& zip, const std::string& storages, const Pickle& pickle,
                           size_t& budget) {
  return PickleCheck(zip, storages, pickle, budget).run();
}

}  // namespace onnxport::read
