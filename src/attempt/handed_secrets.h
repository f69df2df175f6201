// The values of an attempt's secrets on their way from the executor to the runner: a file in memory
// alone, sealed, which is the runner's standard input. So they are in no argument, no environment
// and no file of a disk; and the runner needs no key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace busker::attempt {

inline constexpr std::size_t kHandedBytesMax = 128 << 10;  // of all values of an attempt

// Where the runner of a container finds them: a file that is mounted there.
inline constexpr char kSecretsInContainer[] = "/busker/secrets";

void Wipe(std::string& text);  // overwrites it

// The text of such a file, to be wiped, and what it holds.
std::string PackSecrets(const Result<std::vector<std::string>>& values);
Result<std::vector<std::string>> UnpackSecrets(std::string_view packed);

// `values`: one for each of the order's secrets, in their order; or why there are none, which is
// how the attempt ends.
Result<io::Descriptor> HandOver(const Result<std::vector<std::string>>& values);

// The same in the file `path`, mode 0400, for a runner that gets it by no descriptor: the caller
// sees to it that it is in memory and that nobody else can read it.
Result<void> HandOverIn(const io::fs::path& path, const Result<std::vector<std::string>>& values);

// In the runner: what that file holds is `fd` from now on, as HandOver would have made it.
Result<void> TakeOverFrom(const io::fs::path& path, int fd);

// The values, of which there must be `count`, and `fd` is /dev/null from now on. The Error is the
// one that was handed over, or says that nothing was.
Result<std::vector<std::string>> TakeHanded(int fd, std::size_t count);

}  // namespace busker::attempt
