// Pickles as torch.jit.save writes them pass; each that differs where libtorch would believe it is
// refused with its reason.
#include "read/script_pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "formats/slice.h"
#include "formats/zip_for_tests.h"

namespace onnxport::read {
namespace {

using testing::HasSubstr;

std::string number(int64_t value) {
  std::string out = "\x8a\x08";
  for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}
std::string text(const std::string& s) {
  std::string out = "X";
  for (int i = 0; i < 4; ++i) out += static_cast<char>(s.size() >> (8 * i) & 0xff);
  return out + s;
}
std::string tuple(const std::vector<std::string>& items) {
  std::string out = "(";
  for (const std::string& item : items) out += item;
  return out + "t";
}
std::string numbers(const std::vector<int64_t>& values) {
  std::vector<std::string> items;
  for (int64_t value : values) items.push_back(number(value));
  return tuple(items);
}
std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
std::string storage(const std::string& type, int64_t elements, const std::string& key = "0") {
  return tuple({text("storage"), type, text(key), text("cpu"), number(elements)}) + "Q";
}
const std::string kFloats = global("torch", "FloatStorage");
const std::string kHooks = global("collections", "OrderedDict") + ")R";

std::string tensor(const std::string& from, int64_t offset, const std::vector<int64_t>& sizes,
                   const std::vector<int64_t>& strides,
                   const std::string& call = global("torch._utils", "_rebuild_tensor_v2")) {
  return call + tuple({from, number(offset), numbers(sizes), numbers(strides), "\x89", kHooks}) +
         "R";
}
std::string quantized(const std::vector<int64_t>& sizes, const std::string& quantizer) {
  return global("torch._utils", "_rebuild_qtensor") +
         tuple({storage(global("torch", "QInt8Storage"), 64), number(0), numbers(sizes),
                numbers(std::vector<int64_t>(sizes.size(), 1)), quantizer, "\x89", kHooks}) +
         "R";
}
std::string module(const std::string& weight) {
  return global("__torch__", "M") + ")\x81}(" + text("w") + weight + "ub";
}

class ScriptPickle : public testing::Test {
 protected:
  // Of a module with this weight, in an archive with two storages of 64 bytes.
  std::string error_of(const std::string& weight) { return error_of_pickle(module(weight)); }
  std::string error_of_pickle(const std::string& object, const std::string& storages = "r/data/") {
    const std::string archive = formats::TestZip::make(
        {{"r/data/0", std::string(64, '\0')}, {"r/data/1", std::string(64, '\0')}});
    std::vector<std::byte> bytes(archive.size());
    std::memcpy(bytes.data(), archive.data(), archive.size());
    auto zip = formats::Zip::open(formats::owned(std::move(bytes)));
    EXPECT_TRUE(zip.ok());
    const std::string code = "\x80\x02" + object + ".";
    auto pickle = formats::parse_pickle(std::as_bytes(std::span(code)));
    if (!pickle.ok()) return pickle.error().str();
    size_t budget = 1000;
    Status status = check_script_pickle(*zip, storages, *pickle, budget);
    return status.ok() ? "no error" : status.error().str();
  }
};

TEST_F(ScriptPickle, WhatTorchWritesPasses) {
  EXPECT_EQ(error_of(tensor(storage(kFloats, 16), 0, {4, 4}, {4, 1})), "no error");
  EXPECT_EQ(error_of(tensor(storage(kFloats, 16), 8, {2, 4}, {1, 2})), "no error");
  EXPECT_EQ(error_of(tensor(storage(kFloats, 16), 3, {}, {})), "no error");
  EXPECT_EQ(error_of(tensor(storage(kFloats, 0), 0, {0, 4}, {4, 1})), "no error");
  EXPECT_EQ(error_of(tensor(storage(kFloats, 1), 0, {10, 4}, {0, 0})), "no error");  // expanded
  EXPECT_EQ(error_of(global("torch.jit._pickle", "build_intlist") +
                     tuple({"](K\x01K\x02"
                            "e"}) +
                     "R"),
            "no error");
  EXPECT_EQ(error_of(global("torch", "device") + tuple({text("cpu")}) + "R"), "no error");
  const std::string scales = tensor(storage(global("torch", "DoubleStorage"), 4), 0, {4}, {1});
  const std::string points = tensor(storage(global("torch", "LongStorage"), 4, "1"), 0, {4}, {1});
  EXPECT_EQ(error_of(quantized(
                {4, 4}, tuple({global("torch", "per_channel_affine"), scales, points, number(0)}))),
            "no error");
  EXPECT_EQ(error_of(quantized({64}, tuple({global("torch", "per_tensor_affine"),
                                            "G\x3f\xf0" + std::string(6, '\0'), number(0)}))),
            "no error");
}

TEST_F(ScriptPickle, StorageTypesAreThoseOfTheTable) {
  for (const char* name : {"ByteStorage", "CharStorage", "BoolStorage", "Float8_e5m2Storage"}) {
    EXPECT_EQ(error_of(tensor(storage(global("torch", name), 64), 0, {64}, {1})), "no error");
    EXPECT_THAT(error_of(tensor(storage(global("torch", name), 65), 0, {64}, {1})),
                HasSubstr("holds 65 elements, but it has 64 bytes"));
  }
  for (const char* name : {"ShortStorage", "HalfStorage", "BFloat16Storage", "UInt16Storage"}) {
    EXPECT_EQ(error_of(tensor(storage(global("torch", name), 32), 0, {32}, {1})), "no error");
    EXPECT_NE(error_of(tensor(storage(global("torch", name), 33), 0, {32}, {1})), "no error");
  }
  for (const char* name : {"ComplexDoubleStorage"}) {
    EXPECT_EQ(error_of(tensor(storage(global("torch", name), 4), 0, {4}, {1})), "no error");
    EXPECT_NE(error_of(tensor(storage(global("torch", name), 5), 0, {4}, {1})), "no error");
  }
  // A number is what libtorch takes for a type: 7 is float64.
  EXPECT_THAT(error_of(tensor(storage(number(7), 8), 0, {8}, {1})), HasSubstr("not named"));
  EXPECT_THAT(error_of(tensor(storage(text("torch FloatStorage"), 8), 0, {8}, {1})),
              HasSubstr("not named"));
  for (const char* name : {"QUInt4x2Storage", "NoSuchStorage", "float32", "Tensor", "Storage"}) {
    EXPECT_THAT(error_of(tensor(storage(global("torch", name), 8), 0, {8}, {1})),
                HasSubstr(std::string("torch.") + name));
  }
  EXPECT_THAT(error_of(tensor(storage(global("torch", "per_tensor_affine"), 8), 0, {8}, {1})),
              HasSubstr("not known"));
  EXPECT_THAT(error_of(tensor(storage(global("torch.storage", "UntypedStorage"), 8), 0, {8}, {1})),
              HasSubstr("not known"));
}

TEST_F(ScriptPickle, StoragesHoldWhatTheySay) {
  EXPECT_THAT(error_of(tensor(storage(kFloats, 17), 0, {4}, {1})), HasSubstr("has 64 bytes"));
  for (int64_t many : {int64_t{-1}, INT64_MIN, INT64_MAX, int64_t{1} << 62}) {
    EXPECT_THAT(error_of(tensor(storage(kFloats, many), 0, {4}, {1})), HasSubstr("has 64 bytes"));
  }
  EXPECT_THAT(error_of(tensor(storage(kFloats, 4, "2"), 0, {4}, {1})), HasSubstr("missing"));
  EXPECT_THAT(error_of(tensor(storage(kFloats, 4, "../data/0"), 0, {4}, {1})),
              HasSubstr("missing"));
  EXPECT_THAT(error_of_pickle(module(tensor(storage(kFloats, 4), 0, {4}, {1})), ""),
              HasSubstr("missing"));
  EXPECT_THAT(error_of(tuple({text("storage"), kFloats, text("0"), text("cpu")}) + "Q"),
              HasSubstr("unknown way"));
  EXPECT_THAT(error_of(text("storage") + "Q"), HasSubstr("unknown way"));
}

TEST_F(ScriptPickle, TensorsLieInTheirStorage) {
  const std::string floats = storage(kFloats, 16);
  EXPECT_THAT(error_of(tensor(floats, 0, {17}, {1})), HasSubstr("outside its storage"));
  EXPECT_THAT(error_of(tensor(floats, 13, {4}, {1})), HasSubstr("outside its storage"));
  EXPECT_THAT(error_of(tensor(floats, 0, {4}, {6})), HasSubstr("outside its storage"));
  EXPECT_THAT(error_of(tensor(floats, 16, {}, {})), HasSubstr("outside its storage"));
  for (const std::string& broken :
       {tensor(floats, -1, {4}, {1}), tensor(floats, 0, {-4}, {1}), tensor(floats, 0, {4}, {-1}),
        tensor(floats, 0, {4}, {1, 1}), tensor(floats, 0, {INT64_MAX}, {INT64_MAX}),
        tensor(floats, INT64_MAX, {2}, {1}),
        tensor(floats, 0, {int64_t{1} << 32, int64_t{1} << 32}, {0, 0}),
        tensor(floats, 0, std::vector<int64_t>(65, 1), std::vector<int64_t>(65, 1)),
        tensor(number(3), 0, {4}, {1})}) {
    EXPECT_THAT(error_of(broken), HasSubstr("broken"));
  }
}

TEST_F(ScriptPickle, NothingTakesMoreThanItsBudget) {
  EXPECT_THAT(error_of(tensor(storage(kFloats, 16), 0, {1000, 16}, {0, 1})),
              HasSubstr("expanded tensors"));
  // The entry of 64 bytes would be read again for each of its names.
  std::string many = "(";
  for (int i = 0; i < 20; ++i) many += tensor(storage(kFloats, 16), 0, {16}, {1});
  EXPECT_THAT(error_of(many + "t"), HasSubstr("read one by one"));
}

// libtorch calls the function of a number where the number stands for one.
TEST_F(ScriptPickle, OnlyWhatIsNamedIsCalled) {
  const std::string rebuild = global("torch._utils", "_rebuild_tensor_v2");
  const std::string arguments =
      tuple({storage(kFloats, 16), number(0), numbers({1000}), numbers({1}), "\x89", kHooks});
  EXPECT_THAT(error_of("(" + rebuild + number(0) + arguments + "Rt"), HasSubstr("calls something"));
  EXPECT_THAT(error_of(global("torch._utils", "_rebuild_tensor_v3") + arguments + "R"),
              HasSubstr("was not executed"));
  EXPECT_THAT(error_of(global("torch._utils", "_rebuild_sparse_tensor") + arguments + "R"),
              HasSubstr("was not executed"));
  EXPECT_THAT(error_of(global("torch._tensor", "_rebuild_from_type_v2") + arguments + "R"),
              HasSubstr("was not executed"));
  EXPECT_THAT(error_of(kFloats + ")R"), HasSubstr("calls something"));
  EXPECT_THAT(error_of(global("__torch__", "M") + ")R"), HasSubstr("calls something"));
  EXPECT_THAT(error_of(rebuild + arguments + "b"), HasSubstr("has none"));
  EXPECT_THAT(error_of(rebuild + ")\x81" + arguments + "b"), HasSubstr("makes an object"));
  EXPECT_THAT(error_of(kHooks + "}b"), HasSubstr("calls something"));
  EXPECT_THAT(error_of(global("__torch__", "M") + ")\x81"), HasSubstr("makes an object"));
  EXPECT_THAT(error_of(global("__torch__", "M") + ")\x81}b}b"), HasSubstr("makes an object"));
  EXPECT_THAT(error_of(global("__torch__", "M") + tuple({number(1)}) + "\x81}b"),
              HasSubstr("makes an object"));
  EXPECT_THAT(error_of(global("posix", "system") + tuple({text("true")}) + "R"),
              HasSubstr("posix.system"));
  EXPECT_THAT(error_of(global("__torch__.torch.classes.dist_rpc", "X") + ")\x81}b"),
              HasSubstr("was not executed"));
}

TEST_F(ScriptPickle, ScalesAreAsManyAsChannels) {
  const auto affine = [&](const std::string& scheme, const std::string& scales,
                          const std::string& points, int64_t axis) {
    return quantized({4, 4}, tuple({scheme, scales, points, number(axis)}));
  };
  const std::string scheme = global("torch", "per_channel_affine");
  const std::string four = tensor(storage(kFloats, 4), 0, {4}, {1});
  const std::string two = tensor(storage(kFloats, 4, "1"), 0, {2}, {1});
  const std::string square = tensor(storage(kFloats, 4), 0, {2, 2}, {2, 1});
  EXPECT_EQ(error_of(affine(scheme, four, four, 1)), "no error");
  for (const std::string& wrong :
       {affine(scheme, two, four, 0), affine(scheme, four, two, 0), affine(scheme, square, four, 0),
        affine(scheme, four, four, 2), affine(scheme, four, four, -1),
        affine(number(1), four, four, 0), affine(scheme, number(1), four, 0),
        affine(kFloats, four, four, 0), quantized({4}, "N")}) {
    EXPECT_THAT(error_of(wrong), HasSubstr("scales do not fit"));
  }
  EXPECT_THAT(error_of(tensor(storage(global("torch", "QInt8Storage"), 4), 0, {4}, {1})),
              HasSubstr("in an unknown way"));
}

TEST_F(ScriptPickle, AMemoIsNotLargerThanThePickle) {
  const std::string one = tensor(storage(kFloats, 4), 0, {4}, {1});
  EXPECT_EQ(error_of(one + "q\x05"), "no error");
  for (const char* far : {"r\xff\xff\xff\xff", "r\x00\x00\x00\x30", "p30000000\n", "px\n"}) {
    const std::string put = far[0] == 'r' ? std::string(far, 5) : far;
    EXPECT_THAT(error_of(one + put), HasSubstr("memo"));
  }
}

}  // namespace
}  // namespace onnxport::read
