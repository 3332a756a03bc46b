// The known word nearest to a misspelt one.
#pragma once

#include <string>
#include <vector>

namespace onnxport {

// A known word that has `word` in it, else by Levenshtein distance; the first of equals. `known` is
// not empty.
std::string nearest(const std::string& word, const std::vector<std::string>& known);

// The few known words that are nearest, best first; none where none is near.
std::vector<std::string> near(const std::string& word, const std::vector<std::string>& known);

}  // namespace onnxport
