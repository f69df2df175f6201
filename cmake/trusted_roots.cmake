# cmake -D OUTPUT=FILE.cc -D FOLDER=DIR -P trusted_roots.cmake: the certificates below the folder (PEM,
# *.crt) as io::BuiltInRoots().
file(GLOB certificates ${FOLDER}/*.crt)
list(LENGTH certificates count)
if(count LESS 50)
  message(FATAL_ERROR "${FOLDER} has ${count} certificates, which is too few: install Debian's package ca-certificates")
endif()
list(SORT certificates)
set(bytes "")
foreach(certificate ${certificates})
  file(READ ${certificate} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  string(APPEND bytes "    ${hex}\n")
endforeach()
file(WRITE ${OUTPUT} "// Made by cmake/trusted_roots.cmake.
#include \"io/tls_context.h\"

namespace busker::io {
namespace {

constexpr unsigned char kRoots[] = {
${bytes}};

}  // namespace

std::string_view BuiltInRoots() { return {reinterpret_cast<const char*>(kRoots), sizeof kRoots}; }

}  // namespace busker::io
")
