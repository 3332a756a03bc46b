// A tensor in the pickle is a call, as data:
//   torch._utils._rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks[,
//   metadata]) torch._utils._rebuild_tensor_v3(..., hooks, dtype[, metadata])   for types without a
//   storage class torch._utils._rebuild_parameter(tensor, requires_grad, hooks)
//   torch._utils._rebuild_parameter_with_state(tensor, requires_grad, hooks, state)
// and a storage is a persistent id: ('storage', torch.FloatStorage, '0', 'cpu', element count).
#include "formats/torch_save.h"

#include <fmt/format.h>

#include "formats/pickle.h"
#include "formats/slice.h"
#include "formats/strided.h"
#include "formats/torch_types.h"

namespace onnxport::formats {

namespace {

using Kind = PickleObject::Kind;

class SavedReader {
 public:
  static Result<SavedReader> open(std::shared_ptr<const Storage> bytes, const ZipLimits& limits) {
    auto zip = Zip::open(std::move(bytes), limits);
    if (!zip.ok()) return std::move(zip).error().at("torch.save archive");
    SavedReader reader(std::move(zip).value());
    TRY(reader.load());
    return reader;
  }

  const Pickle& pickle() const { return pickle_; }
  const PickleObject& at(PickleId id) const { return pickle_[id]; }

  bool is_tensor(PickleId id) const {
    const PickleObject& o = at(id);
    return o.kind == Kind::kCall && callable(o).starts_with("torch._utils _rebuild_");
  }

  // Parameters wrap a tensor; a bounded number of times, whatever the pickle says.
  Result<Tensor> tensor(PickleId id) const {
    for (int wraps = 0; wraps < 4; ++wraps) {
      if (!is_tensor(id)) return Error{"is not a tensor", ""};
      const std::string& rebuild = callable(at(id));
      const std::vector<PickleId>& args = at(at(id).items[1]).items;
      if (rebuild == "torch._utils _rebuild_tensor_v2" && args.size() >= 4) {
        return rebuilt(args, DType::kUndefined);
      }
      if (rebuild == "torch._utils _rebuild_tensor_v3" && args.size() >= 7) {
        const DType dtype = dtype_named(at(args[6]).text);
        if (at(args[6]).kind == Kind::kGlobal && dtype != DType::kUndefined) {
          return rebuilt(args, dtype);
        }
        return Error{"has an element type that is not supported", ""};
      }
      if (!rebuild.starts_with("torch._utils _rebuild_parameter") || args.empty()) {
        return Error{
            fmt::format("is made by `{}`, which needs Python; save plain tensors (a tensor "
                        "subclass or a quantized tensor cannot be read)",
                        rebuild),
            ""};
      }
      id = args[0];
    }
    return Error{"is wrapped in a parameter too many times", ""};
  }

 private:
  explicit SavedReader(Zip zip) : zip_(std::move(zip)) {}

  const std::string& callable(const PickleObject& call) const { return at(call.items[0]).text; }

  Status load() {
    const ZipEntry* pkl = nullptr;
    for (const ZipEntry& entry : zip_.entries()) {
      if (entry.name != "data.pkl" && !entry.name.ends_with("/data.pkl")) continue;
      if (pkl != nullptr) {
        return Error{fmt::format("has two pickles, `{}` and `{}`: it was not written by torch.save",
                                 pkl->name, entry.name),
                     ""};
      }
      pkl = &entry;
    }
    if (pkl == nullptr) return Error{"has no `data.pkl`: it was not written by torch.save", ""};
    root_ = pkl->name.substr(0, pkl->name.size() - std::string_view("data.pkl").size());
    if (const ZipEntry* order = zip_.find(root_ + "byteorder"); order != nullptr) {
      TRY_ASSIGN(auto bytes, zip_.read(*order, Zip::Crc::kSkip));
      if (bytes->size() == 3) return Error{"was saved on a big-endian machine", ""};  // "big"
    }
    TRY_ASSIGN(auto bytes, zip_.read(*pkl, Zip::Crc::kCheck));
    auto pickle = parse_pickle(bytes->view());
    if (!pickle.ok()) return std::move(pickle).error().at("archive entry `" + pkl->name + "`");
    pickle_ = std::move(pickle).value();
    return {};
  }

