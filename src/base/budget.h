// What may be spent on what is made ahead of need: folded constants, above all.
#pragma once

#include <cstdint>

namespace onnxport {

// Counted before a thing is made: what take() refuses is not made. A refusal takes nothing.
class Budget {
 public:
  Budget(uint64_t bytes, uint64_t elements) : bytes_(bytes), elements_(elements) {}

  // Of what is kept.
  bool take_bytes(uint64_t bytes) { return take(bytes_, bytes); }
  // Of work: elements that are read or computed, whether or not anything is kept.
  bool take_elements(uint64_t elements) { return take(elements_, elements); }
  uint64_t bytes_left() const { return bytes_; }

 private:
  static bool take(uint64_t& left, uint64_t wanted) {
    if (wanted > left) return false;
    left -= wanted;
    return true;
  }
  uint64_t bytes_;
  uint64_t elements_;
};

}  // namespace onnxport
