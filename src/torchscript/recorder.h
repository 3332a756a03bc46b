// The program that is being written: its values and their names, weights, and the nodes of the
// block at hand.
#pragma once

#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "aten/program.h"
#include "torchscript/sizes.h"
#include "torchscript/value.h"

namespace onnxport::torchscript {

class Recorder {
 public:
  Recorder(Names& names, Sizes& sizes) : names_(names), sizes_(sizes) {}

  aten::Program& program() { return program_; }
  void note(std::string text);  // once, however often it is said
  void add(aten::Node node) { nodes_->push_back(std::move(node)); }
  size_t node_count() const { return program_.nodes.size(); }  // outside of blocks

  aten::ValueId new_value(aten::Value value, const std::string& stem);
  // The tensor in the program. Weights and constants become part of it at their first use.
  aten::ValueId id_of(const Ref& tensor);
  // A tensor that a node gives.
  Ref new_tensor(std::vector<at::Tensor> samples, Shape dims, const std::string& stem);
  // The same, without data: of the type and device options of `like`.
  Ref new_tensor_like(const at::Tensor& like, const Shape& dims, const std::string& stem);
  Ref new_input(const std::string& name, at::ScalarType type, Shape dims);

  // How many branches and loops that depend on the data the code at hand is in.
  int depth() const { return depth_; }
  // The lists that the loop at hand fills, with what one trip adds to each; null: not in a loop.
  using Collected = std::vector<std::pair<Ref, Ref>>;
  Collected* collected() { return collected_; }

  // Nodes go there as long as this lives.
  class Redirect {
   public:
    Redirect(Recorder& recorder, std::vector<aten::Node>& nodes)
        : recorder_(recorder), nodes_(std::exchange(recorder.nodes_, &nodes)) {}
    ~Redirect() { recorder_.nodes_ = nodes_; }
    Redirect(const Redirect&) = delete;
    Redirect& operator=(const Redirect&) = delete;

   private:
    Recorder& recorder_;
    std::vector<aten::Node>* nodes_;
  };
  // The code is in a branch or a loop that depends on the data as long as this lives.
  class Inside {
   public:
    Inside(Recorder& recorder, Collected* collected)
        : recorder_(recorder), collected_(std::exchange(recorder.collected_, collected)) {
      ++recorder_.depth_;
    }
    ~Inside() {
      recorder_.collected_ = collected_;
      --recorder_.depth_;
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Recorder& recorder_;
    Collected* collected_;
  };

 private:
  Names& names_;
  Sizes& sizes_;
  aten::Program program_;
  std::vector<aten::Node>* nodes_ = &program_.nodes;
  int depth_ = 0;
  Collected* collected_ = nullptr;
  std::unordered_set<std::string> notes_;
};

}  // namespace onnxport::torchscript
