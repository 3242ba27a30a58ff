// hls::stream for `make csim`: a queue that says, with its name, when nothing can go on. Synthesis uses the vendor's
// own.
#ifndef COMPRESS_LIB_TARGET_HLS_PACKAGE_HLS_STREAM_H
#define COMPRESS_LIB_TARGET_HLS_PACKAGE_HLS_STREAM_H

#ifdef __SYNTHESIS__
#error "csim_include is for simulation on a host: remove it from the include path of synthesis"
#endif

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace hls_csim {

/// Tasks that run, and those that wait for a stream. A program is one task; run_together starts more.
class Scheduler {
  struct Waiter {
    std::function<bool()> mayGoOn;
    std::string reason;
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::list<Waiter> waiters;
  int numRunning = 1;

  [[noreturn]] void stop() {
    std::fprintf(stderr, "deadlock: no task can go on\n");
    for (const Waiter &waiter : waiters)
      std::fprintf(stderr, "  %s\n", waiter.reason.c_str());
    std::fflush(nullptr);
    std::_Exit(3);
  }

  void stopIfStuck() {
    if (waiters.empty() || static_cast<int>(waiters.size()) < numRunning)
      return;
    for (const Waiter &waiter : waiters)
      if (waiter.mayGoOn())
        return;
    stop();
  }

public:
  static Scheduler &get() {
    static Scheduler scheduler;
    return scheduler;
  }

  /// Waits until `mayGoOn`, then does `act`; nothing else happens to any stream between the two. `reason` is asked for
  /// by a task that waits.
  template <typename MayGoOn, typename Reason, typename Act>
  void when(const MayGoOn &mayGoOn, const Reason &reason, const Act &act) {
    std::unique_lock<std::mutex> lock(mutex);
    if (!mayGoOn()) {
      auto waiter = waiters.insert(waiters.end(), Waiter{mayGoOn, reason()});
      stopIfStuck();
      changed.wait(lock, mayGoOn);
      waiters.erase(waiter);
    }
    act();
    if (!waiters.empty())
      changed.notify_all();
  }

  template <typename Act>
  void look(const Act &act) {
    std::lock_guard<std::mutex> lock(mutex);
    act();
  }

  void addTasks(int number) {
    std::lock_guard<std::mutex> lock(mutex);
    numRunning += number;
    stopIfStuck();
  }
};

/// Runs tasks at the same time, as hardware does, and returns when all have ended.
inline void run_together(const std::vector<std::function<void()>> &tasks) {
  Scheduler::get().addTasks(static_cast<int>(tasks.size()) - 1); // this one waits
  std::vector<std::thread> threads;
  std::mutex mutex;
  size_t numEnded = 0;
  for (const auto &task : tasks)
    threads.emplace_back([&] {
      task();
      std::lock_guard<std::mutex> lock(mutex);
      if (++numEnded < tasks.size()) // the last one hands over to the caller
        Scheduler::get().addTasks(-1);
    });
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace hls_csim

namespace hls {

/// A queue of at most MaxElements elements; of any number with depth 0, as the vendor's in C simulation. A read of an
/// empty one and a write to a full one wait for another task; if none can go on, the program ends with code 3 and says
/// which streams hold it.
template <typename T, int MaxElements = 0>
class stream {
  static_assert(MaxElements >= 0, "a depth is not negative");
  std::deque<T> elements;
  std::string name;

  static std::string placeOf(const void *address) {
    char text[40];
    std::snprintf(text, sizeof(text), "stream at %p", address);
    return text;
  }

public:
  stream() : name(placeOf(this)) {}
  explicit stream(const char *name) : name(name) {}
  stream(const stream &) = delete;
  stream &operator=(const stream &) = delete;
  /// What is left when a stream ends was written for nobody.
  ~stream() {
    if (!elements.empty())
      std::fprintf(stderr, "warning: '%s' ends with %zu elements that nobody read\n", name.c_str(), elements.size());
  }

  void write(const T &element) {
    hls_csim::Scheduler::get().when(
        [this] { return MaxElements == 0 || elements.size() < size_t(MaxElements); },
        [this] { return "write to '" + name + "', which is full (depth " + std::to_string(MaxElements) + ")"; },
        [&] { elements.push_back(element); });
  }
  T read() {
    T element;
    read(element);
    return element;
  }
  void read(T &element) {
    hls_csim::Scheduler::get().when([this] { return !elements.empty(); },
                                    [this] { return "read of '" + name + "', which is empty"; },
                                    [&] {
                                      element = elements.front();
                                      elements.pop_front();
                                    });
  }
  bool write_nb(const T &element) {
    bool done = false;
    hls_csim::Scheduler::get().look([&] {
      if ((done = MaxElements == 0 || elements.size() < size_t(MaxElements)))
        elements.push_back(element);
    });
    return done;
  }
  bool read_nb(T &element) {
    bool done = false;
    hls_csim::Scheduler::get().look([&] {
      if ((done = !elements.empty())) {
        element = elements.front();
        elements.pop_front();
      }
    });
    return done;
  }
  bool empty() const { return size() == 0; }
  bool full() const { return MaxElements != 0 && size() >= size_t(MaxElements); }
  size_t size() const {
    size_t number = 0;
    hls_csim::Scheduler::get().look([&] { number = elements.size(); });
    return number;
  }
  size_t capacity() const { return MaxElements; }

  stream &operator<<(const T &element) {
    write(element);
    return *this;
  }
  stream &operator>>(T &element) {
    read(element);
    return *this;
  }
};

} // namespace hls

#endif // COMPRESS_LIB_TARGET_HLS_PACKAGE_HLS_STREAM_H
