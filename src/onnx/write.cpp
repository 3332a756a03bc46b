// The file is laid out before anything is written: a list of pieces, each some bytes and then,
// maybe, the elements of one initializer. The lengths that protobuf puts in front of nested
// messages are known from it, and the elements are streamed from where they are.
//
//   ModelProto   = ir_version, producer, ...; 7: GraphProto; 8: opset_import; metadata; functions
//   GraphProto   = 1: node ...; 2: name; 5: initializer ...; inputs, outputs, value_info, ...
//   TensorProto  = dims, data_type, name; 9: raw_data
//
// Fields may come in any order, so the frame of the graph (names, inputs, outputs) goes last.
#include "onnx/write.h"

#include <algorithm>

#include "base/cancel.h"
#include "base/file.h"
#include "onnx/to_proto.h"
#include "onnx/wire.h"

namespace onnxport::onnx {
namespace {

constexpr uint64_t kBlock = uint64_t{1} << 20;
constexpr uint64_t kMinExternal = 1024;  // smaller initializers stay in the file: shapes read them
constexpr uint64_t kAlignment = 4096;    // the specification's advice: data that can be mapped
constexpr uint64_t kProtobufLimit = (uint64_t{1} << 31) - 1;

// Field numbers of onnx.proto.
constexpr int kModelGraph = 7;
constexpr int kGraphNode = 1;
constexpr int kGraphInitializer = 5;
constexpr int kTensorRawData = 9;

struct Piece {
  std::string bytes;
  const Tensor* elements = nullptr;  // follow the bytes
  uint64_t size() const { return bytes.size() + (elements != nullptr ? elements->nbytes() : 0); }
};

struct External {
  const Tensor* elements;
  uint64_t offset;
};

struct Layout {
  std::vector<Piece> pieces;
  std::vector<External> external;  // by offset
  uint64_t size = 0;
};

bool has_elements(const Tensor& tensor) { return tensor.nbytes() > 0; }

class LayoutMaker {
 public:
  LayoutMaker(const Model& model, std::string data_name)
      : model_(model), data_name_(std::move(data_name)) {}

  // The nodes and the frame are serialized once, for both tries (without and with external data).
  Status prepare() {
    for (const Node* node = model_.graph->first(); node != nullptr; node = node->next) {
      ::onnx::NodeProto proto;
      TRY(to_proto(*node, proto));
      wire::put_bytes(nodes_, kGraphNode, proto.SerializeAsString());
    }
    ::onnx::GraphProto frame;
    to_proto_frame(*model_.graph, frame);
    frame_ = frame.SerializeAsString();
    initializers_ = model_.graph->initializers();
    for (const Value* value : initializers_) {
      if (auto status = check_storage(*value->initializer); !status.ok()) {
        return std::move(status).error().at("initializer " + value->name);
      }
    }
    return {};
  }

  Layout make(bool use_external) const {
    Layout layout;
    layout.pieces.push_back({nodes_});
    uint64_t data_end = 0;
    for (const Value* value : initializers_) {
      if (use_external && value->initializer->nbytes() >= kMinExternal) {
        data_end = (data_end + kAlignment - 1) / kAlignment * kAlignment;
        layout.external.push_back({&*value->initializer, data_end});
        layout.pieces.back().bytes += external_initializer(*value, data_end);
        data_end += value->initializer->nbytes();
      } else {
        put_initializer(*value, layout.pieces);
      }
    }
    layout.pieces.back().bytes += frame_;

    uint64_t graph_size = 0;
    for (const Piece& piece : layout.pieces) graph_size += piece.size();
    std::string& front = layout.pieces.front().bytes;
    front.insert(0, model_front(graph_size));
    layout.pieces.back().bytes += model_back();
    for (const Piece& piece : layout.pieces) layout.size += piece.size();
    return layout;
  }

 private:
  static ::onnx::TensorProto header(const Value& value) {
    ::onnx::TensorProto proto;
    to_proto_header(*value.initializer, proto);
    put_name(value, proto);
    return proto;
  }

  static void put_initializer(const Value& value, std::vector<Piece>& pieces) {
    ::onnx::TensorProto proto = header(value);
    const bool whole =
        !has_elements(*value.initializer) || put_short_elements(*value.initializer, proto);
    const std::string head = proto.SerializeAsString();
    const uint64_t size = value.initializer->nbytes();
    std::string& out = pieces.back().bytes;
    if (whole) return wire::put_bytes(out, kGraphInitializer, head);
    wire::put_header(out, kGraphInitializer,
                     head.size() + wire::header_size(kTensorRawData, size) + size);
    out += head;
    wire::put_header(out, kTensorRawData, size);
    pieces.back().elements = &*value.initializer;
    pieces.emplace_back();
  }

  std::string external_initializer(const Value& value, uint64_t offset) const {
    ::onnx::TensorProto proto = header(value);
    proto.set_data_location(::onnx::TensorProto::EXTERNAL);
    auto put = [&](const char* key, const std::string& text) {
      auto* entry = proto.add_external_data();
      entry->set_key(key);
      entry->set_value(text);
    };
    put("location", data_name_);
    put("offset", std::to_string(offset));
    put("length", std::to_string(value.initializer->nbytes()));
    std::string out;
    wire::put_bytes(out, kGraphInitializer, proto.SerializeAsString());
    return out;
  }

