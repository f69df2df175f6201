#include "secret/store.h"
#include "home/home.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "io/test_folder.h"
#include "secret/hex.h"

namespace busker::secret {
namespace {

constexpr Instant kNow{std::chrono::milliseconds(1'564'642'805'123)};

class StoreTest : public testing::Test {
 protected:
  StoreTest() { io::fs::create_directories(folder_ / "home"); }

  Store Open(const std::string& config = "config") {
    return {home::Home{folder_ / "home"}, {"XDG_CONFIG_HOME=" + (folder_ / config).string()}};
  }
  Store OpenWithKey(const std::string& file) {
    return {home::Home{folder_ / "home"}, {"BUSKER_SECRET_KEY_FILE=" + (folder_ / file).string()}};
  }
  Result<void> Set(const std::string& name, const std::string& value) {
    return Open().Set(name, value, "ann", kNow);
  }
  std::string File() { return folder_.Read("home/secrets.json"); }
  void WriteFile(const std::string& text) {
    ASSERT_TRUE(io::WriteFileAtomically(folder_ / "home/secrets.json", text, 0600));
  }
  std::string KeyPath() { return (folder_ / "config/busker/secret.key").string(); }
  mode_t ModeOf(const io::fs::path& path) {
    struct stat info {};
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777;
  }
  // The whole sentence of an error must be there, or nothing.
  template <typename T>
  void Expect(const Result<T>& result, ErrorKind kind, const std::string& part) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, kind);
    EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
  }

  const io::TestFolder folder_;
};

TEST_F(StoreTest, GivesBackWhatWasSet) {
  const std::string binary("any\0byte\xFF\n", 10);
  ASSERT_TRUE(Set("warehouse-password", "hunter2!"));
  ASSERT_TRUE(Set("key", binary));
  ASSERT_TRUE(Set("long", std::string(kValueBytesMax, 'x')));
  EXPECT_EQ(Open().Value("warehouse-password").value(), "hunter2!");
  EXPECT_EQ(Open().Value("key").value(), binary);
  EXPECT_EQ(Open().Value("long").value().size(), kValueBytesMax);
  ASSERT_TRUE(Set("key", "another"));
  EXPECT_EQ(Open().Value("key").value(), "another");

  const auto entries = Open().List().value();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name, "key");
  EXPECT_EQ(entries[0].set_by, "ann");
  EXPECT_EQ(entries[0].set_at, kNow);

  ASSERT_TRUE(Open().Remove("key"));
  Expect(Open().Value("key"), ErrorKind::kNotFound,
         "secret \"key\" is not set; set it with: busker secret set key");
  Expect(Open().Remove("key"), ErrorKind::kNotFound, "no secret key");
  EXPECT_EQ(Open().Value("warehouse-password").value(), "hunter2!");
}

TEST_F(StoreTest, KeepsValuesAndTheKeyFromTheHome) {
  ASSERT_TRUE(Set("x", "hunter2!"));
  const std::string key = folder_.Read("config/busker/secret.key");
  EXPECT_EQ(key.size(), 65u);
  const auto files = io::ListFiles(folder_ / "home").value();
  EXPECT_FALSE(files.empty());
  for (const std::string& file : files) {
    const std::string text = folder_.Read("home/" + file);
    for (const std::string& sought :
         {std::string("hunter2!"), ToHex("hunter2!"), key.substr(0, 64)}) {
      EXPECT_EQ(text.find(sought), std::string::npos) << file;
    }
  }
}

TEST_F(StoreTest, WritesFilesForTheOwnerAlone) {
  const mode_t before = umask(0);
  ASSERT_TRUE(Set("x", "hunter2!"));
  umask(before);
  EXPECT_EQ(ModeOf(folder_ / "home/secrets.json"), 0600u);
  EXPECT_EQ(ModeOf(KeyPath()), 0600u);
  EXPECT_EQ(ModeOf(folder_ / "config/busker"), 0700u);
}

