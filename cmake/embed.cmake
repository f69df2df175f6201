# cmake -D OUTPUT=FILE.cc -D FOLDER=DIR -P embed.cmake: the dashboard's files as serve::Assets().
set(assets "/|text/html|index.html" "/app.js|text/javascript|app.js" "/app.css|text/css|app.css"
    "/licenses.txt|text/plain|licenses.txt")
set(arrays "")
set(rows "")
foreach(asset ${assets})
  string(REPLACE "|" ";" fields "${asset}")
  list(GET fields 0 path)
  list(GET fields 1 type)
  list(GET fields 2 file)
  string(MAKE_C_IDENTIFIER "${file}" name)
  file(READ ${FOLDER}/${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "constexpr unsigned char k_${name}[] = {${bytes}};\n")
  string(APPEND rows "    {\"${path}\", \"${type}; charset=utf-8\", TextOf(k_${name}, sizeof k_${name})},\n")
endforeach()
file(WRITE ${OUTPUT} "// Made by cmake/embed.cmake.
#include \"serve/page.h\"

namespace busker::serve {
namespace {

${arrays}
std::string_view TextOf(const unsigned char* bytes, std::size_t count) {
  return {reinterpret_cast<const char*>(bytes), count};
}

}  // namespace

std::span<const Asset> Assets() {
  static const Asset assets[] = {
${rows}  };
  return assets;
}

}  // namespace busker::serve
")
