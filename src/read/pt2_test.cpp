// Every fixture (tests/fixtures/make_pt2.py says what each is for) is read and its dump compared
// with tests/golden/pt2/<version>-<case>.txt. UPDATE_GOLDEN=1 rewrites those.
#include "read/pt2.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/file.h"

namespace onnxport::read {
namespace {

namespace fs = std::filesystem;

const fs::path kFixtures = fs::path(ONNXPORT_FIXTURES) / "pt2";
const fs::path kGolden = fs::path(ONNXPORT_SOURCE_DIR) / "tests/golden/pt2";

std::vector<fs::path> fixtures() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::recursive_directory_iterator(kFixtures)) {
    if (entry.path().extension() == ".pt2") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

// What reading gives, as text: the dump, or the error without the machine's paths.
std::string text_of(const fs::path& path) {
  auto program = read_pt2(path.string());
  if (program.ok()) return aten::dump(*program);
  std::string error = program.error().str();
  if (size_t at = error.find(path.string()); at != std::string::npos) {
    error.replace(at, path.string().size(), path.filename().string());
  }
  return "error " + error + "\n";
}

class FixtureDump : public testing::TestWithParam<fs::path> {};

TEST_P(FixtureDump, DumpsAsItsGoldenFile) {
  const fs::path& path = GetParam();
  const fs::path golden =
      kGolden / (path.parent_path().filename().string() + "-" + path.stem().string() + ".txt");
  std::string text = text_of(path);
  if (const char* update = std::getenv("UPDATE_GOLDEN"); update != nullptr && *update == '1') {
    fs::create_directories(golden.parent_path());
    ASSERT_TRUE(write_file(golden.string(), text).ok());
    return;
  }
  auto expected = read_file(golden.string());
  ASSERT_TRUE(expected.ok()) << expected.error().str() << "\nUPDATE_GOLDEN=1 writes it";
  EXPECT_EQ(text, *expected);
}

INSTANTIATE_TEST_SUITE_P(Pt2, FixtureDump, testing::ValuesIn(fixtures()), [](const auto& info) {
  std::string name =
      info.param.parent_path().filename().string() + "_" + info.param.stem().string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0; }, '_');
  return name;
});

Result<aten::Program> read_case(const std::string& name) {
  return read_pt2((kFixtures / "2.13.0" / (name + ".pt2")).string());
}

TEST(Pt2, TiedWeightsShareTheirStorage) {
  for (const char* version : {"2.4.1", "2.5.1", "2.6.0", "2.8.0", "2.10.0", "2.13.0", "2.15.0"}) {
    auto program = read_pt2((kFixtures / version / "tied.pt2").string());
    ASSERT_TRUE(program.ok()) << program.error().str();
    std::set<const Storage*> matrices;
    for (const aten::Weight& weight : program->weights) {
      if (weight.tensor.dims.size() == 2) matrices.insert(weight.tensor.storage.get());
    }
    EXPECT_EQ(matrices.size(), 1U) << version;
  }
}

TEST(Pt2, WeightsAreViewsOfTheFile) {
  auto program = read_case("convnet");
  ASSERT_TRUE(program.ok()) << program.error().str();
  for (const aten::Weight& weight : program->weights) {
    EXPECT_EQ(weight.tensor.storage->view().size(), weight.tensor.nbytes()) << weight.fqn;
  }
}

TEST(Pt2, SizesAreExpressions) {
  auto program = read_case("sizes");
  ASSERT_TRUE(program.ok()) << program.error().str();
  for (const aten::Node& node : program->nodes) {
    EXPECT_FALSE(node.op.starts_with("_operator")) << node.op;
    EXPECT_NE(node.op, "aten::sym_size");
  }
  ASSERT_EQ(program->inputs.size(), 1U);
  const Shape& shape = *program->value(program->inputs[0].value).shape;
  ASSERT_EQ(shape.size(), 4U);
  EXPECT_TRUE(shape[0].is_symbol());
  EXPECT_EQ(shape[2], Expr(2) * Expr::symbol(shape[2].symbols()[0]));
}

TEST(Pt2, OutputsAreNamedAsTheModelNamesThem) {
  auto dict = read_case("dict_output");
  ASSERT_TRUE(dict.ok()) << dict.error().str();
  std::vector<std::string> names;
  for (const aten::Output& output : dict->outputs) names.push_back(output.name);
  EXPECT_EQ(names, (std::vector<std::string>{"logits", "features_low", "features_high_0",
                                             "features_high_1"}));
  auto boxes = read_case("dataclass_output");
  ASSERT_TRUE(boxes.ok()) << boxes.error().str();
  ASSERT_EQ(boxes->outputs.size(), 2U);
  EXPECT_EQ(boxes->outputs[0].name, "scores");
  EXPECT_EQ(boxes->outputs[1].name, "boxes");
  auto pair = read_case("namedtuple_output");
  ASSERT_TRUE(pair.ok()) << pair.error().str();
  EXPECT_EQ(pair->outputs[1].name, "right");
}

TEST(Pt2, TrainingModeIsNoted) {
  auto program = read_case("training");
  ASSERT_TRUE(program.ok()) << program.error().str();
  bool found = false;
  for (const std::string& note : program->notes)
    found = found || note.find("model.eval()") != std::string::npos;
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace onnxport::read
