#include "runner/source_commit.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/text.h"
#include "io/subprocess.h"
#include "io/test_folder.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;

class SourceCommit : public testing::Test {
 protected:
  SourceCommit() { environment_.push_back("HOME=" + (folder_ / "nobody").string()); }

  std::string Git(const fs::path& folder, std::vector<std::string> words) {
    words.insert(words.begin(),
                 {"git", "-C", (folder_ / folder).string(), "-c", "user.name=a", "-c",
                  "user.email=a@b.example", "-c", "protocol.file.allow=always"});
    const auto done = io::RunAndCapture({words, environment_, {}}, std::chrono::seconds(20));
    EXPECT_TRUE(done && done->exit_code == 0) << Join(words, " ") << done->errors;
    return std::string(Trim(done->output));
  }
  // A repository with all that is in the folder committed; its commit.
  std::string Commit(const fs::path& folder) {
    Git(folder, {"init", "-q"});
    Git(folder, {"add", "-A"});
    Git(folder, {"commit", "-q", "-m", "x"});
    return Git(folder, {"rev-parse", "HEAD"});
  }
  SourceCommits Find() {
    const auto commits = FindSourceCommits(folder_ / "service", environment_, Milliseconds(20'000));
    EXPECT_TRUE(commits) << commits.error().message;
    return commits.value_or(SourceCommits{});
  }
  void ExpectFound(const std::string& source, const std::string& folder) {
    const SourceCommits commits = Find();
    EXPECT_EQ(commits.source, source);
    EXPECT_EQ(commits.folder, folder);
  }

  const io::TestFolder folder_;
  std::vector<std::string> environment_ = {"PATH=/usr/local/bin:/usr/bin:/bin"};
};

TEST_F(SourceCommit, IsTheFoldersWhereSourceIsPartOfIt) {
  folder_.Write("service/source/main.py", "1");
  ExpectFound("", "");
  const std::string commit = Commit("service");
  ExpectFound(commit, commit);
  folder_.Write("service/source/main.py", "2");
  ExpectFound(commit + "-dirty", commit + "-dirty");
}

TEST_F(SourceCommit, OfAServiceInAFolderOfARepositoryIsTheRepositorys) {
  folder_.Write("service/source/main.py", "1");
  folder_.Write("other/file", "1");
  const std::string commit = Commit(".");
  ExpectFound(commit, commit);
  folder_.Write("other/file", "2");  // nothing of the service's
  ExpectFound(commit, commit);
}

// It was empty when source/ was a repository of its own and the folder none.
TEST_F(SourceCommit, OfASourceThatIsItsOwnRepositoryIsItsOwn) {
  folder_.Write("service/source/main.py", "1");
  const std::string source = Commit("service/source");
  ExpectFound(source, "");
  folder_.Write("service/.gitignore", "source\n");
  const std::string folder = Commit("service");
  EXPECT_NE(source, folder);
  ExpectFound(source, folder);
  folder_.Write("service/source/main.py", "2");
  ExpectFound(source + "-dirty", folder);
  folder_.Write("service/.gitignore", "source\n\n");
  ExpectFound(source + "-dirty", folder + "-dirty");
}

TEST_F(SourceCommit, OfASubmoduleIsItsOwn) {
  folder_.Write("code/main.py", "1");
  const std::string source = Commit("code");
  folder_.Write("service/configs/training.json", "{}");
  Commit("service");
  Git("service", {"submodule", "--quiet", "add", (folder_ / "code").string(), "source"});
  const std::string folder = Commit("service");
  ExpectFound(source, folder);
  folder_.Write("service/source/main.py", "2");
  ExpectFound(source + "-dirty", folder + "-dirty");
}

TEST_F(SourceCommit, OfALinkIsThatOfWhereItLeads) {
  folder_.Write("code/model/main.py", "1");
  const std::string source = Commit("code");
  folder_.Write("service/package/main.py", "1");
  fs::create_symlink("package", folder_ / "service/source");
  const std::string folder = Commit("service");
  ExpectFound(folder, folder);
  fs::remove(folder_ / "service/source");
  fs::create_symlink("../code/model", folder_ / "service/source");
  ExpectFound(source, folder + "-dirty");
}

TEST_F(SourceCommit, IsEmptyWhereNothingIsCommittedYet) {
  folder_.Write("service/source/main.py", "1");
  Git("service", {"init", "-q"});
  ExpectFound("", "");
}

// The repository's file system monitor ran as Busker's user, on the engine's own thread.
TEST_F(SourceCommit, RunsNothingThatTheRepositoryNamesAndChangesNothing) {
  folder_.Write("service/source/main.py", "1");
  folder_.Write("service/.gitattributes", "* diff=x filter=x\n");
  const std::string commit = Commit("service");
  const std::string witness = (folder_ / "witness").string();
  const fs::path script = folder_.Write("run", "#!/bin/sh\necho $0 $* >> " + witness + "\ncat\n");
  ASSERT_EQ(chmod(script.c_str(), 0755), 0);
  for (const char* key :
       {"core.fsmonitor", "diff.external", "diff.x.command", "diff.x.textconv", "filter.x.clean",
        "filter.x.process", "core.sshCommand", "core.pager", "core.editor", "core.askPass"}) {
    Git("service", {"config", key, script.string()});
  }
  Git("service", {"config", "filter.x.required", "true"});
  for (const char* hook : {"post-index-change", "fsmonitor-watchman", "post-checkout"}) {
    fs::copy_file(script, folder_ / "service/.git/hooks" / hook);
  }
  const std::string index = folder_.Read("service/.git/index");
  fs::last_write_time(folder_ / "service/source/main.py",
                      fs::file_time_type::clock::now() - std::chrono::hours(1));
  ExpectFound(commit, commit);
  folder_.Write("service/source/main.py", "2");
  ExpectFound(commit + "-dirty", commit + "-dirty");
  EXPECT_FALSE(fs::exists(witness)) << folder_.Read("witness");
  EXPECT_EQ(folder_.Read("service/.git/index"), index);
}

TEST_F(SourceCommit, AGitThatHangsOrIsNotThereIsTold) {
  folder_.Write("service/source/main.py", "1");
  Commit("service");
  const fs::path git = folder_.Write("bin/git", "#!/bin/sh\nexec /bin/sleep 100\n");
  const std::string path = "PATH=" + (folder_ / "bin").string();
  EXPECT_EQ(FindSourceCommits(folder_ / "service", {path}, Milliseconds(200)).error().kind,
            ErrorKind::kInvalid);  // not executable
  ASSERT_EQ(chmod(git.c_str(), 0755), 0);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(FindSourceCommits(folder_ / "service", {path}, Milliseconds(200)).error().kind,
            ErrorKind::kTimedOut);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  fs::remove(git);
  EXPECT_EQ(FindSourceCommits(folder_ / "service", {path}, Milliseconds(200)).error().kind,
            ErrorKind::kNotFound);
  folder_.Write("service/.git/HEAD", "damaged");
  EXPECT_NE(FindSourceCommits(folder_ / "service", environment_, Milliseconds(20'000))
                .error()
                .message.find("fatal"),
            std::string::npos);
}

}  // namespace
}  // namespace busker::runner