  Result<std::vector<int64_t>> ints(PickleId id, const char* what) const {
    const PickleObject& tuple = at(id);
    std::vector<int64_t> out;
    for (PickleId item : tuple.items) {
      if (at(item).kind != Kind::kInt) break;
      out.push_back(at(item).integer);
    }
    if (tuple.kind != Kind::kTuple || out.size() != tuple.items.size()) {
      return Error{fmt::format("the tensor's {} are not a tuple of integers", what), ""};
    }
    return out;
  }

  Result<Tensor> rebuilt(const std::vector<PickleId>& args, DType dtype) const {
    Strided layout;
    if (at(args[1]).kind != Kind::kInt) return Error{"the tensor's offset is not an integer", ""};
    layout.offset = at(args[1]).integer;
    TRY_ASSIGN(layout.sizes, ints(args[2], "sizes"));
    TRY_ASSIGN(layout.strides, ints(args[3], "strides"));
    TRY_ASSIGN(const Stored stored, storage(at(args[0])));
    layout.dtype = dtype != DType::kUndefined ? dtype : stored.type->dtype;
    if (layout.dtype == DType::kUndefined) {
      return Error{
          fmt::format("has elements of `{}`, which is not supported", stored.type->storage), ""};
    }
    return strided_tensor(layout, stored.bytes);
  }

  struct Stored {
    const TorchType* type;
    std::shared_ptr<const Storage> bytes;  // as many as the storage says it has
  };
  // ('storage', torch.FloatStorage, '0', 'cpu', element count)
  Result<Stored> storage(const PickleObject& persistent) const {
    if (persistent.kind != Kind::kPersistent) return Error{"the tensor has no storage", ""};
    const std::vector<PickleId>& id = at(persistent.items[0]).items;
    if (id.size() < 5 || at(id[0]).text != "storage" || at(id[1]).kind != Kind::kGlobal ||
        at(id[2]).kind != Kind::kString || at(id[4]).kind != Kind::kInt) {
      return Error{"the tensor's storage is named in an unknown way", ""};
    }
    Stored out{torch_type_of_storage(at(id[1]).text), nullptr};
    if (out.type == nullptr) {
      return Error{fmt::format("has the storage type `{}`, which is not known", at(id[1]).text),
                   ""};
    }
    const std::string name = root_ + "data/" + at(id[2]).text;
    const ZipEntry* entry = zip_.find(name);
    if (entry == nullptr) return Error{"its data, archive entry `" + name + "`, is missing", ""};
    TRY_ASSIGN(const size_t size, bytes_of_elements(*out.type, at(id[4]).integer));
    if (size > entry->size) {
      return Error{
          fmt::format("says that `{}` holds {} bytes, but it has {}", name, size, entry->size), ""};
    }
    TRY_ASSIGN(out.bytes, zip_.read(*entry, Zip::Crc::kSkip));
    TRY_ASSIGN(out.bytes, slice(std::move(out.bytes), 0, size));
    return out;
  }

  Zip zip_;
  std::string root_;
  Pickle pickle_;
};

}  // namespace

Result<SavedTensors> read_saved_dict(std::shared_ptr<const Storage> bytes,
                                     const ZipLimits& limits) {
  TRY_ASSIGN(SavedReader reader, SavedReader::open(std::move(bytes), limits));
  const PickleObject& top = reader.pickle().top();
  // A dict, or collections.OrderedDict() with what was set on it.
  if (top.kind != Kind::kDict && top.kind != Kind::kCall) {
    return Error{"holds no dictionary of tensors", "torch.save archive"};
  }
  const std::vector<PickleId>& items = top.kind == Kind::kDict ? top.items : top.added;
  SavedTensors out;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    const PickleObject& key = reader.at(items[i]);
    if (key.kind != Kind::kString)
      return Error{"has a key that is no string", "torch.save archive"};
    if (!reader.is_tensor(items[i + 1])) {
      out.others.push_back(key.text);
      continue;
    }
    auto tensor = reader.tensor(items[i + 1]);
    if (!tensor.ok()) return std::move(tensor).error().at("tensor `" + key.text + "`");
    out.tensors.push_back({key.text, std::move(tensor).value()});
  }
  return out;
}

Result<Tensor> read_saved_tensor(std::shared_ptr<const Storage> bytes, const ZipLimits& limits) {
  TRY_ASSIGN(SavedReader reader, SavedReader::open(std::move(bytes), limits));
  return reader.tensor(reader.pickle().root);
}

}  // namespace onnxport::formats
