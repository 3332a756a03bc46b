// Only what leads to a tensor is walked, and no tensor's elements are touched: a file of gigabytes
// costs what its graph does.
#include "onnx/model_files.h"

#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "onnx/open.h"
#include "onnx/tensor_proto.h"
#include "onnx/wire.h"

namespace onnxport::onnx {
namespace {

enum class Message {
  kModel,
  kGraph,
  kNode,
  kAttribute,
  kTensor,
  kSparse,
  kFunction,
  kEntry,
  kNone
};

// What a field of a message is, by onnx.proto's numbers; kNone where no tensor is below it.
Message field_of(Message message, uint32_t number) {
  switch (message) {
    case Message::kModel:
      return number == 7 ? Message::kGraph : number == 25 ? Message::kFunction : Message::kNone;
    case Message::kGraph:
      if (number == 1) return Message::kNode;
      if (number == 5) return Message::kTensor;
      return number == 15 ? Message::kSparse : Message::kNone;
    case Message::kFunction:
      if (number == 7) return Message::kNode;
      return number == 11 ? Message::kAttribute : Message::kNone;
    case Message::kNode:
      return number == 5 ? Message::kAttribute : Message::kNone;
    case Message::kAttribute:
      if (number == 5 || number == 10) return Message::kTensor;
      if (number == 6 || number == 11) return Message::kGraph;
      return number == 22 || number == 23 ? Message::kSparse : Message::kNone;
    case Message::kSparse:
      return number == 1 || number == 2 ? Message::kTensor : Message::kNone;
    case Message::kTensor:
      return number == 13 ? Message::kEntry : Message::kNone;
    case Message::kEntry:
    case Message::kNone:
      return Message::kNone;
  }
  return Message::kNone;
}

// The value of an entry of external_data whose key is "location".
Result<std::string> location_in(std::string_view entry) {
  std::string key;
  std::string value;
  wire::Reader reader(entry);
  for (;;) {
    TRY_ASSIGN(const std::optional<wire::Field> field, reader.next());
    if (!field) return key == "location" ? value : std::string();
    if (field->is_bytes(1)) key = field->bytes;
    if (field->is_bytes(2)) value = field->bytes;
  }
}

Result<std::set<std::string>> locations(std::string_view model) {
  std::set<std::string> found;
  std::vector<std::pair<Message, std::string_view>> open = {{Message::kModel, model}};
  while (!open.empty()) {
    const auto [message, bytes] = open.back();
    open.pop_back();
    wire::Reader reader(bytes);
    for (;;) {
      TRY_ASSIGN(const std::optional<wire::Field> field, reader.next());
      if (!field) break;
      if (field->type != wire::kBytes) continue;
      const Message below = field_of(message, field->number);
      if (below == Message::kEntry) {
        TRY_ASSIGN(std::string location, location_in(field->bytes));
        if (!location.empty()) found.insert(std::move(location));
      } else if (below != Message::kNone) {
        open.emplace_back(below, field->bytes);
      }
    }
  }
  return found;
}

}  // namespace

Result<ModelFiles> open_model_files(const std::string& path) {
  ModelFiles files;
  TRY_ASSIGN(files.model, open_model_file(path));
  auto named = locations(files.model->text());
  if (!named.ok()) return std::move(named).error().at(path);
  ExternalFiles external(path);
  for (const std::string& location : *named) {
    auto file = external.open(location);
    if (!file.ok()) {
      Error error = std::move(file).error();
      return error.where.empty() ? std::move(error).at(path) : error;
    }
    files.external[location] = std::move(*file);
  }
  return files;
}

}  // namespace onnxport::onnx
