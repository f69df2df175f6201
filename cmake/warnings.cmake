add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
# GCC 12 sees overlapping copies in std::string's own assignment where there are none (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options(-Wno-restrict)
endif()
# Those of Clang, which builds the fuzz targets, are not the house's.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-w)
endif()
# -O3 costs compile time and buys nothing measured here.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
