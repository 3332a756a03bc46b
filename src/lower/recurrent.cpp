// LSTM, GRU and plain RNN: one ONNX node a layer.
//
// ONNX wants the gates in another order (LSTM: i o f c for PyTorch's i f g o; GRU: z r h for r z
// n), both directions of a layer in one tensor, and both biases in one. Constant weights are put
// together when they are written, without a copy.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "lower/outputs.h"
#include "lower/rule.h"
#include "onnx/ops/op_def.h"

namespace onnxport::lower {

namespace {

// --- weights ------------------------------------------------------------------------------------

// Byte ranges of other storages, one after the other.
class Pieces : public Storage {
 public:
  struct Piece {
    std::shared_ptr<const Storage> storage;
    size_t offset, size;
  };
  void add(Piece piece) {
    size_ += piece.size;
    pieces_.push_back(std::move(piece));
  }
  size_t size() const override { return size_; }
  std::span<const std::byte> view() const override { return {}; }
  void read(size_t offset, std::span<std::byte> out) const override {
    for (const Piece& piece : pieces_) {
      if (out.empty()) return;
      if (offset >= piece.size) {
        offset -= piece.size;
        continue;
      }
      const size_t n = std::min(out.size(), piece.size - offset);
      piece.storage->read(piece.offset + offset, out.first(n));
      out = out.subspan(n);
      offset = 0;
    }
  }
  void release() const override {
    for (const Piece& piece : pieces_) piece.storage->release();
  }

