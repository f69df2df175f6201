#include "online/figures.h"

#include <fmt/core.h>

#include "online/models.h"

namespace busker::online {

void Figures::Add(int status, std::size_t rows, std::chrono::nanoseconds took) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  if (status < 300) {
    answered.fetch_add(1, kRelaxed);
    instances.fetch_add(rows, kRelaxed);
  } else if (status < 500) {
    refused.fetch_add(1, kRelaxed);
  } else if (status == 503) {
    not_ready.fetch_add(1, kRelaxed);
  } else {
    failed.fetch_add(1, kRelaxed);
  }
  const double seconds = std::chrono::duration<double>(took).count();
  std::size_t bucket = 0;
  while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
  buckets[bucket].fetch_add(1, kRelaxed);
  sum_ns.fetch_add(static_cast<std::uint64_t>(took.count()), kRelaxed);
}

namespace {

using ByName = Models::ByName;

std::string Head(const char* name, const char* kind, const char* help) {
  return fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, kind, help);
}

// Names of services and versions have no character that would have to be escaped.
template <typename Value>
void AddEach(std::string& page, const char* name, const char* kind, const char* help,
             const ByName& all, const Value& value) {
  page += Head(name, kind, help);
  for (const auto& [service, served] : all) {
    page += fmt::format("{}{{service=\"{}\"}} {}\n", name, service, value(*served));
  }
}

void AddErrors(std::string& page, const ByName& all) {
  const char* const name = "busker_prediction_errors_total";
  page += Head(name, "counter", "Requests that got no prediction, by whose fault it was.");
  for (const auto& [service, served] : all) {
    const Figures& figures = served->figures;
    for (const auto& [kind, count] :
         {std::pair{"refused", figures.refused.load()}, std::pair{"failed", figures.failed.load()},
          std::pair{"not_ready", figures.not_ready.load()}}) {
      page += fmt::format("{}{{service=\"{}\",kind=\"{}\"}} {}\n", name, service, kind, count);
    }
  }
}

void AddTimes(std::string& page, const ByName& all) {
  const char* const name = "busker_prediction_seconds";
  page += Head(name, "histogram", "From a request that was read to its answer.");
  for (const auto& [service, served] : all) {
    const Figures& figures = served->figures;
    std::uint64_t count = 0;
    for (std::size_t i = 0; i <= Figures::kBounds.size(); ++i) {
      count += figures.buckets[i];
      const std::string bound =
          i < Figures::kBounds.size() ? fmt::format("{}", Figures::kBounds[i]) : "+Inf";
      page +=
          fmt::format("{}_bucket{{service=\"{}\",le=\"{}\"}} {}\n", name, service, bound, count);
    }
    page += fmt::format("{0}_sum{{service=\"{1}\"}} {2}\n{0}_count{{service=\"{1}\"}} {3}\n", name,
                        service, static_cast<double>(figures.sum_ns) / 1e9, count);
  }
}

void AddVersions(std::string& page, const ByName& all) {
  const char* const name = "busker_serving_version";
  page += Head(name, "gauge", "1 for the version that is asked now.");
  for (const auto& [service, served] : all) {
    const auto current = served->Current();
    if (current == nullptr) continue;
    page += fmt::format("{}{{service=\"{}\",version=\"{}\"}} 1\n", name, service,
                        current->manifest.name.timestamp);
  }
}

double SecondsSince(Instant then) { return std::chrono::duration<double>(Now() - then).count(); }

}  // namespace

std::string FiguresPage(const Models& models) {
  const auto all = models.All();
  std::string page;
  AddEach(page, "busker_predictions_total", "counter", "Requests that got predictions.", *all,
          [](const Served& one) { return one.figures.answered.load(); });
  AddEach(page, "busker_predicted_instances_total", "counter", "Instances in them.", *all,
          [](const Served& one) { return one.figures.instances.load(); });
  AddErrors(page, *all);
  AddTimes(page, *all);
  AddVersions(page, *all);
  AddEach(page, "busker_serving_behind_seconds", "gauge",
          "Since when another version is asked than the live one; 0: it is the live one.", *all,
          [](const Served& one) {
            const auto since = one.Look().behind_since;
            return since ? SecondsSince(*since) : 0.0;
          });
  return page;
}

}  // namespace busker::online