TEST_F(StoreTest, RefusesFilesThatOthersCanReach) {
  ASSERT_TRUE(Set("x", "hunter2!"));
  for (const mode_t mode : {0640u, 0604u, 0620u, 0602u, 0660u, 0666u, 0644u}) {
    chmod(KeyPath().c_str(), mode);
    Expect(Open().Value("x"), ErrorKind::kUnusable, "others may read or write " + KeyPath());
    Expect(Set("y", "hunter3!"), ErrorKind::kUnusable, "others may read or write " + KeyPath());
  }
  chmod(KeyPath().c_str(), 0400);
  EXPECT_TRUE(Open().Value("x"));
  for (const mode_t mode : {0640u, 0604u, 0620u, 0602u}) {
    chmod((folder_ / "home/secrets.json").c_str(), mode);
    Expect(Open().Value("x"), ErrorKind::kUnusable, "others may read or write");
    Expect(Open().List(), ErrorKind::kUnusable, "others may read or write");
  }
}

TEST_F(StoreTest, RefusesAKeyOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_TRUE(Set("x", "hunter2!"));
  ASSERT_EQ(chown(KeyPath().c_str(), 12345, 12345), 0);
  Expect(Open().Value("x"), ErrorKind::kUnusable, "make it your own");
}

// Whoever else owns the file may write to it at any time, whatever its mode says now.
TEST_F(StoreTest, RefusesSecretsOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_TRUE(Set("x", "hunter2!"));
  ASSERT_EQ(chown((folder_ / "home/secrets.json").c_str(), 12345, 12345), 0);
  Expect(Open().Value("x"), ErrorKind::kUnusable, "make it your own");
  Expect(Open().List(), ErrorKind::kUnusable, "make it your own");
  Expect(Set("y", "hunter3!"), ErrorKind::kUnusable, "make it your own");
}

// systemd hands a unit's user its credential as a file of root's, which a group may read; one that
// it may write to as well could be anybody's key.
TEST_F(StoreTest, TakesAKeyOfRootThatAGroupMayReadAndNoMore) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be another user";
  constexpr uid_t kService = 12345;
  folder_.Write("credential", std::string(64, 'a'));
  ASSERT_EQ(chown((folder_ / "credential").c_str(), 0, kService), 0);
  ASSERT_EQ(chmod(folder_.path().c_str(), 0755), 0);
  const std::string named = "BUSKER_SECRET_KEY_FILE=" + (folder_ / "credential").string();
  const KeyFile file = KeyFile::Find({named}, folder_ / "home").value();
  const auto is_taken = [&](mode_t mode) {
    EXPECT_EQ(chmod((folder_ / "credential").c_str(), mode), 0);
    const pid_t child = fork();
    if (child == 0) {
      if (setgroups(0, nullptr) != 0 || setegid(kService) != 0 || seteuid(kService) != 0) _exit(3);
      const auto key = file.Read();
      _exit(key ? 0 : key.error().kind == ErrorKind::kUnusable ? 1 : 2);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) <= 1) << status;
    return WEXITSTATUS(status) == 0;
  };
  for (const mode_t mode : {0440u, 0640u}) EXPECT_TRUE(is_taken(mode)) << mode;
  for (const mode_t mode : {0660u, 0650u, 0644u, 0642u, 0641u}) {
    EXPECT_FALSE(is_taken(mode)) << mode;
  }
}

TEST_F(StoreTest, RefusesAValueThatCannotBeMaskedAndOneThatIsTooLong) {
  Expect(Set("x", "12345"), ErrorKind::kInvalid, "a secret must have 6 characters or more");
  Expect(Set("x", ""), ErrorKind::kInvalid, "could not be masked");
  Expect(Set("x", std::string(kValueBytesMax + 1, 'x')), ErrorKind::kInvalid, "at most 64 KiB");
  EXPECT_TRUE(Set("x", "123456"));
  for (const std::string name : {"", "X", "-x", "a b", "../x", "a\n"}) {
    Expect(Set(name, "hunter2!"), ErrorKind::kInvalid, "is not a valid name of a secret");
  }
}

