// Objects of one type that stay where they are and die together, laid out one after the other: a
// walk over them in the order in which they were made follows memory, which a graph of 100,000
// nodes, too large for the processor's cache, is walked many times in.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <vector>

namespace onnxport {

template <typename T>
class Pool {
 public:
  T* make() {
    if (chunks_.empty() || chunks_.back().used == chunks_.back().size) {
      // Small graphs are many (the bodies of branches), large ones are few.
      const size_t size = chunks_.empty() ? kFirst : std::min(2 * chunks_.back().size, kLargest);
      chunks_.push_back({std::make_unique<T[]>(size), size, 0});
    }
    Chunk& chunk = chunks_.back();
    return &chunk.objects[chunk.used++];
  }

  // The other's objects live as long as these from now on.
  void take(Pool&& other) {
    chunks_.insert(chunks_.begin(), std::make_move_iterator(other.chunks_.begin()),
                   std::make_move_iterator(other.chunks_.end()));
    other.chunks_.clear();
  }

  template <typename F>
  void for_each(F f) {
    for (Chunk& chunk : chunks_) {
      for (size_t i = 0; i < chunk.used; ++i) f(chunk.objects[i]);
    }
  }

 private:
  static constexpr size_t kFirst = 8;
  static constexpr size_t kLargest = 256;
  struct Chunk {
    std::unique_ptr<T[]> objects;
    size_t size;
    size_t used;
  };
  std::vector<Chunk> chunks_;
};

}  // namespace onnxport
