#include "base/tensor.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "base/number.h"

namespace onnxport {
namespace {

Tensor counting(std::vector<int64_t> dims) {
  int64_t n = 1;
  for (const int64_t dim : dims) n *= dim;
  std::vector<float> values(n);
  std::iota(values.begin(), values.end(), 0.0f);
  return Tensor::of(DType::kFloat, std::move(dims), values);
}

// One element at a time, straight from the definition.
std::vector<float> naive_transpose(const Tensor& t, const std::vector<int64_t>& perm) {
  const std::vector<float> in = t.values<float>();
  std::vector<int64_t> strides(t.dims.size());
  int64_t stride = 1;
  for (size_t i = t.dims.size(); i-- > 0; stride *= t.dims[i]) strides[i] = stride;
  std::vector<float> out;
  std::vector<int64_t> index(perm.size(), 0);
  for (size_t n = 0; n < in.size(); ++n) {
    int64_t at = 0;
    for (size_t i = 0; i < perm.size(); ++i) at += index[i] * strides[perm[i]];
    out.push_back(in[at]);
    for (size_t i = perm.size(); i-- > 0;) {
      if (++index[i] < t.dims[perm[i]]) break;
      index[i] = 0;
    }
  }
  return out;
}

// A storage without a view, for the lazy-over-lazy paths.
class Hidden final : public Storage {
 public:
  explicit Hidden(Tensor t) : t_(std::move(t)) {}
  size_t size() const override { return t_.nbytes(); }
  std::span<const std::byte> view() const override { return {}; }
  void read(size_t offset, std::span<std::byte> out) const override {
    t_.storage->read(offset, out);
  }
  void release() const override { ++released; }
  mutable int released = 0;

 private:
  Tensor t_;
};

TEST(Tensor, TransposesAsDefined) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<int64_t> dims(1 + random() % 5), perm;
    for (int64_t& dim : dims) dim = 1 + random() % 7;
    if (round % 20 == 0) dims[0] = 40;
    perm.resize(dims.size());
    std::iota(perm.begin(), perm.end(), int64_t{0});
    std::shuffle(perm.begin(), perm.end(), random);
    const Tensor t = counting(dims);
    const Tensor lazy = t.transposed(perm);
    const std::vector<float> expected = naive_transpose(t, perm);
    ASSERT_EQ(lazy.values<float>(), expected);
    // Any range of bytes, in the middle of elements too.
    for (int i = 0; i < 10; ++i) {
      const size_t begin = random() % lazy.nbytes();
      std::vector<std::byte> part(random() % (lazy.nbytes() - begin + 1));
      lazy.storage->read(begin, part);
      const auto* bytes = reinterpret_cast<const std::byte*>(expected.data()) + begin;
      ASSERT_TRUE(std::equal(part.begin(), part.end(), bytes));
    }
  }
}

TEST(Tensor, ComposesTranspositions) {
  const Tensor t = counting({2, 3, 4});
  EXPECT_EQ(t.transposed({2, 0, 1}).transposed({1, 2, 0}).storage, t.storage);
  EXPECT_EQ(t.transposed({1, 0, 2}).transposed({2, 1, 0}).values<float>(),
            naive_transpose(t, {2, 0, 1}));
  // Through a reshape they cannot be one; the values are right all the same.
  const Tensor a = t.transposed({2, 1, 0}).reshaped({6, 4});
  EXPECT_EQ(a.transposed({1, 0}).values<float>(),
            naive_transpose(Tensor::of(DType::kFloat, {6, 4}, a.values<float>()), {1, 0}));
}

TEST(Tensor, ComposesTranspositionsWithCastsAndScalings) {
  const Tensor t = counting({2, 3});
  const std::vector<float> expected = {0, 30, 10, 40, 20, 50};
  EXPECT_EQ(t.scaled(0, {10, 10}).transposed({1, 0}).values<float>(), expected);
  EXPECT_EQ(t.transposed({1, 0}).scaled(1, {1, 2}).values<float>(),
            (std::vector<float>{0, 6, 1, 8, 2, 10}));
  EXPECT_EQ(t.scaled(0, {1, 2}).transposed({1, 0}).values<float>(),
            (std::vector<float>{0, 6, 1, 8, 2, 10}));
  EXPECT_EQ(t.cast(DType::kInt64).transposed({1, 0}).values<int64_t>(),
            (std::vector<int64_t>{0, 3, 1, 4, 2, 5}));
}

TEST(Tensor, ReadsSourcesThatAreNotInMemoryAndReleasesThem) {
  auto hidden = std::make_shared<Hidden>(counting({3, 5}));
  const Tensor t{DType::kFloat, {3, 5}, hidden, {}};
  const Tensor lazy = t.transposed({1, 0});
  EXPECT_EQ(lazy.values<float>(), naive_transpose(counting({3, 5}), {1, 0}));
  lazy.storage->release();
  EXPECT_EQ(hidden->released, 1);
  t.scaled(0, {1, 2, 3}).cast(DType::kDouble).storage->release();
  EXPECT_EQ(hidden->released, 2);
}

TEST(Tensor, StreamsALargeTransposition) {
  const Tensor t = Tensor::filled(DType::kFloat, {4096, 4096}, 1.5);
  const Tensor lazy = t.transposed({1, 0});
  std::vector<std::byte> block(1 << 20);
  const auto start = std::chrono::steady_clock::now();
  for (size_t at = 0; at < lazy.nbytes(); at += block.size()) lazy.storage->read(at, block);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  RecordProperty("seconds_for_64_MiB", std::to_string(took.count()));
}