TEST_F(StoreTest, NoticesEveryByteThatWasChanged) {
  ASSERT_TRUE(Set("x", "hunter2!"));
  const std::string file = File();
  int noticed = 0;
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (const char flip : {'\x01', '\x10'}) {
      std::string changed = file;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      WriteFile(changed);
      const auto value = Open().Value("x");
      // What may be otherwise is only how the file is laid out, and the case of digits.
      if (value) {
        EXPECT_EQ(*value, "hunter2!") << i;
      }
      if (!value) ++noticed;
    }
  }
  EXPECT_GT(noticed, static_cast<int>(file.size()));
  WriteFile(file);
  EXPECT_EQ(Open().Value("x").value(), "hunter2!");
  for (std::size_t size = 0; size + 1 < file.size(); ++size) {
    WriteFile(file.substr(0, size));
    EXPECT_FALSE(Open().Value("x")) << size;
  }
}

TEST_F(StoreTest, NoticesThatAValueWasGivenToAnotherName) {
  ASSERT_TRUE(Set("x", "hunter2!"));
  std::string file = File();
  const auto at = file.find("\"x\"");
  WriteFile(file.replace(at, 3, "\"y\""));
  Expect(Open().Value("y"), ErrorKind::kUnusable, "secret \"y\" cannot be decrypted");
}

// Who set a secret and when could be written anew, and nobody noticed.
TEST_F(StoreTest, NoticesThatAValueWasGivenToAnotherDateOrAuthor) {
  ASSERT_TRUE(Set("x", "hunter2!"));
  const std::string file = File();
  for (const auto& [part, by] : std::initializer_list<std::pair<std::string, std::string>>{
           {"2019-08-01", "2019-08-02"}, {"\"ann\"", "\"bob\""}}) {
    std::string changed = file;
    ASSERT_NE(changed.find(part), std::string::npos) << file;
    WriteFile(changed.replace(changed.find(part), part.size(), by));
    ASSERT_TRUE(Open().List());
    Expect(Open().Value("x"), ErrorKind::kUnusable, "was changed");
  }
  WriteFile(file);
  EXPECT_EQ(Open().Value("x").value(), "hunter2!");
}

TEST_F(StoreTest, EncryptsTheSameValueInAnotherWayEachTime) {
  ASSERT_TRUE(Set("x", "hunter2!"));
  const std::string first = File();
  ASSERT_TRUE(Set("x", "hunter2!"));
  EXPECT_NE(File(), first);
}

TEST_F(StoreTest, SaysInASentenceThatTheKeyIsAnother) {
  ASSERT_TRUE(Set("x", "hunter2!"));
  folder_.Write("other", std::string(64, 'a') + "\n");
  chmod((folder_ / "other").c_str(), 0600);
  Expect(OpenWithKey("other").Value("x"), ErrorKind::kUnusable,
         "is another key than the one that the secrets in");
  Expect(OpenWithKey("other").Set("y", "hunter3!", "ann", kNow), ErrorKind::kUnusable,
         "is another key");
  EXPECT_EQ(Open().Value("x").value(), "hunter2!");
}

TEST_F(StoreTest, MakesNoNewKeyWhileSecretsNeedTheOldOne) {
  ASSERT_TRUE(Set("x", "hunter2!"));
  io::fs::remove(KeyPath());
  Expect(Open().Value("x"), ErrorKind::kNotFound,
         "secret \"x\" cannot be decrypted: no file " + KeyPath());
  Expect(Set("y", "hunter3!"), ErrorKind::kUnusable, "bring it back");
  EXPECT_FALSE(io::fs::exists(KeyPath()));
  ASSERT_TRUE(Open().Remove("x"));
  EXPECT_TRUE(Set("y", "hunter3!")) << "nothing needs it any more";
}

