// Lists and tuples, with Python's identity: a list that is passed on and appended to is one.
#include "torchscript/builtins/containers.h"

#include <fmt/format.h>

#include <algorithm>

#include "torchscript/builtin.h"
#include "torchscript/numbers.h"
#include "torchscript/tensor_calls.h"

namespace onnxport::torchscript {

void check_made_here(Evaluator& e, int depth) {
  if (e.recorder().depth() > 0 && depth != e.recorder().depth()) {
    throw Refusal(
        "changes a list or dict that was made outside of this branch or loop, which "
        "depends on the data");
  }
}

namespace {

size_t index_in(int64_t index, size_t size, const char* what) {
  const auto n = static_cast<int64_t>(size);
  const int64_t at = index < 0 ? index + n : index;
  if (at < 0 || at >= n) {
    throw Refusal(fmt::format("index {} of a {} of {} elements", index, what, n));
  }
  return static_cast<size_t>(at);
}

size_t list_index(const Ref& index, const std::vector<Ref>& items) {
  return index_in(constant_int(index, "a list's index"), items.size(), "list");
}

// A list that the code may change.
List& changed(Evaluator& e, const Ref& value) {
  List& list = value->list();
  check_made_here(e, list.depth);
  return list;
}

// A new list like this one, to be filled otherwise.
List copied(Evaluator& e, const List& list) {
  List out = list;
  out.depth = e.recorder().depth();
  return out;
}

// Methods that Python's list has without a result give the list itself.
void give_itself(Call& call) { call.out.assign(call.output_count(), call.in[0]); }

bool unpack(Evaluator&, Call& call) {
  const std::vector<Ref>& items = call.in[0]->items();
  if (items.size() != call.output_count()) {
    throw Refusal(fmt::format("unpacks {} values into {}", items.size(), call.output_count()));
  }
  call.out = items;
  return true;
}

BUILTIN("prim::ListUnpack", unpack);
BUILTIN("prim::TupleUnpack", unpack);

BUILTIN("prim::ListConstruct", [](Evaluator& e, Call& call) {
  call.out = {make(List{call.output_type(), call.in, e.recorder().depth(), nullptr})};
  return true;
});

BUILTIN("prim::TupleConstruct", [](Evaluator&, Call& call) {
  call.out = {tuple(call.in, call.output_type())};
  return true;
});

BUILTIN("prim::TupleIndex", [](Evaluator&, Call& call) {
  const std::vector<Ref>& items = call.in[0]->items();
  const int64_t index = constant_int(call.in[1], "a tuple's index");
  call.out = {items[index_in(index, items.size(), "tuple")]};
  return true;
});

BUILTIN("prim::TupleSlice", [](Evaluator&, Call& call) {
  const std::vector<Ref>& items = call.in[0]->items();
  const int64_t begin = call.integer("beg");
  const int64_t end = std::min(call.integer("end"), static_cast<int64_t>(items.size()));
  call.out = {tuple({items.begin() + begin, items.begin() + end}, call.output_type())};
  return true;
});

// A loop that stays a loop collects one tensor per trip.
void collect(Evaluator& e, Call& call) {
  Recorder::Collected& collected = *e.recorder().collected();
  for (const auto& [list, item] : collected) {
    if (list == call.in[0]) throw Refusal("appends to a list twice in one trip of a loop");
  }
  Ref item = call.in[1]->is_number() ? as_tensor(e, call, call.in[1]) : call.in[1];
  if (!item->is_tensor()) throw Refusal("collects something that is not a tensor in a loop");
  collected.emplace_back(call.in[0], item);
}

BUILTIN("aten::append", [](Evaluator& e, Call& call) {
  auto* list = call.in[0]->as<List>();
  if (list == nullptr) return false;
  const bool outside = e.recorder().depth() > 0 && list->depth != e.recorder().depth();
  if (outside && e.recorder().collected() != nullptr && !list->stacked) {
    collect(e, call);
  } else {
    changed(e, call.in[0]).items.push_back(call.in[1]);
  }
  give_itself(call);
  return true;
});

BUILTIN("aten::extend", [](Evaluator& e, Call& call) {
  if (!call.in[0]->is_list()) return false;
  const std::vector<Ref> more = call.in[1]->items();
  auto& items = changed(e, call.in[0]).items;
  items.insert(items.end(), more.begin(), more.end());
  return true;
});

BUILTIN("aten::insert", [](Evaluator& e, Call& call) {
  if (!call.in[0]->is_list()) return false;
  auto& items = changed(e, call.in[0]).items;
  int64_t at = constant_int(call.in[1], "a list's index");
  const auto n = static_cast<int64_t>(items.size());
  if (at < 0) at = std::max<int64_t>(0, at + n);
  items.insert(items.begin() + std::min(at, n), call.in[2]);
  return true;
});

BUILTIN("aten::pop", [](Evaluator& e, Call& call) {
  if (!call.in[0]->is_list()) return false;
  auto& items = changed(e, call.in[0]).items;
  const size_t at = list_index(call.in[1], items);
  call.out = {items[at]};
  items.erase(items.begin() + static_cast<int64_t>(at));
  return true;
});

BUILTIN("aten::Delete", [](Evaluator& e, Call& call) {
  if (!call.in[0]->is_list()) return false;
  auto& items = changed(e, call.in[0]).items;
  items.erase(items.begin() + static_cast<int64_t>(list_index(call.in[1], items)));
  return true;
});

BUILTIN("aten::clear", [](Evaluator& e, Call& call) {
  if (!call.in[0]->is_list()) return false;
  changed(e, call.in[0]).items.clear();
  return true;
});

BUILTIN("aten::reverse", [](Evaluator& e, Call& call) {
  if (!call.in[0]->is_list()) return false;
  auto& items = changed(e, call.in[0]).items;
  std::reverse(items.begin(), items.end());
  return true;
});

BUILTIN("aten::__getitem__", [](Evaluator& e, Call& call) {
  if (!call.in[0]->is_list() && !call.in[0]->is<Tuple>()) return false;
  if (call.in[0]->is_stacked()) {  // an element of what a loop collected
    call.out = {
        record(e, call, "aten::select", "int",
               {{"self", call.in[0]->list().stacked}, {"dim", plain(0)}, {"index", call.in[1]}})};
    return true;
  }
  const std::vector<Ref>& items = call.in[0]->items();
  call.out = {items[list_index(call.in[1], items)]};
  return true;
});

BUILTIN("aten::_set_item", [](Evaluator& e, Call& call) {
  if (!call.in[0]->is_list()) return false;
  auto& items = changed(e, call.in[0]).items;
  items[list_index(call.in[1], items)] = call.in[2];
  give_itself(call);
  return true;
});

BUILTIN("aten::len", [](Evaluator& e, Call& call) {
  const Ref& x = call.in[0];
  if (const auto* tensor = x->as<Tensor>()) {
    if (tensor->dims.empty()) throw Refusal("len() of a tensor without dimensions");
    call.out = {size_number(e, tensor->dims[0])};
  } else if (x->is_stacked()) {
    call.out = {size_number(e, x->list().stacked->tensor().dims[0])};
  } else if (x->is_list() || x->is_dict() || x->is<Tuple>()) {
    call.out = {plain(static_cast<int64_t>(x->items().size()))};
  } else {
    return false;
  }
  return true;
});

bool copy_list(Evaluator& e, Call& call) {
  if (!call.in[0]->is_list()) return false;
  call.out = {make(copied(e, call.in[0]->list()))};
  return true;
}

BUILTIN("aten::list", copy_list);
BUILTIN("aten::copy", copy_list);

BUILTIN("aten::add", [](Evaluator& e, Call& call) {
  if (call.in.size() != 2 || !call.in[0]->is_list() || !call.in[1]->is_list()) return false;
  List out = copied(e, call.in[0]->list());
  const auto& more = call.in[1]->list().items;
  out.items.insert(out.items.end(), more.begin(), more.end());
  call.out = {make(std::move(out))};
  return true;
});

BUILTIN("aten::add_", [](Evaluator& e, Call& call) {
  if (call.in.size() != 2 || !call.in[0]->is_list() || !call.in[1]->is_list()) return false;
  const std::vector<Ref> more = call.in[1]->list().items;
  auto& items = changed(e, call.in[0]).items;
  items.insert(items.end(), more.begin(), more.end());
  call.out = {call.in[0]};
  return true;
});

BUILTIN("aten::mul", [](Evaluator& e, Call& call) {
  if (call.in.size() != 2) return false;
  const size_t l = call.in[0]->is_list() ? 0 : 1;
  if (!call.in[l]->is_list() || !call.in[1 - l]->is_int()) return false;
  List out = copied(e, call.in[l]->list());
  const std::vector<Ref> once = std::exchange(out.items, {});
  for (int64_t i = constant_int(call.in[1 - l], "a list's length"); i > 0; --i) {
    out.items.insert(out.items.end(), once.begin(), once.end());
    if (out.items.size() > 10'000'000) throw Refusal("makes a list of over 10 million elements");
  }
  call.out = {make(std::move(out))};
  return true;
});

BUILTIN("aten::slice", [](Evaluator& e, Call& call) {
  if (!call.in[0]->is_list()) return false;
  const std::vector<Ref>& items = call.in[0]->items();
  const auto n = static_cast<int64_t>(items.size());
  auto given = [&](size_t i) { return i < call.in.size() && !call.in[i]->is_none(); };
  auto bound = [&](size_t i, int64_t otherwise) {
    if (!given(i)) return otherwise;
    const int64_t v = constant_int(call.in[i], "a slice's bound");
    return std::clamp<int64_t>(v < 0 ? v + n : v, 0, n);
  };
  const int64_t step = given(3) ? constant_int(call.in[3], "a step") : 1;
  if (step == 0) throw Refusal("slices with a step of 0");
  List out = copied(e, call.in[0]->list());
  out.items.clear();
  if (step > 0) {
    for (int64_t i = bound(1, 0); i < bound(2, n); i += step) {
      out.items.push_back(items[static_cast<size_t>(i)]);
    }
  } else {
    const int64_t begin = given(1) ? std::min(bound(1, 0), n - 1) : n - 1;
    const int64_t end = given(2) ? bound(2, 0) : -1;
    for (int64_t i = begin; i > end; i += step) {
      out.items.push_back(items[static_cast<size_t>(i)]);
    }
  }
  call.out = {make(std::move(out))};
  return true;
});

// Lists that hold the very same things are equal; others with tensors in them are not compared.
bool compare_lists(Evaluator&, Call& call) {
  if (call.in.size() != 2 || !call.in[0]->is_list() || !call.in[1]->is_list()) return false;
  if (call.in[0]->list().items != call.in[1]->list().items) return false;
  call.out = {plain(call.name == "aten::eq")};
  return true;
}

BUILTIN("aten::eq", compare_lists);
BUILTIN("aten::ne", compare_lists);

}  // namespace
}  // namespace onnxport::torchscript
