// A treespec is [1, node], node = {"type": name or null, "context": text or null, "children_spec":
// [nodes]}; a null type is a leaf. The context of a dict is the JSON list of its keys, of a
// dataclass
// [[fields], [fields that are None]], of a namedtuple its type's name, of a defaultdict an object
// with `dict_context`. Walked with a stack of its own.
#include "read/tree_spec.h"

#include <fmt/format.h>

#include "formats/json.h"

namespace onnxport::read {

namespace {

using formats::Json;
using formats::JsonArray;
using formats::JsonObject;
using formats::JsonValue;

// A list of strings or integers as names; nullopt for anything else.
std::optional<std::vector<std::string>> names_in(JsonValue value) {
  JsonArray list;
  if (value.get(list) != simdjson::SUCCESS) return std::nullopt;
  std::vector<std::string> out;
  for (JsonValue element : list) {
    std::string_view text;
    int64_t number = 0;
    if (element.get(text) == simdjson::SUCCESS) {
      out.emplace_back(text);
    } else if (element.get(number) == simdjson::SUCCESS) {
      out.push_back(std::to_string(number));
    } else {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<std::vector<std::string>> names_in_context(JsonValue context) {
  if (auto names = names_in(context)) return names;
  JsonArray list;
  if (context.get(list) == simdjson::SUCCESS) {
    for (JsonValue first : list) return names_in(first);
  }
  JsonValue keys;
  if (context["dict_context"].get(keys) == simdjson::SUCCESS) return names_in(keys);
  return std::nullopt;
}

// The children's names where the node gives one to each; empty otherwise.
std::vector<std::string> child_names(JsonObject node, size_t children,
                                     const NamedTupleFields& fields) {
  std::string_view type;
  std::string_view context;
  if (node["type"].get(type) != simdjson::SUCCESS ||
      node["context"].get(context) != simdjson::SUCCESS) {
    return {};
  }
  std::optional<std::vector<std::string>> names;
  auto json = Json::parse(context);
  if (json.ok()) {
    names = names_in_context(json->root());
    std::string_view tuple_type;
    if (json->root().get(tuple_type) == simdjson::SUCCESS) type = tuple_type;
  } else {
    type = context;
  }
  if (auto it = fields.find(std::string(type)); it != fields.end()) names = it->second;
  if (!names || names->size() != children) return {};
  return *names;
}

}  // namespace

Result<std::vector<std::string>> leaf_names(std::string_view treespec,
                                            const NamedTupleFields& fields) {
  TRY_ASSIGN(Json json, Json::parse(treespec));
  JsonObject root;
  if (json.root().at_pointer("/1").get(root) != simdjson::SUCCESS) {
    return Error{"the output treespec has an unknown form", ""};
  }
  struct Item {
    JsonObject node;
    std::string name;
  };
  std::vector<Item> stack{{root, ""}};
  std::vector<std::string> out;
  while (!stack.empty()) {
    Item item = std::move(stack.back());
    stack.pop_back();
    if (!formats::json_optional(item.node, "type")) {
      out.push_back(std::move(item.name));
      continue;
    }
    TRY_ASSIGN(JsonArray list, formats::array_field(item.node, "children_spec"));
    std::vector<JsonObject> children;
    for (JsonValue child : list) {
      TRY_ASSIGN(JsonObject object, formats::json_object(child, "children_spec"));
      children.push_back(object);
    }
    std::vector<std::string> names = child_names(item.node, children.size(), fields);
    const std::string prefix = item.name.empty() ? "" : item.name + "_";
    for (size_t i = children.size(); i-- > 0;) {
      std::string name;
      if (!names.empty()) {
        name = prefix + names[i];
      } else if (!prefix.empty()) {
        name = prefix + std::to_string(i);
      }
      stack.push_back({children[i], std::move(name)});
    }
  }
  return out;
}

}  // namespace onnxport::read