TEST(Tensor, HandlesNoElementsAndOneElement) {
  EXPECT_EQ(counting({0, 3}).transposed({1, 0}).dims, (std::vector<int64_t>{3, 0}));
  EXPECT_TRUE(counting({0, 3}).transposed({1, 0}).values<float>().empty());
  EXPECT_EQ(Tensor::scalar(DType::kFloat, 2.5).transposed({}).values<float>(),
            std::vector<float>{2.5f});
}

TEST(Tensor, CastsAsCppDoes) {
  const Tensor t =
      Tensor::of<float>(DType::kFloat, {6}, {-1.9f, 0.0f, 1.5f, 300.0f, NAN, INFINITY});
  EXPECT_EQ(t.cast(DType::kInt32).values<int32_t>(), (std::vector<int32_t>{-1, 0, 1, 300, 0, -1}));
  EXPECT_EQ(t.cast(DType::kBool).values<uint8_t>(), (std::vector<uint8_t>{1, 0, 1, 1, 1, 1}));
  EXPECT_EQ(t.cast(DType::kUint8).values<uint8_t>()[3], 44);  // 300 wraps
  EXPECT_EQ(Tensor::ints({-1, 1ll << 40}).cast(DType::kUint64).values<uint64_t>()[0], ~0ull);
  EXPECT_EQ(Tensor::of<uint64_t>(DType::kUint64, {1}, {~0ull}).as_doubles()[0], 0x1p64);
  EXPECT_EQ(Tensor::scalar(DType::kBFloat16, 1.0).as_doubles()[0], 1.0);
  EXPECT_EQ(Tensor::scalar(DType::kFloat16, 0.1).cast(DType::kFloat).values<float>()[0],
            0.0999755859375f);
  EXPECT_EQ(Tensor::of<float>(DType::kFloat, {2}, {2.9f, -2.9f}).as_ints(),
            (std::vector<int64_t>{2, -2}));
}

TEST(Tensor, RoundsHalfToNearestEven) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float x = half_to_float(static_cast<uint16_t>(bits));
    if (std::isnan(x)) {
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(x))));
    } else {
      ASSERT_EQ(float_to_half(x), bits);
    }
  }
  EXPECT_EQ(float_to_half(65519.99f), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0f), 0x7c00);
  EXPECT_EQ(float_to_half(0x1p-25f), 0);  // a tie, to even
  EXPECT_EQ(float_to_half(std::nextafter(0x1p-25f, 1.0f)), 1);
  EXPECT_EQ(float_to_half(1.0f + 0x1p-11f), 0x3c00);  // a tie, to even
  EXPECT_EQ(float_to_half(1.0f + 3 * 0x1p-11f), 0x3c02);
  // One rounding from double, not two.
  EXPECT_EQ(Tensor::scalar(DType::kFloat16, 1.0 + 0x1p-11 + 0x1p-40).values<uint16_t>()[0], 0x3c01);
  EXPECT_EQ(float_to_bfloat16(1.0f + 0x1p-8f), 0x3f80);
  EXPECT_EQ(float_to_bfloat16(1.0f + 3 * 0x1p-8f), 0x3f82);
  EXPECT_TRUE(std::isnan(bfloat16_to_float(float_to_bfloat16(NAN))));
}

TEST(Tensor, RoundTripsTheEightBitFloats) {
  for (DType dtype :
       {DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ, DType::kFloat8E5M2, DType::kFloat8E5M2FNUZ}) {
    for (int bits = 0; bits < 256; ++bits) {
      const float x = float8_to_float(dtype, static_cast<uint8_t>(bits));
      if (std::isnan(x)) continue;
      EXPECT_EQ(float_to_float8(dtype, x), bits) << name(dtype);
    }
  }
  EXPECT_EQ(float8_to_float(DType::kFloat8E4M3FN, 0x7e), 448.0f);
  EXPECT_EQ(float8_to_float(DType::kFloat8E5M2, 0x7b), 57344.0f);
  EXPECT_EQ(float8_to_float(DType::kFloat8E4M3FNUZ, 0x7f), 240.0f);
  EXPECT_EQ(float_to_float8(DType::kFloat8E4M3FN, 1000.0f), 0x7f);
}

TEST(Tensor, RefusesSizesThatOverflow) {
  const auto refused = [](std::vector<int64_t> dims) {
    return !checked_nbytes(DType::kFloat, dims).ok();
  };
  EXPECT_TRUE(refused({-1}));
  EXPECT_TRUE(refused({int64_t{1} << 32, int64_t{1} << 32}));
  EXPECT_TRUE(refused({int64_t{1} << 62}));
  EXPECT_TRUE(refused({0, int64_t{1} << 32, int64_t{1} << 32}));
  EXPECT_EQ(*checked_nbytes(DType::kFloat, std::vector<int64_t>{2, 3}), 24u);
  EXPECT_EQ(*checked_nbytes(DType::kInt4, std::vector<int64_t>{3}), 2u);
  EXPECT_EQ(*checked_nbytes(DType::kDouble, std::vector<int64_t>{}), 8u);
}

TEST(Tensor, ComparesAndHashesByContent) {
  const Tensor a = counting({3, 4});
  const Tensor b = a.transposed({1, 0}).transposed({1, 0});
  EXPECT_TRUE(same_bytes(a, b));
  EXPECT_EQ(content_hash(a), content_hash(b));
  const Tensor lazy = counting({4, 3}).transposed({1, 0});
  EXPECT_FALSE(same_bytes(a, lazy));
  EXPECT_EQ(content_hash(lazy), content_hash(Tensor::owned(DType::kFloat, {3, 4}, lazy.bytes())));
  EXPECT_NE(content_hash(a), content_hash(a.reshaped({4, 3})));
  EXPECT_FALSE(same_bytes(a, a.reshaped({12})));
}

}  // namespace
}  // namespace onnxport
