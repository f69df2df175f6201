# cmake -D OUTPUT=FILE.cc -D FOLDER=DIR -P templates.cmake: the files below DIR/LANGUAGE as
# cli::Templates(). A file called "gitignore" is the project's .gitignore.
file(GLOB_RECURSE files RELATIVE ${FOLDER} ${FOLDER}/*)
list(SORT files)
set(arrays "")
set(rows "")
foreach(file ${files})
  string(REGEX MATCH "^([a-z]+)/(.*)$" _ ${file})
  set(language ${CMAKE_MATCH_1})
  string(REGEX REPLACE "^gitignore$" ".gitignore" path ${CMAKE_MATCH_2})
  string(MAKE_C_IDENTIFIER "${file}" name)
  file(READ ${FOLDER}/${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "constexpr unsigned char k_${name}[] = {${bytes}0};\n")
  string(APPEND rows "    {\"${language}\", \"${path}\", TextOf(k_${name}, sizeof k_${name} - 1)},\n")
endforeach()
file(WRITE ${OUTPUT} "// Made by cmake/templates.cmake.
#include \"cli/templates.h\"

namespace busker::cli {
namespace {

${arrays}
std::string_view TextOf(const unsigned char* bytes, std::size_t count) {
  return {reinterpret_cast<const char*>(bytes), count};
}

}  // namespace

std::span<const TemplateFile> Templates() {
  static const TemplateFile files[] = {
${rows}  };
  return files;
}

}  // namespace busker::cli
")