  std::string model_front(uint64_t graph_size) const {
    ::onnx::ModelProto proto;
    proto.set_ir_version(model_.ir_version);
    if (!model_.producer_name.empty()) proto.set_producer_name(model_.producer_name);
    if (!model_.producer_version.empty()) proto.set_producer_version(model_.producer_version);
    if (!model_.domain.empty()) proto.set_domain(model_.domain);
    if (model_.model_version != 0) proto.set_model_version(model_.model_version);
    if (!model_.doc.empty()) proto.set_doc_string(model_.doc);
    std::string out = proto.SerializeAsString();
    wire::put_header(out, kModelGraph, graph_size);
    return out;
  }

  std::string model_back() const {
    ::onnx::ModelProto proto;
    for (const auto& [domain, version] : model_.opset_imports) {
      auto* import = proto.add_opset_import();
      if (!domain.empty()) import->set_domain(domain);
      import->set_version(version);
    }
    for (const auto& [key, value] : model_.metadata) {
      auto* entry = proto.add_metadata_props();
      entry->set_key(key);
      entry->set_value(value);
    }
    std::string out = proto.SerializeAsString();
    for (const std::string& bytes : model_.training_info) wire::put_bytes(out, 20, bytes);
    for (const std::string& bytes : model_.functions) wire::put_bytes(out, 25, bytes);
    for (const std::string& bytes : model_.configurations) wire::put_bytes(out, 26, bytes);
    return out;
  }

  const Model& model_;
  const std::string data_name_;
  std::string nodes_;
  std::string frame_;
  std::vector<Value*> initializers_;
};

// Where the bytes go.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual Status write(std::span<const std::byte> bytes) = 0;
  virtual uint64_t written() const = 0;
};

class FileSink final : public Sink {
 public:
  explicit FileSink(AtomicFile& file) : file_(file) {}
  Status write(std::span<const std::byte> bytes) override { return file_.write(bytes); }
  uint64_t written() const override { return file_.written(); }

 private:
  AtomicFile& file_;
};

class MemorySink final : public Sink {
 public:
  explicit MemorySink(std::string& out) : out_(out) {}
  Status write(std::span<const std::byte> bytes) override {
    out_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  uint64_t written() const override { return out_.size(); }

 private:
  std::string& out_;
};

Status stream(const Storage& storage, Sink& file, std::vector<std::byte>& buffer,
              const std::stop_token& cancel) {
  const std::span<const std::byte> view = storage.view();
  for (uint64_t at = 0; at < storage.size(); at += kBlock) {
    TRY(check_cancelled(cancel));
    const uint64_t n = std::min(kBlock, storage.size() - at);
    if (!view.empty()) {
      TRY(file.write(view.subspan(at, n)));
      storage.release_range(at, n);
      continue;
    }
    buffer.resize(kBlock);
    storage.read(at, std::span(buffer).first(n));
    TRY(file.write(std::span<const std::byte>(buffer).first(n)));
  }
  storage.release();
  return {};
}

Status write_pieces(const Layout& layout, Sink& file, const std::stop_token& cancel) {
  std::vector<std::byte> buffer;
  for (const Piece& piece : layout.pieces) {
    TRY(file.write(std::as_bytes(std::span(piece.bytes))));
    if (piece.elements != nullptr) TRY(stream(*piece.elements->storage, file, buffer, cancel));
  }
  CHECK(file.written() == layout.size);
  return {};
}

Status write_external(const std::vector<External>& external, Sink& file,
                      const std::stop_token& cancel) {
  std::vector<std::byte> buffer;
  for (const External& part : external) {
    const std::vector<std::byte> gap(part.offset - file.written());
    TRY(file.write(gap));
    TRY(stream(*part.elements->storage, file, buffer, cancel));
  }
  return {};
}

std::string file_name(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

// Whose pieces refer to the model; its error names no file.
Result<Layout> lay_out(const LayoutMaker& maker, const WriteOptions& options) {
  Layout layout = maker.make(false);
  if (layout.size > options.external_data_above) layout = maker.make(true);
  if (layout.size <= kProtobufLimit) return layout;
  return Error{"the graph alone has " + std::to_string(layout.size) +
                   " bytes, more than protobuf's 2 GB; large constants must be initializers of "
                   "the main graph, not attributes or parts of subgraphs",
               ""};
}

}  // namespace

Result<Serialized> serialize(const Model& model, const WriteOptions& options) {
  LayoutMaker maker(model, Serialized::kDataLocation);
  TRY(maker.prepare());
  TRY_ASSIGN(const Layout layout, lay_out(maker, options));
  Serialized out;
  out.model.reserve(layout.size);
  MemorySink file(out.model);
  TRY(write_pieces(layout, file, options.cancel));
  MemorySink data(out.data);
  TRY(write_external(layout.external, data, options.cancel));
  return out;
}

Result<Written> write_model(const Model& model, const std::string& path,
                            const WriteOptions& options) {
  TRY(check_cancelled(options.cancel));
  LayoutMaker maker(model, file_name(path) + ".data");
  if (auto status = maker.prepare(); !status.ok()) return std::move(status).error().at(path);
  auto layout = lay_out(maker, options);
  if (!layout.ok()) return std::move(layout).error().at(path);

  // Both files are complete and on the disk before either takes its name.
  TRY_ASSIGN(auto file, AtomicFile::create(path));
  FileSink sink(*file);
  TRY(write_pieces(*layout, sink, options.cancel));
  TRY(file->flush());
  Written written{layout->size, 0};
  if (!layout->external.empty()) {
    TRY_ASSIGN(auto data, AtomicFile::create(path + ".data"));
    FileSink data_sink(*data);
    TRY(write_external(layout->external, data_sink, options.cancel));
    TRY(data->flush());
    written.external_bytes = data->written();
    TRY(data->commit());
  }
  TRY(file->commit());
  return written;
}

}  // namespace onnxport::onnx
