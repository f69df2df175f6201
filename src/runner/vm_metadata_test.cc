#include "runner/vm_metadata.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "io/test_server.h"

namespace busker::runner {
namespace {

// As the metadata server writes it: one line, an id that no double holds.
constexpr char kInstance[] =
    R"({"attributes":{"busker-attempt":"h1/r1/train.2","busker-image":"r.example/c@sha256:aa",)"
    R"("busker-keep-on-failure-s":"1800","busker-order-sha256":"dd","busker-store":"gs://b/p",)"
    R"("user-data":"#cloud-config"},"id":9007199254740993,"name":"busker-vm",)"
    R"("preempted":"FALSE","scheduling":{"preemptible":"TRUE"},)"
    R"("zone":"projects/123/zones/europe-west1-b"})";

std::string Without(const std::string& part) {
  std::string text = kInstance;
  const auto at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return text.erase(at, part.size());
}

TEST(VmMetadata, TellsTheVmItsAttempt) {
  const auto vm = VmMetadataFrom(kInstance);
  ASSERT_TRUE(vm) << vm.error().message;
  EXPECT_EQ(vm->id, "9007199254740993");
  EXPECT_EQ(vm->zone, "europe-west1-b");
  EXPECT_EQ(vm->name, "busker-vm");
  EXPECT_TRUE(vm->is_spot);
  EXPECT_EQ(vm->store_url, "gs://b/p");
  EXPECT_EQ(vm->attempt.Text(), "h1/r1/train.2");
  EXPECT_EQ(vm->order_sha256, "dd");
  EXPECT_EQ(vm->image, "r.example/c@sha256:aa");
  EXPECT_EQ(vm->keep_on_failure, std::chrono::minutes(30));
}

TEST(VmMetadata, OfAVmThatDeletesItselfAtOnceSaysNothingOfKeeping) {
  const auto vm = VmMetadataFrom(Without(R"("busker-keep-on-failure-s":"1800",)"));
  ASSERT_TRUE(vm) << vm.error().message;
  EXPECT_EQ(vm->keep_on_failure, Milliseconds(0));
}

TEST(VmMetadata, ThatSayTooLittleAreRefused) {
  for (const char* part : {R"("busker-store":"gs://b/p",)", R"("busker-order-sha256":"dd",)",
                           R"("busker-image":"r.example/c@sha256:aa",)", R"("name":"busker-vm",)",
                           R"("id":9007199254740993,)"}) {
    EXPECT_FALSE(VmMetadataFrom(Without(part))) << part;
  }
  EXPECT_EQ(VmMetadataFrom(Without("/train.2")).error().message,
            "the metadata of this VM: busker-attempt is \"h1/r1\", and no attempt's name");
  std::string text = kInstance;
  text.replace(text.find("\"1800\""), 6, "\"-3\"");
  EXPECT_EQ(VmMetadataFrom(text).error().message,
            "the metadata of this VM: busker-keep-on-failure-s is \"-3\", and no number of "
            "seconds");
}

std::string Answer(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nMetadata-Flavor: Google\r\nConnection: close\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(VmMetadata, AreWaitedForWhileTheServerIsNotReady) {
  std::atomic<int> count = 0;
  io::TestHttpServer server([&](const io::TestHttpRequest& request) -> std::string {
    if (++count <= 2) return "HTTP/1.1 503 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    if (request.target == "/computeMetadata/v1/project/project-id") return Answer("project-1");
    if (request.target == "/computeMetadata/v1/instance/preempted") return Answer("TRUE");
    EXPECT_EQ(request.target, "/computeMetadata/v1/instance/?recursive=true");
    return Answer(kInstance);
  });
  setenv("GCE_METADATA_HOST", server.Place().c_str(), 1);
  const auto vm = ReadVmMetadata(io::Within(Milliseconds(60'000)));
  unsetenv("GCE_METADATA_HOST");
  ASSERT_TRUE(vm) << vm.error().message;
  EXPECT_EQ(vm->project, "project-1");
  EXPECT_EQ(vm->server, server.Place());
  EXPECT_TRUE(IsPreempted(*vm, io::Within(Milliseconds(60'000))));
}

TEST(VmMetadata, OfAServerThatIsGoneSayNothingOfPreemption) {
  VmMetadata vm;
  vm.server = "127.0.0.1:1";
  EXPECT_FALSE(IsPreempted(vm, io::Within(Milliseconds(200))));
}

}  // namespace
}  // namespace busker::runner
