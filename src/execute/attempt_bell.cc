#include "execute/attempt_bell.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>

namespace busker::execute {
namespace {

bool Add(int epoll, int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

}  // namespace

Result<AttemptBell> AttemptBell::Make() {
  AttemptBell bell;
  bell.stop_ = io::Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  bell.either_ = io::Descriptor(epoll_create1(EPOLL_CLOEXEC));
  if (!bell.stop_.valid() || !bell.either_.valid() || !Add(bell.either(), bell.stop())) {
    return SystemError("make a bell for an attempt", errno);
  }
  return bell;
}

void AttemptBell::Watch(const io::fs::path& attempt_folder) {
  io::Descriptor end(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const bool watches = end.valid() &&
                       inotify_add_watch(end.get(), attempt_folder.c_str(), IN_MOVED_TO) >= 0 &&
                       Add(either(), end.get());
  if (watches) end_ = std::move(end);
}

void AttemptBell::TellStop() const { eventfd_write(stop(), 1); }

bool AttemptBell::TakeStop() const {
  eventfd_t told = 0;
  return eventfd_read(stop(), &told) == 0;
}

bool AttemptBell::TakeEnd() const {
  alignas(inotify_event) char news[4096];
  bool rang = false;
  while (end_.valid() && ::read(end(), news, sizeof news) > 0) rang = true;
  return rang;
}

}  // namespace busker::execute
