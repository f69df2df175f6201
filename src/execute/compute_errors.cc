#include "execute/compute_errors.h"

#include <fmt/core.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cloud/google_error.h"
#include "cloud/retry.h"

namespace busker::execute {
namespace {

struct Row {
  std::string_view prefix;  // of the code, in small letters without '_'; the first that fits counts
  Trouble trouble;
};

// Codes of operations (QUOTA_EXCEEDED) and reasons of answers (quotaExceeded) are the same words in
// two spellings, and new ones begin as the old: ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS.
constexpr std::array kRows = {
    Row{"zoneresourcepoolexhausted", Trouble::kNoRoom},
    Row{"regionresourcepoolexhausted", Trouble::kNoRoom},
    Row{"resourcepoolexhausted", Trouble::kNoRoom},
    Row{"stockout", Trouble::kNoRoom},
    Row{"insufficientcapacity", Trouble::kNoRoom},
    Row{"quotaexceeded", Trouble::kNoQuota},
    Row{"limitexceeded", Trouble::kNoQuota},
    Row{"resourceoperationrateexceeded", Trouble::kPassing},
    Row{"ratelimitexceeded", Trouble::kPassing},
    Row{"userratelimitexceeded", Trouble::kPassing},
    Row{"concurrentoperationsquotaexceeded", Trouble::kPassing},
    Row{"resourcenotready", Trouble::kPassing},
    Row{"backenderror", Trouble::kPassing},
    Row{"internalerror", Trouble::kPassing},
    Row{"permission", Trouble::kForbidden},
    Row{"forbidden", Trouble::kForbidden},
    Row{"required", Trouble::kForbidden},
    Row{"accessnotconfigured", Trouble::kForbidden},
    Row{"servicedisabled", Trouble::kForbidden},
    Row{"insufficientpermissions", Trouble::kForbidden},
    Row{"serviceaccountaccessdenied", Trouble::kForbidden},
    Row{"notfound", Trouble::kNotThere},
    Row{"externalresourcenotfound", Trouble::kNotThere},
    Row{"resourcenotfound", Trouble::kNotThere},
    Row{"alreadyexists", Trouble::kTaken},
    Row{"resourcealreadyexists", Trouble::kTaken},
    Row{"conflict", Trouble::kWithdrawn},
};

std::string Plain(std::string_view code) {
  std::string plain = LowerCase(code);
  std::erase(plain, '_');
  return plain;
}

std::string_view RemedyFor(Trouble trouble) {
  switch (trouble) {
    case Trouble::kNoRoom:
      return "; name more zones in the target's executor, or another machine type";
    case Trouble::kNoQuota:
      return "; have the quota raised (Google Cloud console, IAM, Quotas), or name a zone of "
             "another region";
    case Trouble::kForbidden:
      return "; whoever Busker's credentials are of needs Compute Instance Admin (v1) in the "
             "project, and Service Account User on the VM's service account";
    case Trouble::kNotThere:
      return "; the message names what is not there: mend the target in busker.toml, or make it";
    case Trouble::kTaken:
      return "; somebody else has a VM of that name";
    case Trouble::kPassing:
    case Trouble::kWithdrawn:
    case Trouble::kUnknown:
      return {};
  }
  return {};
}

}  // namespace

Trouble TroubleOf(const ComputeFault& fault) {
  const std::string plain = Plain(fault.code);
  for (const Row& row : kRows) {
    if (plain.starts_with(row.prefix)) return row.trouble;
  }
  // An answer without a reason that is known: by its status.
  if (cloud::MayPass(fault.status)) return Trouble::kPassing;
  if (fault.status == 401 || fault.status == 403) return Trouble::kForbidden;
  if (fault.status == 404) return Trouble::kNotThere;
  return fault.status == 409 ? Trouble::kTaken : Trouble::kUnknown;
}

std::string SentenceOf(const ComputeFault& fault) {
  std::string words = Printable(fault.message);
  while (words.ends_with('.')) words.pop_back();
  std::string code = Printable(fault.code);
  if (code.empty()) code = fmt::format("status {}", fault.status);
  std::string remedy(cloud::RemedyIn(fault.code + " " + fault.message));
  remedy = remedy.empty() ? RemedyFor(TroubleOf(fault)) : "; " + remedy;
  // An operation may have nothing but a code.
  if (words.empty() || words == code) return code + remedy;
  return fmt::format("{}: {}{}", code, words, remedy);
}

// {"error": {"code": 403, "message": "...", "errors": [{"reason": "quotaExceeded", ...}]}}
ComputeFault FaultOf(const io::HttpResponse& response) {
  ComputeFault fault{"", cloud::GoogleMessage(response.body), response.status};
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  const nlohmann::json::json_pointer reason("/error/errors/0/reason");
  if (json.is_object() && json.contains(reason) && json.at(reason).is_string()) {
    fault.code = json.at(reason).get<std::string>();
  }
  return fault;
}

Error ErrorOf(const ComputeFault& fault, const std::string& what) {
  const bool passes = TroubleOf(fault) == Trouble::kPassing;
  return {passes ? ErrorKind::kTemporary : ErrorKind::kFailed, what + ": " + SentenceOf(fault)};
}

}  // namespace busker::execute
