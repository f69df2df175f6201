// A layer of an image: a compressed tar archive that is a pure function of what is in it. Owners
// are root, times are one instant, the order is that of the paths, and modes are 755 or 644; so
// whoever writes the same files, wherever and whenever, writes the same bytes.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "image/tree.h"
#include "io/interrupt.h"

namespace busker::image {

inline constexpr char kLayerType[] = "application/vnd.oci.image.layer.v1.tar+gzip";

struct Layer {
  std::string digest;   // "sha256:...", of the compressed bytes
  std::string diff_id;  // of the archive before compression
  std::uint64_t size_bytes = 0;
};

// The diff_id alone, of what WriteLayer would write: that costs reading, and no compressing.
Result<std::string> DiffIdOf(const Tree& tree, const io::Interrupt& interrupt);

// Writes the file `to`, durably, in place of what was there. kTemporary: a file was changed while
// it was read. Else as reading and writing files has it; nothing is left at `to` then.
Result<Layer> WriteLayer(const Tree& tree, const io::fs::path& to, const io::Interrupt& interrupt);

// The same archive without compression: what holds layers that are compressed already.
Result<void> WriteArchiveFile(const Tree& tree, const io::fs::path& to,
                              const io::Interrupt& interrupt);

}  // namespace busker::image
