// The server of predictions under busker up: answers for the services that the daemon serves, and
// goes on while the daemon begins again.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "catalogue/catalogue.h"
#include "daemon/daemon.h"
#include "deliver/table_rows.h"
#include "home/home.h"
#include "online/models.h"
#include "online/server.h"
#include "service/daemon_setting.h"

namespace busker::cli {

class OnlineService {
 public:
  using Say = std::function<void(const std::string&)>;

  // `say` is told what is asked now, and what cannot be; any thread. Errors as online::Server's.
  static Result<std::unique_ptr<OnlineService>> Start(const service::ServingSetting& setting,
                                                      const home::Home& home,
                                                      const std::string& busker_version, Say say);
  ~OnlineService();  // what is being answered is

  // Whose services are answered for; nullptr: they stay those of before. It is used no more once
  // another call has returned.
  void Attach(daemon::Daemon* daemon);

  std::string Figures() const { return online::FiguresPage(models_); }
  const online::Models& models() const { return models_; }
  std::vector<daemon::Online> Stand() const;  // by service; any thread
  std::string Address() const { return address_; }

 private:
  OnlineService(const home::Home& home, Say say)
      : scratch_(home.folder / "serving"), say_(std::move(say)), tables_(home.WarehouseFolder()) {}
  void Follow();  // the services that there are; the mutex is held
  void Tell();
  void TellPeople(const daemon::Online& online);

  const io::fs::path scratch_;
  const Say say_;
  std::string address_;
  online::Models models_;
  deliver::TableReader tables_;  // of the home's warehouse
  std::unique_ptr<online::Server> server_;

  std::mutex mutex_;  // guards what follows
  daemon::Daemon* daemon_ = nullptr;
  std::shared_ptr<const catalogue::Catalogue> followed_;
  std::map<std::string, std::string> told_;  // by service
  // By service, which version's absence people were told of.
  std::map<std::string, std::string> behind_;

  std::jthread thread_;  // last: it uses all of these
};

}  // namespace busker::cli