// What cannot be looked at is not nothing: the next secret that was set would have replaced it.
TEST_F(StoreTest, DoesNotTakeWhatItCannotLookAtForNoSecrets) {
  io::fs::create_symlink("secrets.json", folder_ / "home/secrets.json");  // which leads nowhere
  Expect(Open().List(), ErrorKind::kFailed, "look at");
  Expect(Open().Value("x"), ErrorKind::kFailed, "look at");
  EXPECT_FALSE(Set("x", "hunter2!"));
  EXPECT_TRUE(io::fs::is_symlink(folder_ / "home/secrets.json"));
}

// Of a longer file the begin was the key, which is another than its owner means.
TEST_F(StoreTest, TakesAFileWithMoreThanAKeyForNone) {
  for (const std::string& more : {std::string("b"), std::string(64, 'b'), std::string("\nb")}) {
    folder_.Write("credential", std::string(64, 'a') + more);
    chmod((folder_ / "credential").c_str(), 0600);
    Expect(OpenWithKey("credential").Set("x", "hunter2!", "ann", kNow), ErrorKind::kUnusable,
           "64 hexadecimal digits");
  }
}

TEST_F(StoreTest, MakesNoKeyWhereOneWasNamed) {
  Expect(OpenWithKey("credential").Set("x", "hunter2!", "ann", kNow), ErrorKind::kNotFound,
         "openssl rand -hex 32");
  folder_.Write("credential", "not a key\n");
  chmod((folder_ / "credential").c_str(), 0600);
  Expect(OpenWithKey("credential").Set("x", "hunter2!", "ann", kNow), ErrorKind::kUnusable,
         "64 hexadecimal digits");
  folder_.Write("credential", std::string(64, 'B'));
  chmod((folder_ / "credential").c_str(), 0400);
  EXPECT_TRUE(OpenWithKey("credential").Set("x", "hunter2!", "ann", kNow));
  EXPECT_EQ(OpenWithKey("credential").Value("x").value(), "hunter2!");
}

// Of a home that is full, no secret could be renewed.
TEST_F(StoreTest, SetsAnewEachOfAThousandAndNoMore) {
  ASSERT_TRUE(Set("x", "hunter2!"));
  auto all = nlohmann::ordered_json::parse(File());
  for (int i = 1; i < 1000; ++i) {
    all["secrets"].push_back(all["secrets"][0]);
    all["secrets"].back()["name"] = "s" + std::to_string(i);
  }
  WriteFile(all.dump());
  Expect(Set("y", "hunter2!"), ErrorKind::kInvalid, "1,000 secrets already");
  ASSERT_TRUE(Set("x", "another!"));
  EXPECT_EQ(Open().Value("x").value(), "another!");
  ASSERT_TRUE(Open().Remove("s1"));
  EXPECT_TRUE(Set("y", "hunter2!"));
}

// A folder beside the home whose name begins as the home's does was taken for a part of it.
TEST_F(StoreTest, TakesAKeyBesideTheHome) {
  folder_.Write("home-keys/key", std::string(64, 'a'));
  chmod((folder_ / "home-keys/key").c_str(), 0600);
  EXPECT_TRUE(OpenWithKey("home-keys/key").Set("x", "hunter2!", "ann", kNow));
}

// A relative path would be another key in another folder.
TEST_F(StoreTest, RefusesAKeyWhosePathDependsOnTheFolderItIsCalledIn) {
  for (const std::string variable :
       {"BUSKER_SECRET_KEY_FILE=key", "XDG_CONFIG_HOME=config", "HOME=me"}) {
    Expect(Store({folder_ / "home"}, {variable}).Set("x", "hunter2!", "ann", kNow),
           ErrorKind::kInvalid, "must be an absolute path");
  }
  const Store store({folder_ / "home"}, {"HOME=" + (folder_ / "me").string()});
  ASSERT_TRUE(store.Set("x", "hunter2!", "ann", kNow));
  EXPECT_TRUE(io::fs::exists(folder_ / "me/.config/busker/secret.key"));
}

