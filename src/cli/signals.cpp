#include "cli/signals.h"

#include <pthread.h>

#include <csignal>
#include <thread>

#include "base/hidden_folder.h"

namespace onnxport::cli {

// A thread of its own waits for the signals: unlike in a handler, everything is allowed in it.
void clean_up_on_signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction now {};
    // One that is ignored (nohup) stays ignored.
    if (sigaction(signal, nullptr, &now) == 0 && now.sa_handler != SIG_IGN)
      sigaddset(&wanted, signal);
  }
  pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
  std::thread([wanted] {
    int signal = 0;
    if (sigwait(&wanted, &signal) != 0) return;
    remove_hidden_folders();
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    raise(signal);
    pthread_sigmask(SIG_UNBLOCK, &one, nullptr);  // and so it ends, with the signal's own status
  }).detach();
}

}  // namespace onnxport::cli
