// A task that notes when it began and ended: called as `bash -c FILE`, in bash's place, it adds two
// numbers of 8 bytes, nanoseconds since 1970 to FILE. Linked statically, so that it begins where
// exec ends.
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>

namespace {

std::int64_t Nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

int main(int count, char** arguments) {
  std::int64_t instants[2] = {Nanoseconds(), 0};
  if (count != 3) return 2;
  const int file = open(arguments[2], O_WRONLY | O_APPEND | O_CREAT, 0600);
  instants[1] = Nanoseconds();
  return write(file, instants, sizeof instants) == sizeof instants ? 0 : 1;
}
