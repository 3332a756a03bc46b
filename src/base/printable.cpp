#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace onnxport {
namespace {

// One character of the text, or one byte that begins none.
struct Character {
  uint32_t code = 0;
  size_t bytes = 1;
  bool valid = false;
};

// The first of `text`, which is not empty. Overlong forms, surrogates and what is above U+10FFFF
// are not valid: the table of well-formed sequences in the Unicode standard, 3.9.
Character first_of(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {lead, 1, false};
  uint32_t code = lead & (0x7F >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {lead, 1, false};
    code = code << 6 | (byte(i) & 0x3F);
  }
  constexpr std::array<uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kLeast.at(bytes) || surrogate || code > 0x10FFFF) return {lead, 1, false};
  return {code, bytes, true};
}

// What moves the cursor, turns the direction of the text, ends a line or cannot be seen.
bool is_hidden(uint32_t code) {
  struct Range {
    uint32_t first, last;
  };
  constexpr std::array<Range, 14> kHidden = {{
      {0x00, 0x1F},
      {0x7F, 0x9F},        // DEL and C1
      {0xAD, 0xAD},        // soft hyphen
      {0x61C, 0x61C},      // Arabic letter mark
      {0x180E, 0x180E},    // Mongolian vowel separator
      {0x200B, 0x200F},    // zero widths, marks of direction
      {0x2028, 0x202E},    // line and paragraph ends, embeddings and overrides
      {0x2060, 0x206F},    // isolates, and what cannot be seen
      {0x3164, 0x3164},    // Hangul filler
      {0xFE00, 0xFE0F},    // variation selectors
      {0xFEFF, 0xFEFF},    // byte order mark
      {0xFFF0, 0xFFFB},    // interlinear annotations
      {0xE000, 0xF8FF},    // private use
      {0xE0000, 0x10FFFF}  // tags, selectors, private use
  }};
  return std::any_of(kHidden.begin(), kHidden.end(),
                     [&](const Range& r) { return code >= r.first && code <= r.last; });
}

std::string escaped(const Character& c) {
  if (!c.valid || c.code < 0x80) {
    switch (c.code) {
      case '\n':
        return "\\n";
      case '\r':
        return "\\r";
      case '\t':
        return "\\t";
      default:
        return fmt::format("\\x{:02x}", c.code);
    }
  }
  return c.code < 0x10000 ? fmt::format("\\u{:04x}", c.code) : fmt::format("\\U{:08x}", c.code);
}

enum class Lines { kNone, kIndented, kKept };

std::string end_of_cut(size_t more) { return fmt::format("... ({} bytes more)", more); }

// The result of a cut has its end, too: that counts as none of it.
size_t without_end_of_cut(std::string_view text, size_t most) {
  constexpr size_t kLongest = 40;
  if (text.size() > most && text.size() - most > kLongest) return most;
  const size_t at = text.rfind("... (");
  if (at == std::string_view::npos || at > most || !text.ends_with(" bytes more)")) return most;
  const std::string_view number = text.substr(at + 5, text.size() - at - 5 - 12);
  const bool digits = !number.empty() && number.size() < 20 &&
                      number.find_first_not_of("0123456789") == std::string_view::npos;
  return digits ? std::max(most, text.size()) : most;
}

std::string shown(std::string_view text, size_t most, Lines lines) {
  most = without_end_of_cut(text, most);
  std::string out;
  out.reserve(std::min(text.size(), most));
  for (size_t at = 0; at < text.size();) {
    const Character c = first_of(text.substr(at));
    const bool kept =
        (c.code == '\n' && lines != Lines::kNone) || (c.code == '\t' && lines == Lines::kKept);
    std::string piece = c.valid && (kept || !is_hidden(c.code))
                            ? std::string(text.substr(at, c.bytes))
                            : escaped(c);
    if (c.code == '\n' && lines == Lines::kIndented) {
      const std::string_view next = text.substr(at + 1);
      const bool blank = next.empty() || next.starts_with('\n');
      if (!blank && !next.starts_with("  ")) piece += next.starts_with(' ') ? " " : "  ";
    }
    if (out.size() + piece.size() > most) return out + end_of_cut(text.size() - at);
    out += piece;
    at += c.bytes;
  }
  return out;
}

}  // namespace

std::string printable_line(std::string_view text, size_t most) {
  return shown(text, most, Lines::kNone);
}

std::string printable_message(std::string_view text, size_t most) {
  return shown(text, most, Lines::kIndented);
}

std::string printable_page(std::string_view text) { return shown(text, SIZE_MAX, Lines::kKept); }

std::string valid_utf8(std::string_view text, size_t most) {
  most = without_end_of_cut(text, most);
  std::string out;
  out.reserve(std::min(text.size(), most));
  for (size_t at = 0; at < text.size();) {
    const Character c = first_of(text.substr(at));
    const size_t more = c.valid ? c.bytes : 4;
    if (out.size() + more > most) return out + end_of_cut(text.size() - at);
    out += c.valid ? std::string(text.substr(at, c.bytes)) : escaped(c);
    at += c.bytes;
  }
  return out;
}

std::string printable_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (size_t at = 0; at < json.size();) {
    const Character c = first_of(json.substr(at));
    if (c.valid && c.code >= 0x10000 && is_hidden(c.code)) {
      const uint32_t above = c.code - 0x10000;
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (above >> 10), 0xDC00 + (above & 0x3FF));
    } else if (c.valid && c.code >= 0x7F && is_hidden(c.code)) {
      out += fmt::format("\\u{:04x}", c.code);
    } else {
      out += json.substr(at, c.bytes);
    }
    at += c.bytes;
  }
  return out;
}

}  // namespace onnxport
