// The packages of a service in Python as a layer of an image: wheels, put there by pip for the
// image's Python, whatever this machine's is.
#pragma once

#include <string>

#include "base/result.h"
#include "image/requirements.h"
#include "image/tree.h"
#include "io/interrupt.h"

namespace busker::image {

struct Wheels {
  std::string python;        // "3.11"
  std::string architecture;  // "amd64"
};

// What the layer is made from, as a digest: 64 hexadecimal digits.
std::string PackagesKey(const Requirements& requirements, const Wheels& wheels);

// Puts the packages into the empty folder `to` and returns them as they are in the image: in
// /usr/local/lib/pythonX.Y/site-packages, where Python's own images look, and Debian's is told to;
// their programs in /usr/local/bin. The same packages give the same tree on any machine.
// kInvalid: a requirement that has no wheel or that no index knows, named; kTemporary: an index
// cannot be reached; kNotFound: there is no pip; kFailed: pip's words.
Result<Tree> InstallPackages(const Requirements& requirements, const Wheels& wheels,
                             const io::fs::path& to, const std::vector<std::string>& environment,
                             const io::Interrupt& interrupt);

// The tree of what pip has put into `folder`. Of `python`, "3.11".
Result<Tree> PackagesTree(const io::fs::path& folder, const std::string& python);

}  // namespace busker::image