 private:
  std::vector<Piece> pieces_;
  size_t size_ = 0;
};

struct Cell {
  const char* op_type;
  std::vector<size_t> gates;  // ONNX's gate i is PyTorch's gate gates[i]
  Attributes attributes;
  bool has_cell_state;
};

// The gates (rows) of the tensors in ONNX's order, all tensors one after the other, as [1 or 2,
// rows...].
Value gathered(Builder& g, const Values& tensors, const Cell& cell, const Shape& sizes,
               const std::string& name) {
  const size_t gates = cell.gates.size();
  const bool constant = std::all_of(tensors.begin(), tensors.end(),
                                    [](Value v) { return Builder::constant_of(v) != nullptr; });
  if (!constant) {
    Values parts;
    for (Value tensor : tensors) {
      const Expr rows = *exact_div(Builder::shape(tensor)[0], Expr(static_cast<int64_t>(gates)));
      Values blocks = g.split(tensor, 0, std::vector<Expr>(gates, rows));
      for (size_t gate : cell.gates) parts.push_back(blocks[gate]);
    }
    return g.reshape(g.concat(parts, 0), sizes);
  }
  auto pieces = std::make_shared<Pieces>();
  for (Value tensor : tensors) {
    const Tensor& t = *Builder::constant_of(tensor);
    const size_t block = t.nbytes() / gates;
    for (size_t gate : cell.gates) pieces->add({t.storage, gate * block, block});
  }
  Tensor out{tensors[0]->dtype, {}, std::move(pieces), {}};
  for (const Expr& e : sizes) out.dims.push_back(e.value());
  return g.constant(std::move(out), name);
}

// --- states -------------------------------------------------------------------------------------

// Zeros need not be given: an initial state that torch.zeros made.
bool is_zero(Value x) {
  for (int depth = 0; x != nullptr && depth < 8; ++depth) {
    if (const Tensor* tensor = Builder::constant_of(x)) {
      if (tensor->numel() > (1 << 20)) return false;
      const std::vector<double> values = tensor->as_doubles();
      return std::all_of(values.begin(), values.end(), [](double v) { return v == 0; });
    }
    if (x->producer == nullptr) return false;
    if (x->producer->is("ConstantOfShape")) {
      const auto* fill = x->producer->find("value");
      const auto* tensor = fill != nullptr ? std::get_if<Tensor>(&fill->v) : nullptr;
      return tensor == nullptr || tensor->as_doubles().at(0) == 0;
    }
    const bool moves =
        onnx::has_trait(*x->producer, onnx::Trait::kSelects) || x->producer->is("Cast");
    if (!moves) return false;
    x = x->producer->input(0);
  }
  return false;
}

struct Network {
  Cell cell;
  bool has_biases;
  int64_t layers;
  bool bidirectional;
  bool batch_first;
  int64_t directions() const { return bidirectional ? 2 : 1; }
};

// Layer `i` of a state [layers * directions, N, H]; null for zeros.
Value layer_of(Builder& g, Value state, const Network& net, int64_t i) {
  if (state == nullptr || is_zero(state)) return nullptr;
  const int64_t d = net.directions();
  return g.slice(state, 0, Expr(i * d), Expr((i + 1) * d));
}

// The parameters of one layer, direction by direction: w_ih, w_hh, [b_ih, b_hh].
struct LayerWeights {
  Value w, r, b;
};

LayerWeights weights_of(Builder& g, const Values& params, const Network& net, int64_t layer) {
  const size_t each = net.has_biases ? 4 : 2;
  const auto d = static_cast<size_t>(net.directions());
  const size_t first = static_cast<size_t>(layer) * d * each;
  if (params.size() != static_cast<size_t>(net.layers) * d * each) {
    refuse(fmt::format("{} weights for {} layers; projections (proj_size) are not in ONNX",
                       params.size(), net.layers));
  }
  Values w, r, b;
  for (size_t i = 0; i < d; ++i) {
    const size_t at = first + i * each;
    w.push_back(params[at]);
    r.push_back(params[at + 1]);
    if (net.has_biases) b.insert(b.end(), {params[at + 2], params[at + 3]});
  }
  const Expr directions(net.directions());
  const Shape& ws = Builder::shape(w[0]);
  const Shape& rs = Builder::shape(r[0]);
  LayerWeights out{};
  out.w = gathered(g, w, net.cell, {directions, ws[0], ws[1]}, w[0]->name);
  out.r = gathered(g, r, net.cell, {directions, rs[0], rs[1]}, r[0]->name);
  if (net.has_biases) {
    out.b = gathered(g, b, net.cell, {directions, Expr(2) * ws[0]}, b[0]->name);
  }
  return out;
}

// [T, D, N, H] -> [T, N, D*H], or [N, T, D*H]
Value joined(Builder& g, Value y, const Shape& sizes, const Network& net, bool batch_first) {
  const Shape out = batch_first ? Shape{sizes[2], sizes[0], sizes[1] * sizes[3]}
                                : Shape{sizes[0], sizes[2], sizes[1] * sizes[3]};
  if (batch_first) return g.reshape(g.transpose(y, {2, 0, 1, 3}), out);
  if (!net.bidirectional) return g.squeeze(y, {1});
  return g.reshape(g.transpose(y, {0, 2, 1, 3}), out);
}

// x: [T, N, I] or [N, T, I] as batch_first says; states: h, and c for an LSTM.
Values run(Builder& g, Value x, const Values& states, const Values& params, const Network& net) {
  if (net.batch_first) x = g.transpose(x, {1, 0, 2});
  const bool wants_h = uses_output(g, 1);
  const bool wants_c = net.cell.has_cell_state && uses_output(g, 2);
  Values last_h, last_c;
  for (int64_t i = 0; i < net.layers; ++i) {
    const LayerWeights w = weights_of(g, params, net, i);
    const Expr hidden = Builder::shape(w.r)[2];
    const Shape& in = Builder::shape(x);
    const Shape y_sizes = {in[0], Expr(net.directions()), in[1], hidden};
    Values inputs = {x, w.w, w.r, w.b, nullptr, layer_of(g, states[0], net, i)};
    if (net.cell.has_cell_state) inputs.push_back(layer_of(g, states[1], net, i));
    Attributes attributes = net.cell.attributes;
    if (net.bidirectional) attributes.emplace_back("direction", "bidirectional");
    attributes.emplace_back("hidden_size", hidden.value());
    const size_t outputs = wants_c ? 3 : wants_h ? 2 : 1;
    Values y = g.op_n(net.cell.op_type, std::move(inputs), std::move(attributes), outputs);
    if (wants_h) last_h.push_back(y[1]);
    if (wants_c) last_c.push_back(y[2]);
    x = joined(g, y[0], y_sizes, net, net.batch_first && i + 1 == net.layers);
  }
  Values out = {x, wants_h ? g.concat(last_h, 0) : nullptr};
  if (net.cell.has_cell_state) out.push_back(wants_c ? g.concat(last_c, 0) : nullptr);
  return out;
}

Values recurrent(Builder& g, Value x, Values states, const Values& params, Network net,
                 double dropout, bool train) {
  if (train && dropout > 0) {
    refuse("the network has dropout in training mode; call model.eval() before exporting");
  }
  if (net.bidirectional && std::string_view(net.cell.op_type) == "RNN") {
    for (auto& [name, value] : net.cell.attributes) {
      auto& list = std::get<onnx::Attribute::Strings>(value.v);
      list.resize(2, list[0]);
    }
  }
  if (Builder::rank(x) == 3) return run(g, x, states, params, net);
  for (Value& state : states)
    state = g.unsqueeze(state, {1});  // one sequence without its batch axis
  net.batch_first = false;
  Values out = run(g, g.unsqueeze(x, {1}), states, params, net);
  for (Value& value : out) value = value == nullptr ? nullptr : g.squeeze(value, {1});
  return out;
}

// One step of one layer: [N, I] and states [N, H] to the new states.
Values step(Builder& g, Value x, const Values& states, Value w_ih, Value w_hh,
            std::optional<Value> b_ih, std::optional<Value> b_hh, const Cell& cell) {
  const bool biases = b_ih && b_hh;
  Values params = {w_ih, w_hh};
  if (biases) params.insert(params.end(), {*b_ih, *b_hh});
  const LayerWeights w = weights_of(g, params, Network{cell, biases, 1, false, false}, 0);
  const bool single = Builder::rank(x) == 1;
  auto widened = [&](Value v) -> Value {
    if (is_zero(v)) return nullptr;
    return single ? g.unsqueeze(v, {0, 1}) : g.unsqueeze(v, {0});
  };
  Values inputs = {single ? g.unsqueeze(x, {0, 1}) : g.unsqueeze(x, {0}), w.w, w.r, w.b, nullptr};
  for (Value state : states) inputs.push_back(widened(state));
  Attributes attributes = cell.attributes;
  attributes.emplace_back("hidden_size", Builder::shape(w.r)[2].value());
  Values y =
      g.op_n(cell.op_type, std::move(inputs), std::move(attributes), cell.has_cell_state ? 3 : 2);
  Values out;
  for (size_t i = 1; i < y.size(); ++i) {
    out.push_back(single ? g.squeeze(y[i], {0, 1}) : g.squeeze(y[i], {0}));
  }
  return out;
}

Cell rnn_cell(const char* activation) {
  return {"RNN", {0}, {{"activations", onnx::Attribute::Strings{activation}}}, false};
}
// PyTorch applies the recurrent bias of the new gate inside the reset: linear_before_reset.
Cell gru_cell() { return {"GRU", {1, 0, 2}, {{"linear_before_reset", 1}}, false}; }
Cell lstm_cell() { return {"LSTM", {0, 3, 1, 2}, {}, true}; }

}  // namespace

LOWER(
    "aten::lstm.input(Tensor input, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor, Tensor)",
    [](Builder& g, Value x, Values states, Values params, bool biases, int64_t layers,
       double dropout, bool train, bool bidirectional, bool batch_first) {
      return recurrent(g, x, states, params,
                       {lstm_cell(), biases, layers, bidirectional, batch_first}, dropout, train);
    });
LOWER(
    "aten::gru.input(Tensor input, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor)",
    [](Builder& g, Value x, Value state, Values params, bool biases, int64_t layers, double dropout,
       bool train, bool bidirectional, bool batch_first) {
      return recurrent(g, x, {state}, params,
                       {gru_cell(), biases, layers, bidirectional, batch_first}, dropout, train);
    });
LOWER(
    "aten::rnn_tanh.input(Tensor input, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor)",
    [](Builder& g, Value x, Value state, Values params, bool biases, int64_t layers, double dropout,
       bool train, bool bidirectional, bool batch_first) {
      return recurrent(g, x, {state}, params,
                       {rnn_cell("Tanh"), biases, layers, bidirectional, batch_first}, dropout,
                       train);
    });
LOWER(
    "aten::rnn_relu.input(Tensor input, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor)",
    [](Builder& g, Value x, Value state, Values params, bool biases, int64_t layers, double dropout,
       bool train, bool bidirectional, bool batch_first) {
      return recurrent(g, x, {state}, params,
                       {rnn_cell("Relu"), biases, layers, bidirectional, batch_first}, dropout,
                       train);
    });

LOWER(
    "aten::lstm_cell(Tensor input, Tensor[] hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) -> (Tensor, Tensor)",
    [](Builder& g, Value x, Values states, Value w_ih, Value w_hh, std::optional<Value> b_ih,
       std::optional<Value> b_hh) {
      return step(g, x, states, w_ih, w_hh, b_ih, b_hh, lstm_cell());
    });
LOWER(
    "aten::gru_cell(Tensor input, Tensor hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) -> Tensor",
    [](Builder& g, Value x, Value state, Value w_ih, Value w_hh, std::optional<Value> b_ih,
       std::optional<Value> b_hh) {
      return step(g, x, {state}, w_ih, w_hh, b_ih, b_hh, gru_cell())[0];
    });
LOWER(
    "aten::rnn_tanh_cell(Tensor input, Tensor hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) -> Tensor",
    [](Builder& g, Value x, Value state, Value w_ih, Value w_hh, std::optional<Value> b_ih,
       std::optional<Value> b_hh) {
      return step(g, x, {state}, w_ih, w_hh, b_ih, b_hh, rnn_cell("Tanh"))[0];
    });
LOWER(
    "aten::rnn_relu_cell(Tensor input, Tensor hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) -> Tensor",
    [](Builder& g, Value x, Value state, Value w_ih, Value w_hh, std::optional<Value> b_ih,
       std::optional<Value> b_hh) {
      return step(g, x, {state}, w_ih, w_hh, b_ih, b_hh, rnn_cell("Relu"))[0];
    });

}  // namespace onnxport::lower
