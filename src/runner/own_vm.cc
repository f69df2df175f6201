#include "runner/own_vm.h"

#include <fmt/core.h>

#include "cloud/google_access.h"
#include "cloud/google_client.h"
#include "cloud/google_error.h"
#include "io/url.h"

namespace busker::runner {

Result<void> DeleteOwnVm(const VmMetadata& vm, const io::Interrupt& interrupt) {
  TRY_ASSIGN(const cloud::GoogleAccess access, cloud::FindAccess(cloud::GoogleApi::kCompute));
  cloud::GoogleClient compute(access.credentials, {}, access.http);
  io::HttpRequest request;
  request.method = "DELETE";
  request.url = fmt::format("{}/compute/v1/projects/{}/zones/{}/instances/{}", access.endpoint,
                            io::PercentEncoded(vm.project), io::PercentEncoded(vm.zone),
                            io::PercentEncoded(vm.name));
  TRY_ASSIGN(const auto answer, compute.Send(request, interrupt));
  const int status = answer.response.status;
  if (status / 100 == 2 || status == 404) return {};
  Error error = cloud::GoogleError(answer.response, io::OriginOf(request.url));
  if (status == 403) error.message += " (compute.instances.delete)";
  return tl::unexpected(std::move(error));
}

}  // namespace busker::runner
