#include "runner/output_streams.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

namespace busker::runner {
namespace {

// A new pipe holds 16 writes; one that had so many in it at once is made larger.
constexpr int kManyReads = 4, kManyBytes = 1 << 18;
constexpr int kMoreReads = 32, kMoreBytes = 1 << 20;
constexpr std::size_t kBlockBytes = 1 << 20;  // the most that any pipe holds
constexpr std::size_t kPacketBytes = 4096;    // a longer write is several packets: PIPE_BUF

// A read must have room for all that a pipe can hold: of a packet it takes what it has room for,
// and the rest is gone. One for all attempts of this process; not touched before it is used.
char block[kBlockBytes];

std::optional<OutputStreams>& Ahead() {
  static std::optional<OutputStreams> ahead;
  return ahead;
}

int NewsSignal() { return SIGRTMIN; }

// SIGIO comes in its place when the kernel's queue is full: then some are missing.
sigset_t OutputSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, NewsSignal());
  sigaddset(&signals, SIGIO);
  return signals;
}

}  // namespace

void BlockOutputSignals() {
  const sigset_t signals = OutputSignals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
}

Result<OutputStreams::Pipe> OutputStreams::MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SystemError("make a pipe", errno);
  Pipe pipe;
  pipe.read_end = io::Descriptor(ends[0]);
  pipe.write_end = io::Descriptor(ends[1]);
  fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK);
  return pipe;
}

Result<OutputStreams> OutputStreams::Open() {
  if (!Ahead()) return Make();
  OutputStreams streams = *std::move(Ahead());
  Ahead().reset();
  return streams;
}

void OutputStreams::OpenAhead() {
  if (Ahead()) return;
  if (auto made = Make()) Ahead() = *std::move(made);
}

Result<OutputStreams> OutputStreams::Make() {
  OutputStreams streams;
  TRY_ASSIGN(streams.output_, MakePipe());
  const sigset_t signals = OutputSignals();
  streams.news_ = io::Descriptor(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!streams.news_.valid()) return streams;
  // What is left of the attempt before this one, whose pipes may have had the same numbers.
  signalfd_siginfo old{};
  while (::read(streams.news_.get(), &old, sizeof old) > 0) {
  }
  TRY_ASSIGN(streams.error_, MakePipe());
  if (!streams.TellsOfWrites(streams.output_) || !streams.TellsOfWrites(streams.error_)) {
    TRY_ASSIGN(streams.output_, MakePipe());
    streams.error_ = {};
    streams.news_.Close();
  }
  return streams;
}

bool OutputStreams::TellsOfWrites(Pipe& pipe) const {
  const int fd = pipe.read_end.get();
  return fcntl(pipe.write_end.get(), F_SETFL, O_DIRECT) == 0 &&
         fcntl(fd, F_SETSIG, NewsSignal()) == 0 && fcntl(fd, F_SETOWN, getpid()) == 0 &&
         fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC) == 0 && TakesNewsOf(pipe);
}

// Not every kernel does what it says it will: once in this process it is tried.
bool OutputStreams::TakesNewsOf(Pipe& pipe) const {
  static const bool does = [&] {
    char byte = 'x';
    signalfd_siginfo news{};
    return ::write(pipe.write_end.get(), &byte, 1) == 1 &&
           ::read(news_.get(), &news, sizeof news) == sizeof news &&
           static_cast<int>(news.ssi_fd) == pipe.read_end.get() &&
           ::read(pipe.read_end.get(), &byte, 1) == 1;
  }();
  return does;
}

void OutputStreams::CloseWriteEnds() {
  output_.write_end.Close();
  error_.write_end.Close();
}

std::array<pollfd, OutputStreams::kWaits> OutputStreams::Waits() const {
  const short input = news_.valid() ? 0 : POLLIN;
  return {{{news_.get(), POLLIN, 0},
           {output_.read_end.get(), input, 0},
           {error_.read_end.get(), input, 0}}};
}

std::size_t OutputStreams::Take(std::size_t bytes_max, const Use& use) {
  output_.reads = error_.reads = 0;
  bool all_told = news_.valid();
  std::size_t taken = TakeTold(bytes_max, use, all_told);
  if (taken > 0 && all_told) return taken;
  // What no signal told of, errors behind output; of a pipe that goes on nothing else.
  for (Pipe* const pipe : {&output_, &error_}) {
    pollfd wait{pipe->read_end.get(), 0, 0};
    const bool ended = all_told && poll(&wait, 1, 0) > 0;
    if (!all_told || ended) taken += TakeAll(*pipe, bytes_max, use);
  }
  return taken;
}

std::size_t OutputStreams::TakeTold(std::size_t bytes_max, const Use& use, bool& all_told) {
  std::size_t taken = 0;
  while (news_.valid() && taken < bytes_max) {
    signalfd_siginfo news[16];
    const ssize_t count = ::read(news_.get(), news, sizeof news);
    if (count <= 0) break;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count) / sizeof news[0]; ++i) {
      const int fd = static_cast<int>(news[i].ssi_fd);
      if (static_cast<int>(news[i].ssi_signo) == SIGIO) {
        all_told = false;
      } else if (fd == output_.read_end.get()) {
        taken += TakeWrite(output_, use);
      } else if (fd == error_.read_end.get()) {
        taken += TakeWrite(error_, use);
      }
    }
  }
  return taken;
}

// One write; of a long one all that is there, for it is told of once.
std::size_t OutputStreams::TakeWrite(Pipe& pipe, const Use& use) {
  std::size_t taken = 0;
  for (std::size_t count = kPacketBytes; count > 0 && count % kPacketBytes == 0;) {
    count = Read(pipe, use);
    taken += count;
  }
  return taken;
}

std::size_t OutputStreams::TakeAll(Pipe& pipe, std::size_t bytes_max, const Use& use) {
  std::size_t taken = 0;
  for (std::size_t count = 1; count > 0 && taken < bytes_max; taken += count) {
    count = Read(pipe, use);
  }
  return taken;
}

std::size_t OutputStreams::Read(Pipe& pipe, const Use& use) {
  if (!pipe.read_end.valid()) return 0;
  ssize_t count = 0;
  do {
    count = ::read(pipe.read_end.get(), block, kBlockBytes);
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno == EAGAIN) return 0;
  if (count <= 0) {
    pipe.read_end.Close();
    return 0;
  }
  const auto bytes = static_cast<std::size_t>(count);
  const int wanted = ++pipe.reads >= kMoreReads ? kMoreBytes : kManyBytes;
  if (pipe.reads >= kManyReads && pipe.bytes_wanted < wanted) {
    pipe.bytes_wanted = wanted;
    fcntl(pipe.read_end.get(), F_SETPIPE_SZ, wanted);  // a wish only
  }
  use(&pipe == &error_ ? Stream::kError : Stream::kOutput, {block, bytes});
  return bytes;
}

}  // namespace busker::runner
