// Text from outside, made fit to be shown. A name in a model, a message of a library or a path may
// hold anything: escape sequences that rewrite a terminal, newlines that forge a line of a report,
// marks that turn the direction of what is read, bytes that are not UTF-8, megabytes of it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace onnxport {

// A name is cut behind so many bytes, a message behind so many.
constexpr size_t kMostOfName = 1000;
constexpr size_t kMostOfMessage = 20'000;

// One line. Control characters, invisible ones, marks of direction and line ends are written as
// escapes: \n, \x1b, \u202e; a byte that is not UTF-8 as \xff. The result is UTF-8. What is longer
// than `most` bytes is cut: "... (8800000 bytes more)". Applied to its own result it changes
// nothing.
std::string printable_line(std::string_view text, size_t most = kMostOfName);

// A message, which may have several lines: line ends stay, and what follows one stands two blanks
// in at least, so that no line of it can be taken for one of the report's own.
std::string printable_message(std::string_view text, size_t most = kMostOfMessage);

// Of text that is laid out already: line ends and tabs stay as they are, all else is as above.
std::string printable_page(std::string_view text);

// For JSON: the text cut as above, its bytes that are not UTF-8 as \xff. A JSON writer escapes
// control characters itself.
std::string valid_utf8(std::string_view text, size_t most = kMostOfMessage);

// For what a JSON writer made: invisible characters and marks of direction within its strings as
// \u202e, which means the same to a reader of JSON.
std::string printable_json(std::string_view json);

}  // namespace onnxport
