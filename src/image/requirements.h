// What a service in Python needs besides itself: its requirements files.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace busker::image {

struct Requirements {
  std::vector<io::fs::path> files;  // that are there: of the service, and of its source
  std::string text;                 // all of them, with what they refer to by -r and -c
  std::vector<std::string> others;  // lines that name no package of an index: paths, git, -e
  bool has_more = false;  // what comes of them depends on files beside the text: --find-links,
                          // "name @ file:", a constraint by URL

  bool empty() const { return text.empty(); }  // whatever files there are
};

// requirements.txt and source/requirements.txt below the service's folder. None is no error.
// kInvalid: a file refers to too many others; kNotFound: to one that is not there.
Result<Requirements> ReadRequirements(const io::fs::path& root);

// The version of Python that the folder names for whoever makes an environment: "3.11" of its
// .python-version; empty: none.
std::string NamedPython(const io::fs::path& root);

}  // namespace busker::image
