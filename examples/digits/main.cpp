// Trains a small network on handwritten digits and exports it, with no Python in sight.
//
//   digits DIGITS.bin OUT.onnx        (DIGITS.bin is written by make_data.py)
#include <onnxport/torch.h>
#include <torch/torch.h>

#include <fstream>
#include <iostream>

struct NetImpl : torch::nn::Module {
  NetImpl() {
    using namespace torch::nn;
    features = register_module(
        "features", Sequential(Conv2d(Conv2dOptions(1, 32, 3).padding(1)), BatchNorm2d(32), ReLU(),
                               Conv2d(Conv2dOptions(32, 64, 3).padding(1)), BatchNorm2d(64), ReLU(),
                               MaxPool2d(2)));
    dropout = register_module("dropout", Dropout(0.25));
    classifier = register_module("classifier", Linear(64 * 4 * 4, 10));
  }

  torch::Tensor forward(torch::Tensor x) {
    x = features->forward(x);
    x = x.view({x.size(0), -1});
    return torch::log_softmax(classifier->forward(dropout->forward(x)), 1);
  }

  torch::nn::Sequential features{nullptr};
  torch::nn::Dropout dropout{nullptr};
  torch::nn::Linear classifier{nullptr};
};
TORCH_MODULE(Net);

struct Digits {
  torch::Tensor pictures;  // float [n, 1, 8, 8], 0 to 1
  torch::Tensor labels;    // int64 [n]
};

Digits read_digits(const char* path) {
  std::ifstream in(path, std::ios::binary);
  int32_t count = 0;
  if (!in.read(reinterpret_cast<char*>(&count), sizeof count) || count <= 0) {
    throw std::runtime_error(std::string("no digits in ") + path);
  }
  auto rows = torch::empty({count, 65}, torch::kUInt8);
  if (!in.read(static_cast<char*>(rows.data_ptr()), count * 65)) {
    throw std::runtime_error(std::string("too few digits in ") + path);
  }
  return {rows.narrow(1, 0, 64).to(torch::kFloat).div(16).view({count, 1, 8, 8}),
          rows.select(1, 64).to(torch::kLong)};
}

void train(Net& net, const Digits& digits) {
  torch::optim::Adam adam(net->parameters(), 2e-3);
  const int64_t batch = 64;
  net->train();
  for (int epoch = 0; epoch < 8; ++epoch) {
    auto order = torch::randperm(digits.labels.size(0));
    for (int64_t at = 0; at + batch <= order.size(0); at += batch) {
      auto chosen = order.narrow(0, at, batch);
      adam.zero_grad();
      auto loss = torch::nll_loss(net->forward(digits.pictures.index_select(0, chosen)),
                                  digits.labels.index_select(0, chosen));
      loss.backward();
      adam.step();
    }
  }
}

double accuracy(Net& net, const Digits& digits) {
  torch::NoGradGuard no_grad;
  net->eval();
  auto right = net->forward(digits.pictures).argmax(1).eq(digits.labels);
  return right.to(torch::kDouble).mean().item<double>();
}

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::cerr << "usage: digits DIGITS.bin OUT.onnx\n";
    return 2;
  }
  torch::manual_seed(0);
  Digits all = read_digits(argv[1]);
  const int64_t trained = all.labels.size(0) * 4 / 5;
  const int64_t held_out = all.labels.size(0) - trained;
  Digits training{all.pictures.narrow(0, 0, trained), all.labels.narrow(0, 0, trained)};
  Digits test{all.pictures.narrow(0, trained, held_out), all.labels.narrow(0, trained, held_out)};

  Net net;
  train(net, training);
  std::cout << "accuracy on held-out digits: " << accuracy(net, test) << '\n';

  net->train();  // the module is exported in eval mode, and left as it is
  const onnxport::Report report =
      onnxport::export_onnx(net, {test.pictures.narrow(0, 0, 1)}, argv[2]);
  std::cout << report.text() << '\n';
  if (!net->is_training()) {
    std::cerr << "the module was changed\n";
    return 1;
  }
  return report.exit_code();
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
