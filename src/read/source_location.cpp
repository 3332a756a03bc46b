#include "read/source_location.h"

#include <cctype>

namespace onnxport::read {

namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.front())) != 0) s.remove_prefix(1);
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.back())) != 0) s.remove_suffix(1);
  return s;
}

// PyTorch's own files: installed, or with the relative path that newer versions write.
bool is_torch_file(std::string_view path) {
  return path.starts_with("torch/") || path.find("-packages/torch/") != std::string_view::npos ||
         path.starts_with("<");
}

// `frame` is all that follows `File "`: path", line 42, in forward\n    code
std::string describe_frame(std::string_view frame) {
  size_t quote = frame.find('"');
  if (quote == std::string_view::npos) return "";
  std::string_view path = frame.substr(0, quote);
  if (is_torch_file(path)) return "";
  std::string_view rest = frame.substr(quote + 1);
  size_t line_end = rest.find('\n');
  std::string_view head = rest.substr(0, line_end);
  std::string_view code = line_end == std::string_view::npos ? "" : rest.substr(line_end + 1);
  code = trim(code.substr(0, code.find('\n')));
  size_t line_at = head.find("line ");
  std::string out(path.substr(path.find_last_of("/\\") + 1));
  if (line_at != std::string_view::npos) {
    std::string_view line = head.substr(line_at + 5);
    size_t comma = line.find(',');
    out += ":" + std::string(trim(line.substr(0, comma)));
    if (comma != std::string_view::npos) out += " " + std::string(trim(line.substr(comma + 1)));
  }
  if (!code.empty()) out += ": " + std::string(code);
  return out;
}

}  // namespace

std::string source_line(std::string_view stack_trace) {
  constexpr std::string_view kFile = "File \"";
  size_t end = stack_trace.size();
  while (end > 0) {
    size_t at = stack_trace.rfind(kFile, end - 1);
    if (at == std::string_view::npos) return "";
    std::string out =
        describe_frame(stack_trace.substr(at + kFile.size(), end - at - kFile.size()));
    if (!out.empty()) return out;
    end = at;
  }
  return "";
}

Module innermost_module(std::string_view stack) {
  std::string_view entry =
      stack.substr(stack.rfind(';') == std::string_view::npos ? 0 : stack.rfind(';') + 1);
  size_t type_at = entry.rfind(',');
  if (type_at == std::string_view::npos) return {};
  size_t path_at = entry.rfind(',', type_at == 0 ? 0 : type_at - 1);
  if (path_at == std::string_view::npos || path_at == type_at) return {};
  std::string_view path = entry.substr(path_at + 1, type_at - path_at - 1);
  std::string_view type = entry.substr(type_at + 1);
  if (type.starts_with("_empty_nn_module_stack")) return {};
  return {dotted_path(path), std::string(type)};
}

std::string dotted_path(std::string_view path) {
  std::string text(path);
  text = text.substr(0, text.find('@'));  // `block@1` is the second call of `block`
  if (text.starts_with("L__self__")) {
    text.erase(0, 9);
    if (text.starts_with("_")) text.erase(0, 1);
  }
  for (std::string_view self : {"L['self']", "self"}) {
    if (text.starts_with(self) &&
        (text.size() == self.size() || text[self.size()] == '.' || text[self.size()] == '[')) {
      text.erase(0, self.size());
      break;
    }
  }
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '[') {
      if (!out.empty()) out += '.';
    } else if (c != ']' && c != '\'' && c != '"') {
      if (c == '.' && out.empty()) continue;
      out += c;
    }
  }
  return out;
}

}  // namespace onnxport::read
