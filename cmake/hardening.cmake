# Hardened by default; the sanitizer presets bring checks of their own instead.
option(BUSKER_SANITIZE "sanitizers to build with, e.g. address,undefined" "")
if(BUSKER_SANITIZE)
  # Quicker to build, and the stacks are readable. What the address sanitizer adds takes three times
  # as long to optimise as it does to compile.
  if(BUSKER_SANITIZE MATCHES "thread")
    set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")
  else()
    set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O0 -g1")
  endif()
  add_compile_options(-fsanitize=${BUSKER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  if(BUSKER_SANITIZE MATCHES "undefined")  # a third of the build; the address sanitizer sees such, too
    add_compile_options(-fno-sanitize=null,alignment,object-size,vptr)
  endif()
  add_link_options(-fsanitize=${BUSKER_SANITIZE})
else()
  add_compile_options(-fstack-protector-strong -fcf-protection -D_GLIBCXX_ASSERTIONS)
  if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
  add_link_options(-Wl,-z,relro,-z,now)
endif()
