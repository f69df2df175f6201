// A disk that breaks at a chosen write, sync or truncation of SQLite's. For tests only;
// for .cc files only.
#pragma once

#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <functional>
#include <string>

namespace busker::record {

// While it is there, files that are opened call `decide` before each call that changes something,
// with its number from 0 and whether it is a sync. Other than SQLITE_OK is what the call returns.
class BreakingDisk {
 public:
  using Decide = std::function<int(int number, bool sync)>;

  explicit BreakingDisk(Decide decide) {
    Hooks& hooks = Instance();
    hooks = {sqlite3_vfs_find(nullptr), nullptr, {}, {}, std::move(decide), 0};
    hooks.vfs = *hooks.under;
    hooks.vfs.pNext = nullptr;
    hooks.vfs.zName = "breaking";
    hooks.vfs.xOpen = [](sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
      Hooks& it = Instance();
      const int code = it.under->xOpen(it.under, name, file, flags, out);
      if (code != SQLITE_OK) return code;
      it.real = file->pMethods;
      // Only the database itself is locked; its companions have other methods.
      sqlite3_io_methods& methods = it.methods[(flags & SQLITE_OPEN_MAIN_DB) != 0 ? 0 : 1];
      methods = *it.real;
      methods.xWrite = [](sqlite3_file* f, const void* bytes, int count, sqlite3_int64 offset) {
        const int verdict = Instance().Next(false);
        return verdict != SQLITE_OK ? verdict : Instance().real->xWrite(f, bytes, count, offset);
      };
      methods.xSync = [](sqlite3_file* f, int how) {
        const int verdict = Instance().Next(true);
        return verdict != SQLITE_OK ? verdict : Instance().real->xSync(f, how);
      };
      methods.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
        const int verdict = Instance().Next(false);
        return verdict != SQLITE_OK ? verdict : Instance().real->xTruncate(f, size);
      };
      file->pMethods = &methods;
      return code;
    };
    sqlite3_vfs_register(&hooks.vfs, 1);
  }
  BreakingDisk(const BreakingDisk&) = delete;
  BreakingDisk& operator=(const BreakingDisk&) = delete;
  ~BreakingDisk() {
    sqlite3_vfs_unregister(&Instance().vfs);
    Instance().decide = nullptr;
  }

  // Calls from now on are numbered from 0.
  void Restart(Decide decide) {
    Instance().decide = std::move(decide);
    Instance().calls = 0;
  }
  int calls() const { return Instance().calls; }

 private:
  struct Hooks {
    sqlite3_vfs* under = nullptr;
    const sqlite3_io_methods* real = nullptr;
    sqlite3_vfs vfs{};
    sqlite3_io_methods methods[2]{};
    Decide decide;
    int calls = 0;

    int Next(bool sync) { return decide ? decide(calls++, sync) : SQLITE_OK; }
  };
  static Hooks& Instance() {
    static Hooks hooks;
    return hooks;
  }
};

}  // namespace busker::record