TEST_F(StoreTest, RefusesAKeyInsideOfTheHome) {
  folder_.Write("home/key", std::string(64, 'a'));
  chmod((folder_ / "home/key").c_str(), 0600);
  Expect(OpenWithKey("home/key").Set("x", "hunter2!", "ann", kNow), ErrorKind::kInvalid,
         "is in the home");
  io::fs::create_symlink(folder_ / "home", folder_ / "link");
  Expect(OpenWithKey("link/key").Set("x", "hunter2!", "ann", kNow), ErrorKind::kInvalid,
         "is in the home");
  const Store lost({folder_ / "home"}, {"PATH=/bin"});
  Expect(lost.Set("x", "hunter2!", "ann", kNow), ErrorKind::kInvalid, "neither HOME nor");
}

// A value is bound to who set it and when. What cannot be written as it is was written as something
// else, and the secret could not be decrypted any more, nor, of some dates, the file be read.
TEST_F(StoreTest, KeepsNothingThatItCouldNotReadAgain) {
  ASSERT_TRUE(Set("first", "hunter2!"));
  for (const std::string by : {"\xff\xfe", "a\nb", "a\"b", ""}) {
    ASSERT_TRUE(Open().Set("x", "hunter2!", by, kNow)) << by;
    EXPECT_EQ(Open().Value("x").value(), "hunter2!") << by;
  }
  for (const int year : {-5, 10'000, 20'000}) {
    const Instant at = std::chrono::sys_days(std::chrono::year(year) / 1 / 1);
    const auto set = Open().Set("x", "another!", "ann", at);
    EXPECT_TRUE(set ? Open().Value("x").value() == "another!"
                    : Open().Value("x").value() == "hunter2!")
        << year;
    EXPECT_EQ(Open().Value("first").value(), "hunter2!") << year;
  }
}

// Of those that were set at once, all but the last could be lost, had each read before its turn.
TEST_F(StoreTest, KeepsAllThatManySetAtOnce) {
  const auto name = [](int i) { return "secret-" + std::to_string(i); };
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back(
        [&, i] { EXPECT_TRUE(Open().Set(name(i), "value " + std::to_string(i), "ann", kNow)); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Open().List()->size(), 16u);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(Open().Value(name(i)).value_or(""), "value " + std::to_string(i));
  }
  threads.clear();
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] { EXPECT_TRUE(Open().Remove(name(i))); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Open().List()->size(), 0u) << "none came back";
}

// NIST's test case 16 of GCM, whose known text is authenticated and not encrypted.
TEST(Cipher, OpensWhatOthersEncrypted) {
  const auto bytes = [](std::string_view digits) { return FromHex(digits).value(); };
  const CipherKey key(bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  const Sealed sealed{bytes("cafebabefacedbaddecaf888"),
                      bytes("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"),
                      bytes("76fc6ece0f4e1768cddf8853bb2d551b")};
  const auto text = Open(key, sealed, bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2"));
  ASSERT_TRUE(text);
  EXPECT_EQ(
      ToHex(*text),
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6"
      "b525b16aedf5aa0de657ba637b39");
}

TEST(Cipher, NoticesEveryBitThatWasChanged) {
  const CipherKey key(RandomBytes(kKeyBytes));
  const Sealed sealed = Seal(key, "a secret text", "name").value();
  EXPECT_EQ(Open(key, sealed, "name"), "a secret text");
  EXPECT_FALSE(Open(key, sealed, "nam3"));
  EXPECT_FALSE(Open(CipherKey(RandomBytes(kKeyBytes)), sealed, "name"));
  for (std::string Sealed::*part : {&Sealed::nonce, &Sealed::text, &Sealed::tag}) {
    for (std::size_t bit = 0; bit < (sealed.*part).size() * 8; ++bit) {
      Sealed changed = sealed;
      (changed.*part)[bit / 8] = static_cast<char>((changed.*part)[bit / 8] ^ (1 << bit % 8));
      EXPECT_FALSE(Open(key, changed, "name")) << bit;
    }
    Sealed shorter = sealed;
    (shorter.*part).pop_back();
    EXPECT_FALSE(Open(key, shorter, "name"));
  }
}

}  // namespace
}  // namespace busker::secret
